package legacy

import (
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Where an answer comes from, for metrics.
const (
	fromMemory  = "memory"
	fromSource  = "source"
	fromNothing = "none" // it was refused before that
)

// metrics count what is asked, and tell who asks: they say when the old API can
// go.
type metrics struct {
	requests *prometheus.CounterVec
	most     int // consumers that are told apart

	mu   sync.Mutex
	told map[consumer]time.Time // when the log had them last
}

// consumer is who asks for what.
type consumer struct{ identity, agent, api, mask string }

func newMetrics(registry *prometheus.Registry, most int, apis []string) (*metrics, error) {
	m := &metrics{most: most, told: map[consumer]time.Time{}, requests: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "wmstats_legacy_requests_total",
		Help: "Requests to the old server's API, by call and by where the answer comes from: memory, source, or none for those that were refused before.",
	}, []string{"api", "from"})}
	for _, api := range append(apis, unknownAPI) { // at 0 from the start
		for _, from := range []string{fromMemory, fromSource, fromNothing} {
			m.requests.WithLabelValues(api, from)
		}
	}
	return m, errors.Join(registry.Register(m.requests))
}

func (m *metrics) count(api, from string) { m.requests.WithLabelValues(api, from).Inc() }

// tellEvery is how often the log has the same consumer.
const tellEvery = time.Hour

// news tells whether the log has not had a consumer for an hour.
func (m *metrics) news(who consumer, now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if at, ok := m.told[who]; ok && now.Sub(at) < tellEvery {
		return false
	}
	if len(m.told) >= m.most {
		for one, at := range m.told {
			if now.Sub(at) >= tellEvery {
				delete(m.told, one)
			}
		}
		if len(m.told) >= m.most {
			return false // somebody makes names up
		}
	}
	m.told[who] = now
	return true
}

// note logs who asks for what.
func (h *Handler) note(c *call) {
	client, _ := h.o.Gate.Client(c.r)
	const longest = 300
	cut := func(text string) string { return text[:min(len(text), longest)] }
	who := consumer{client.String(), cut(c.r.UserAgent()), c.api, cut(strings.Join(c.query.values["mask"], ","))}
	if h.metrics.news(who, c.began) {
		h.o.Log.Info("the old API is used", "client", who.identity, "user_agent", who.agent, "api", who.api, "mask", who.mask)
	}
}
