package haproxy

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/dmwm/wmstats/schema/wire"
)

// answer is a whole HTTP answer.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func ask(ctx context.Context, address string, header ...string) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return answer{}, err
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, body}, err
}

// scan reads a list by Link, as the clients in docs/how-to/scripts.md do.
type scan struct {
	s       *system
	address string         // of the next page; "": the scan has ended
	seen    map[string]int // workflows of this scan, or of its last beginning
	gone    map[string]int // 410s by the tag of the requested generation
	again   int            // how often the scan has begun again
}

func (s *system) scan(base, query string) *scan {
	return &scan{s: s, address: base + "/fetch?limit=5&" + query, seen: map[string]int{}, gone: map[string]int{}}
}

// scanAtEach begins a scan at each cache server.
func (s *system) scanAtEach(t *testing.T, base, query string) (list []*scan) {
	at := map[string]bool{}
	for len(at) < len(s.caches) && !t.Failed() {
		c := s.scan(base, query)
		c.page(t)
		if tag := c.tag(); !at[tag] {
			at[tag] = true
			list = append(list, c)
		}
	}
	return list
}

// tag names the process that made the generation of the next page.
func (c *scan) tag() string {
	address, _ := url.Parse(c.address)
	tag, _, _ := strings.Cut(address.Query().Get("gen"), "-")
	return tag
}

var next = regexp.MustCompile(`<([^>]*)>; rel="next"`)

// page reads a page. It reports everything but 200 and 410 as an error.
func (c *scan) page(t *testing.T) {
	here, err := url.Parse(c.address)
	if !assert.NoError(t, err) {
		c.address = ""
		return
	}
	a, err := ask(t.Context(), c.address)
	if !assert.NoError(t, err, "refused or cut") {
		c.address = ""
		return
	}
	follow := func(reference string) {
		c.address = ""
		if to, err := here.Parse(reference); assert.NoError(t, err) && reference != "" {
			c.address = to.String()
		}
	}
	switch a.status {
	case http.StatusOK:
		var list []struct{ Workflow string }
		assert.NoError(t, json.Unmarshal(a.body, &list))
		for _, w := range list {
			c.seen[w.Workflow]++
		}
		to := ""
		if m := next.FindStringSubmatch(a.header.Get("Link")); m != nil {
			to = m[1]
		}
		follow(to)
	case http.StatusGone:
		c.gone[c.tag()]++
		var p wire.Problem
		assert.NoError(t, json.Unmarshal(a.body, &p))
		if p.Continue == "" {
			c.again++
			clear(c.seen)
			follow(p.Restart)
			return
		}
		follow(p.Continue)
	default:
		assert.Fail(t, "neither 200 nor 410", "%d %s: %s", a.status, c.address, a.body)
		c.address = ""
	}
}

// rest reads until the end, and checks the scan: each workflow exactly once, and at
// most one 410 for each server that was stopped.
func (c *scan) rest(t *testing.T) {
	for c.address != "" {
		c.page(t)
	}
	assert.Len(t, c.seen, workflows)
	for name, times := range c.seen {
		assert.Equal(t, 1, times, name)
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	for tag, times := range c.gone {
		assert.Equal(t, 1, times, "410s for generations of one server")
		assert.True(t, c.s.stopped[tag], "a 410 for a server that was not stopped")
	}
}
