package legacy

import (
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Values of the label from.
const (
	fromMemory  = "memory"
	fromSource  = "source"
	fromNothing = "none" // refused without reading anything
)

// metrics count the calls and log their clients. They show when the old API is no
// longer used.
type metrics struct {
	requests *prometheus.CounterVec
	most     int // maximum number of distinct consumers

	mu   sync.Mutex
	told map[consumer]time.Time // when each was last logged
}

// consumer identifies a client and the kind of call that it makes.
type consumer struct{ identity, agent, api, mask string }

func newMetrics(registry *prometheus.Registry, most int, apis []string) (*metrics, error) {
	m := &metrics{most: most, told: map[consumer]time.Time{}, requests: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "wmstats_legacy_requests_total",
		Help: "Requests to the old server's API, by call and by where the answer comes from: memory, source, or none if they were refused.",
	}, []string{"api", "from"})}
	for _, api := range append(apis, unknownAPI) { // start at 0
		for _, from := range []string{fromMemory, fromSource, fromNothing} {
			m.requests.WithLabelValues(api, from)
		}
	}
	return m, errors.Join(registry.Register(m.requests))
}

func (m *metrics) count(api, from string) { m.requests.WithLabelValues(api, from).Inc() }

// tellEvery is the interval at which one consumer is logged.
const tellEvery = time.Hour

// news reports whether a consumer has not been logged for an hour.
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
			return false // a client invents names
		}
	}
	m.told[who] = now
	return true
}

// note logs the consumer of a call, at most once an hour.
func (h *Handler) note(c *call) {
	client, _ := h.o.Gate.Client(c.r)
	const longest = 300
	cut := func(text string) string { return text[:min(len(text), longest)] }
	who := consumer{client.String(), cut(c.r.UserAgent()), c.api, cut(strings.Join(c.query.values["mask"], ","))}
	if h.metrics.news(who, c.began) {
		h.o.Log.With(h.o.Gate.Who(c.r)).Info("the old API is used", "user_agent", who.agent, "api", who.api, "mask", who.mask)
	}
}
