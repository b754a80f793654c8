package api

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/cacheserver/store"
	"github.com/dmwm/wmstats/schema/wire"
)

// page is a range of a result list.
type page struct {
	total, idx, count int
	limit             int // 0: all records, which has no links
	gen               string
	last              string // name of its last workflow, when the order is by name
}

// pageOf returns the page that a query asks for; limit is its maximum length,
// or 0.
func pageOf(generation *store.Generation, q wire.Query, total, limit int) page {
	p := page{total: total, idx: q.Idx, limit: limit, gen: generation.ID()}
	if p.count = max(0, total-q.Idx); limit > 0 {
		p.count = min(p.count, limit)
	}
	return p
}

// promises reports whether an answer with these links has the URL of another
// page.
func (p page) promises() bool {
	return p.limit > 0 && (p.idx > 0 && p.idx <= p.total || p.count > 0 && p.idx+p.count < p.total)
}

// links returns the Link header and the URL of the next page. All URLs name
// the generation, so that a client that follows them misses and repeats
// nothing. The last page has no next; a short page is not a sign of the end.
// URLs repeat the query: for a long one the header has next alone, and if even
// that is too long for clients the error is too-large. fixed are the
// parameters that all URLs have; the standard page length is left out.
func links(c echo.Context, fixed url.Values, p page, standard int) (header, next string, err error) {
	if p.limit == 0 {
		return "", "", nil
	}
	fixed.Set("gen", p.gen)
	w := linkWriter{path: clientPrefix(c) + c.Request().URL.EscapedPath(), fixed: fixed.Encode(), standard: standard}
	w.text = make([]byte, 0, 4*(len(w.path)+len(w.fixed))+len(p.last)+128)
	w.link("first", 0, p.limit, "")
	if p.idx > 0 && p.idx <= p.total {
		// The page before the first idx records may be shorter than the
		// others.
		w.link("prev", max(0, p.idx-p.limit), min(p.limit, p.idx), "")
	}
	from, to := 0, 0
	if end := p.idx + p.count; p.count > 0 && end < p.total {
		from, to = w.link("next", end, p.limit, p.last)
	}
	w.link("last", lastIdx(p), p.limit, "")
	header = string(w.text)
	next = header[from:to]
	header, err = readable(header, next)
	return header, next, err
}

// readable returns the Link header in a length that clients can read. The
// error is a *wire.Problem, too-large.
func readable(header, next string) (string, error) {
	if len(header) <= longHeader {
		return header, nil
	}
	if next == "" {
		return "", nil
	}
	if header = link(next, "next"); len(header) > longestHeader {
		return "", wire.NewProblem(wire.SlugTooLarge, fmt.Sprintf(
			"The URL of the next page would have %d bytes, and many clients accept only %d: use fewer conditions, a larger page, or limit=all.", len(next), longestHeader))
	}
	return header, nil
}

// Limits of the Link header in bytes: proxies by default accept 8 KB for all
// headers of an answer, and many clients reject a line of 64 KB.
const (
	longHeader    = 4 << 10
	longestHeader = 60 << 10
)

// linkWriter writes URLs that differ in few parameters, in the format and
// order of url.Values.Encode.
type linkWriter struct {
	text     []byte
	path     string
	fixed    string // the parameters that do not differ, encoded
	standard int    // default length of a page, left out
}

// link appends one link and returns where its URL starts.
func (w *linkWriter) link(rel string, idx, limit int, last string) (from, to int) {
	if len(w.text) > 0 {
		w.text = append(w.text, ", "...)
	}
	w.text = append(w.text, '<')
	from = len(w.text)
	w.text = append(w.text, w.path...)
	moving := [...]struct {
		name, text string
		number     int
	}{{name: "idx", number: idx}, {name: "last", text: last}, {name: "limit", number: limit}}
	if limit == w.standard {
		moving[2].number = 0
	}
	next, mark := 0, byte('?')
	upTo := func(name string) { // appends those that come before name
		for ; next < len(moving) && (name == "" || moving[next].name < name); next++ {
			m := &moving[next]
			if m.text == "" && m.number == 0 {
				continue
			}
			w.text = append(append(append(w.text, mark), m.name...), '=')
			mark = '&'
			if m.text != "" {
				w.text = append(w.text, url.QueryEscape(m.text)...)
			} else {
				w.text = strconv.AppendInt(w.text, int64(m.number), 10)
			}
		}
	}
	for pair := range strings.SplitSeq(w.fixed, "&") {
		name, _, _ := strings.Cut(pair, "=")
		upTo(name)
		w.text = append(append(w.text, mark), pair...)
		mark = '&'
	}
	upTo("")
	to = len(w.text)
	w.text = append(append(append(w.text, `>; rel="`...), rel...), '"')
	return from, to
}

// lastIdx returns where the last page starts, in steps from this one.
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
