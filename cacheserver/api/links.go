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
	limit             int // 0: all of it, which has no links
	gen               string
	last              string // name of its last workflow, when the order is by name
}

// pageOf cuts the page that a query asks for; limit is its greatest length, or 0.
func pageOf(generation *store.Generation, q wire.Query, total, limit int) page {
	p := page{total: total, idx: q.Idx, limit: limit, gen: generation.ID()}
	if p.count = max(0, total-q.Idx); limit > 0 {
		p.count = min(p.count, limit)
	}
	return p
}

// promises says that an answer with these links gives an address to go on with,
// or back.
func (p page) promises() bool {
	return p.limit > 0 && (p.idx > 0 && p.idx <= p.total || p.count > 0 && p.idx+p.count < p.total)
}

// links makes the Link header and the address of the next page. All of them
// name the generation, so that who follows them misses and repeats nothing. The
// end is said by the absence of next, never by a short page. Addresses repeat
// the question: of a long one the header has next alone, and where clients could
// not read even that the error is too-large. fixed are the parameters that all
// addresses have; a page of the standard length is not said to have it.
func links(c echo.Context, fixed url.Values, p page, standard int) (header, next string, err error) {
	if p.limit == 0 {
		return "", "", nil
	}
	fixed.Set("gen", p.gen)
	w := linkWriter{path: forwardedPrefix(c) + c.Request().URL.EscapedPath(), fixed: fixed.Encode(), standard: standard}
	w.text = make([]byte, 0, 4*(len(w.path)+len(w.fixed))+len(p.last)+128)
	w.link("first", 0, p.limit, "")
	if p.idx > 0 && p.idx <= p.total {
		// The page before the first idx records may be shorter than the others.
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

// readable is the header Link in a length that clients can read. Its error is a
// *wire.Problem, too-large.
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

// Bounds of the header Link in bytes: proxies keep 8 KB for all headers of an
// answer, unless told otherwise, and many clients refuse a line of 64 KB.
const (
	longHeader    = 4 << 10
	longestHeader = 60 << 10
)

// linkWriter writes addresses that differ in few parameters, in the form and
// order of url.Values.Encode.
type linkWriter struct {
	text     []byte
	path     string
	fixed    string // the parameters that do not differ, encoded
	standard int    // length of a page that need not be said
}

// link writes one link and returns where its address is.
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
	upTo := func(name string) { // writes those that come before name
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
