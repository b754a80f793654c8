package simulate

import (
	"encoding/json"
	"maps"
	"net/http"
	"regexp"
	"slices"

	"github.com/dmwm/wmstats/schema/wire"
)

// pageLength is the length of the pages of a scan: short, so that a scan takes
// several minutes.
const pageLength = "7"

// scan is a client that follows Link from page to page, one page per check, and
// begins again after the last page.
type scan struct {
	next       string // "": at the beginning
	generation string
	want       map[string]value // records of its generation
	names      map[string]bool
}

var nextLink = regexp.MustCompile(`<([^>]*)>; rel="next"`)

func (s *scan) step(o *oracle) *Broken {
	path := s.next
	if path == "" {
		*s = scan{names: map[string]bool{}, want: o.list.rows, generation: o.list.generation}
		path = "/fetch?fields=Status&limit=" + pageLength
	}
	w := o.w.process.get(path)
	if w.Code != http.StatusOK {
		return o.broken(Answered, "%s answers %d %s", path, w.Code, w.Body)
	}
	if got := w.Header().Get(wire.HeaderGeneration); got != s.generation {
		if s.next == "" { // a newer generation was published since the list was read
			return nil
		}
		return o.broken(Answered, "a scan of %s got a page of %s", s.generation, got)
	}
	rows, err := parseRows(w.Body.Bytes())
	if err != nil {
		return o.broken(Answered, "%s: %v", path, err)
	}
	for name := range rows {
		if s.names[name] {
			return o.broken(Answered, "a scan of %s has %s twice", s.generation, name)
		}
		s.names[name] = true
	}
	s.next = ""
	if m := nextLink.FindStringSubmatch(w.Header().Get("Link")); m != nil {
		s.next = m[1]
		return nil
	}
	if !sameNames(s.names, s.want) {
		return o.broken(Answered, "a scan of %s has %v, the list %v", s.generation, slices.Sorted(maps.Keys(s.names)), slices.Sorted(maps.Keys(s.want)))
	}
	return nil
}

func sameNames[V any](names map[string]bool, want map[string]V) bool {
	if len(names) != len(want) {
		return false
	}
	for name := range want {
		if !names[name] {
			return false
		}
	}
	return true
}

// changesClient keeps the names of the list by following /changes.
type changesClient struct {
	generation string // "": at the beginning
	names      map[string]bool
}

// step follows the changes to their end and compares. A generation that no answer
// promised is dropped when the next one is published, which may be between two
// requests: then the client continues with the new one.
func (c *changesClient) step(o *oracle) *Broken {
	const tries = 3
	for range tries {
		if gone, broken := c.follow(o); !gone {
			return broken
		}
	}
	return o.broken(Answered, "generations that /changes reports are gone before they can be read: the last was %s", c.generation)
}

// follow is one attempt of step; gone: the reported generation is not kept any more.
func (c *changesClient) follow(o *oracle) (gone bool, broken *Broken) {
	if c.generation == "" {
		c.generation, c.names = o.list.generation, map[string]bool{}
		for name := range o.list.rows {
			c.names[name] = true
		}
		return false, nil
	}
	path := "/changes?since=" + c.generation
	w := o.w.process.get(path)
	if w.Code != http.StatusOK {
		return false, o.broken(Answered, "%s answers %d %s", path, w.Code, w.Body)
	}
	var change wire.Change
	if err := json.Unmarshal(w.Body.Bytes(), &change); err != nil {
		return false, o.broken(Answered, "%s: %v", path, err)
	}
	if change.Event == wire.EventReset || change.Truncated {
		c.generation = ""
		return false, nil
	}
	for _, name := range change.Workflows {
		c.names[name] = true
	}
	for _, name := range change.Gone {
		delete(c.names, name)
	}
	c.generation = change.Generation
	list := "/fetch?fields=Status&limit=10000&gen=" + c.generation
	w = o.w.process.get(list)
	if w.Code == http.StatusGone {
		return true, nil
	}
	if w.Code != http.StatusOK {
		return false, o.broken(Answered, "%s answers %d %s", list, w.Code, w.Body)
	}
	rows, err := parseRows(w.Body.Bytes())
	if err != nil {
		return false, o.broken(Answered, "%s: %v", list, err)
	}
	if !sameNames(c.names, rows) {
		return false, o.broken(Answered, "/changes up to %s returns %v, the list has %v", c.generation, slices.Sorted(maps.Keys(c.names)), slices.Sorted(maps.Keys(rows)))
	}
	return false, nil
}
