package legacy

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/dmwm/wmstats/cacheserver/join"
	"github.com/dmwm/wmstats/cacheserver/legacy/documents"
	"github.com/dmwm/wmstats/cacheserver/legacy/property"
	"github.com/dmwm/wmstats/cacheserver/table/stitch"
)

// filtered handles filtered_requests.
func (c *call) filtered() error {
	q := questionOf(c.query)
	if len(q.masks) > maxMasks {
		return invalid(fmt.Sprintf("The query has more than %d different values of mask.", maxMasks))
	}
	if len(q.filters) > maxFilters {
		return invalid(fmt.Sprintf("The query filters by more than %d properties.", maxFilters))
	}
	s, err := c.snapshot(q.reports || q.cleaned)
	if err != nil {
		return err
	}
	picked := q.picker(s)
	if err := c.allRead(func(n uint8) bool { return picked.statuses == nil || picked.statuses[n] }); err != nil {
		return err
	}
	if q.reports {
		c.from = fromSource
		return c.withReports(s, &q, c.about(s, &picked))
	}
	c.from = fromMemory
	a := c.begin(0)
	scan := scan{s: s, q: &q, picked: picked, reader: s.Reader()}
	for _, b := range s.Blocks {
		if err := c.r.Context().Err(); err != nil {
			return fmt.Errorf("answer: %w", context.Cause(c.r.Context()))
		}
		if !picked.mayAny(b) {
			continue
		}
		var rows rows
		if err := c.scanning(func() (err error) {
			rows, err = c.segment(&scan, b, a.member != nil)
			return err
		}); err != nil {
			return err
		}
		if err := a.segment(rows.text, rows.deflated, rows.count); err != nil {
			return err
		}
	}
	return a.end()
}

// turn takes one of a few places. A free one is taken, however little time there
// is; else it waits for at most Options.WaitFor, and the call is 503 with
// Retry-After.
func (c *call) turn(places chan struct{}) (release func(), err error) {
	release = func() { <-places }
	select {
	case places <- struct{}{}:
		return release, nil
	default:
	}
	timeout := time.NewTimer(c.h.o.WaitFor)
	defer timeout.Stop()
	select {
	case places <- struct{}{}:
		return release, nil
	case <-timeout.C:
		return nil, busy("Too many clients ask for this at once.")
	case <-c.r.Context().Done():
		return nil, fmt.Errorf("wait for a turn: %w", context.Cause(c.r.Context()))
	}
}

// scanning calls a function that walks over documents, a few of them at the same
// time. The function writes no answer: a client that reads slowly must not keep
// others waiting.
func (c *call) scanning(walk func() error) error {
	release, err := c.turn(c.h.scans)
	if err != nil {
		return err
	}
	defer release()
	return walk()
}

// scan walks over documents for one question.
type scan struct {
	s      *documents.Snapshot
	q      *question
	picked picker
	reader *documents.Reader
	of     property.Document
}

// match is a document that a question takes. Its text is good until the next
// block is opened.
type match struct {
	id   string
	mark documents.Mark
	text []byte
}

// matches calls fn with the documents of a block that match.
func (s *scan) matches(b *documents.Block, fn func(m match)) error {
	if !s.picked.mayAny(b) {
		return nil
	}
	if err := s.reader.Open(b); err != nil {
		return fmt.Errorf("%w: %w", errMemory, err)
	}
	for i := range b.Len() {
		if !s.picked.may(b, i) {
			continue
		}
		text := s.reader.Document(i)
		s.of.Reset(text)
		if s.q.matches(&s.of) {
			fn(match{b.ID(i), b.Mark(i), text})
		}
	}
	return nil
}

// rows are those of one block, from behind the separator of the first one.
type rows struct {
	text     []byte
	deflated *stitch.Segment // nil: not made
	count    int
}

// segment makes the rows of one block, or takes those that were made before.
func (c *call) segment(s *scan, b *documents.Block, deflated bool) (rows, error) {
	key := "legacy/rows/" + strconv.FormatUint(b.Serial(), 36) + "/" + strconv.FormatBool(deflated) + "/" + s.q.key
	if !s.q.cleaned {
		if found, ok := c.h.o.Cache.Get(key); ok {
			if r, ok := found.(rows); ok {
				return r, nil
			}
		}
	}
	var r rows
	add := func(row func([]byte) []byte) {
		if r.count > 0 {
			r.text = append(r.text, ',')
		}
		r.count++
		r.text = append(row(r.text), '\n')
	}
	var idle func(id string) bool
	if s.q.cleaned {
		var err error
		if idle, err = c.idle(s, b); err != nil {
			return r, err
		}
	}
	err := s.matches(b, func(m match) {
		if idle == nil || idle(m.id) {
			add(func(dst []byte) []byte { return s.q.appendRow(dst, &s.of, nil) })
		}
	})
	if err != nil || s.q.cleaned {
		return r, err
	}
	r.text = bytes.Clone(r.text) // cached rows keep no spare capacity
	if deflated && r.count > 0 {
		if r.deflated, err = stitch.Compress(r.text); err != nil {
			return r, fmt.Errorf("compress rows: %w", err)
		}
		r.text = nil // nobody needs both
	}
	cost := int64(len(r.text)+len(key)) + 64
	if r.deflated != nil {
		cost += r.deflated.Size()
	}
	c.h.o.Cache.Set(key, r, cost)
	return r, nil
}

// idle tells of the workflows of a block that match whether all reports on them
// have an empty status.
func (c *call) idle(s *scan, b *documents.Block) (func(id string) bool, error) {
	var ids []string
	if err := s.matches(b, func(m match) { ids = append(ids, m.id) }); err != nil {
		return nil, err
	}
	is := make(map[string]bool, len(ids))
	for i, refs := range c.h.o.Store.Reports(ids) {
		is[ids[i]] = !slices.ContainsFunc(refs, func(r join.ReportRef) bool { return !r.Idle })
	}
	return func(id string) bool { return is[id] }, nil
}

// about is about the length of an answer with whole documents and what agents
// report, in bytes.
func (c *call) about(s *documents.Snapshot, picked *picker) (bytes int64) {
	const report = 9000 // bytes of a usual one
	for _, b := range s.Blocks {
		for i := range b.Len() {
			if picked.may(b, i) {
				bytes += b.TextBytes(i)
				if c.h.joined[b.Mark(i).Status] {
					bytes += report
				}
			}
		}
	}
	return bytes
}
