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
	if q.cleaned {
		if err := c.firstHand(); err != nil {
			return err
		}
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
	defer scan.reader.Close()
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

// turn acquires one of a few places. If none is free, it waits for at most
// Options.WaitFor; after that the call is 503 with Retry-After.
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
		return nil, busy("Too many clients request this at once.")
	case <-c.r.Context().Done():
		return nil, fmt.Errorf("wait for a turn: %w", context.Cause(c.r.Context()))
	}
}

// scanning calls a function that scans documents, and limits how many run at the
// same time. The function must not write to the client: a slow reader would block
// others.
func (c *call) scanning(do func() error) error {
	release, err := c.turn(c.h.scans)
	if err != nil {
		return err
	}
	defer release()
	return do()
}

// scan searches documents for one question.
type scan struct {
	s      *documents.Snapshot
	q      *question
	picked picker
	reader *documents.Reader
	of     property.Document
	rows   []byte // memory for the rows of a block
}

// match is a document that matches a question. Its text is valid until the next
// block is opened.
type match struct {
	id   string
	mark documents.Mark
	text []byte
}

// matches calls fn with each matching document of a block.
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

// rows are the rows of one block, without the separator before the first one.
type rows struct {
	text     []byte
	deflated *stitch.Segment // nil: not compressed
	count    int
}

// segment returns the rows of one block, from the cache if possible.
func (c *call) segment(s *scan, b *documents.Block, deflated bool) (rows, error) {
	key := "legacy/rows/" + strconv.FormatUint(b.Serial(), 36) + "/" + strconv.FormatBool(deflated) + "/" + s.q.key
	if !s.q.cleaned {
		if found, ok := c.h.o.Cache.Get(key); ok {
			if r, ok := found.(rows); ok {
				return r, nil
			}
		}
	}
	r := rows{text: s.rows[:0]}
	var idle func(id string) bool
	if s.q.cleaned {
		var err error
		if idle, err = c.idle(s, b); err != nil {
			return r, err
		}
	}
	err := s.matches(b, func(m match) {
		if idle != nil && !idle(m.id) {
			return
		}
		if r.count > 0 {
			r.text = append(r.text, ',')
		}
		r.count++
		r.text = append(s.q.appendRow(r.text, &s.of, nil), '\n')
	})
	s.rows = r.text
	if err != nil || s.q.cleaned {
		return r, err
	}
	if deflated && r.count > 0 {
		if r.deflated, err = stitch.Compress(r.text); err != nil {
			return r, fmt.Errorf("compress rows: %w", err)
		}
		r.text = nil // only one form is needed
	} else {
		r.text = bytes.Clone(r.text)
	}
	cost := int64(len(r.text)+len(key)) + 64
	if r.deflated != nil {
		cost += r.deflated.Size()
	}
	c.h.o.Cache.Set(key, r, cost)
	return r, nil
}

// idle returns a function that reports whether all agents' reports on a workflow
// have an empty status. It covers the matching workflows of a block.
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

// about estimates the length in bytes of an answer with whole documents and
// agents' reports.
func (c *call) about(s *documents.Snapshot, picked *picker) (bytes int64) {
	const report = 9000 // typical length in bytes
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
