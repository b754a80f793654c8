package api

import (
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/schema/wire"
)

// page is a range of a result list.
type page struct {
	total, idx, count, limit int
	gen                      string
	last                     string // name of its last workflow, when the order is by name
}

// links makes the Link header and the address of the next page. All of them
// name the generation, so that who follows them misses and repeats nothing. The
// end is said by the absence of next, never by a short page.
func links(c echo.Context, q wire.Query, p page) (header, next string) {
	if q.All {
		return "", ""
	}
	q.Gen, q.Last = p.gen, ""
	at := func(idx, limit int) string {
		q.Idx, q.Limit = idx, limit
		return target(c, q.Values())
	}
	texts := []string{link(at(0, p.limit), "first")}
	if p.idx > 0 && p.idx <= p.total {
		// The page before the first idx records may be shorter than the others.
		texts = append(texts, link(at(max(0, p.idx-p.limit), min(p.limit, p.idx)), "prev"))
	}
	if end := p.idx + p.count; p.count > 0 && end < p.total {
		q.Last = p.last
		next = at(end, p.limit)
		q.Last = ""
		texts = append(texts, link(next, "next"))
	}
	return strings.Join(append(texts, link(at(lastIdx(p), p.limit), "last")), ", "), next
}

// lastIdx is where the last page begins, in steps from this one.
func lastIdx(p page) int {
	switch {
	case p.total == 0:
		return 0
	case p.idx >= p.total:
		return (p.total - 1) / p.limit * p.limit
	}
	return p.idx + (p.total-1-p.idx)/p.limit*p.limit
}

func link(url, rel string) string { return "<" + url + `>; rel="` + rel + `"` }
