package failover

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/dmwm/wmstats/schema/wire"
)

// scan is a client that reads the whole list by Link, repeatedly.
type scan struct {
	l    *load
	path string

	before, last map[string]bool // of the two scans before, for what the one between them missed
}

var next = regexp.MustCompile(`<([^>]*)>; rel="next"`)

// run reads the list once.
func (s *scan) run(ctx context.Context) {
	seen, total, whole, stale := map[string]bool{}, "", true, false
	for address := s.l.api + s.path + "&limit=" + strconv.Itoa(s.l.o.Page); address != ""; {
		a, err := s.l.inTurn(ctx, address)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			s.l.fault(ctx, "%s: %v", address, err)
			return
		}
		to := ""
		switch a.status {
		case http.StatusOK:
			total, stale = a.header.Get(wire.HeaderTotal), stale || a.header.Get("X-Stale") != ""
			var list []struct{ Workflow string }
			if err := json.Unmarshal(a.body, &list); err != nil {
				s.l.fault(ctx, "%s: %v", address, err)
				return
			}
			for _, w := range list {
				if seen[w.Workflow] {
					s.l.note(func(c *Counts) { c.Twice++ })
				}
				seen[w.Workflow] = true
			}
			if m := next.FindStringSubmatch(a.header.Get("Link")); m != nil {
				to = m[1]
			}
		case http.StatusGone:
			var p wire.Problem
			if err := json.Unmarshal(a.body, &p); err != nil {
				s.l.fault(ctx, "%s: %v", address, err)
				return
			}
			// Only in the order of names there is a place to continue from.
			s.l.expired(a, p.Continue != "" || strings.Contains(s.path, "sort="))
			whole = false
			if to = p.Continue; to == "" {
				return // the next one begins again
			}
		default:
			s.l.fault(ctx, "%s: %d %.200s", address, a.status, a.body)
			return
		}
		if address, err = follow(a.from, to); err != nil {
			s.l.fault(ctx, "%s: %v", to, err)
			return
		}
	}
	s.judge(seen, total, whole, stale)
}

// follow resolves a reference; "" stays "".
func follow(from *url.URL, to string) (string, error) {
	if to == "" {
		return "", nil
	}
	u, err := from.Parse(to)
	if err != nil {
		return "", err //nolint:wrapcheck // the caller names the address
	}
	return u.String(), nil
}

// judge counts what a scan missed: of one generation, what its total has more; and
// what both the scan before and the one after it have, unless its answers said that
// they are not current.
func (s *scan) judge(seen map[string]bool, total string, whole, stale bool) {
	if n, err := strconv.Atoi(total); whole && err == nil {
		for range n - len(seen) {
			s.l.missed("a scan of one generation has %d of %d workflows", len(seen), n)
		}
	}
	if stale {
		return
	}
	if s.last != nil {
		for name := range s.before {
			if seen[name] && !s.last[name] {
				s.l.missed("%s: a scan lacks %s, which the one before and the one after it have", s.path, name)
			}
		}
	}
	s.before, s.last = s.last, seen
}
