package store

import (
	"errors"
	"fmt"
	"io"

	"github.com/dmwm/wmstats/cacheserver/table/block"
	"github.com/dmwm/wmstats/cacheserver/table/stitch"
	"github.com/dmwm/wmstats/schema/wire"
)

// Stitched returns the page as one gzip member made of kept segments, if the
// result is the unfiltered list in name order; otherwise ok is false. The text
// is an array with one record per line for JSON, one record per line for NDJSON.
// The parts must not be changed.
func (l *List) Stitched(idx, limit int, format wire.Format) (parts [][]byte, size int64, ok bool) {
	form, idx, end, ok := l.stitchable(idx, limit, format)
	if !ok {
		return nil, 0, false
	}
	m := stitch.NewMember((end-idx)/block.Size + 2)
	if err := l.stitch(m, form, idx, end, func() error { return nil }); err != nil {
		l.g.with.opt.Log.Error("could not assemble a page", "generation", l.g.id, "err", err)
		return nil, 0, false
	}
	parts, size = m.Parts()
	return parts, size, true
}

// few is the number of segments that a reader may wait for.
const few = 8

// Ready reports whether Stitched returns at once: it has only a few segments to
// compress, or can't stitch at all.
func (l *List) Ready(idx, limit int, format wire.Format) bool {
	form, idx, end, ok := l.stitchable(idx, limit, format)
	if !ok || end-idx <= few*block.Size {
		return true
	}
	lacking := 0
	l.g.table.Range(idx, end, func(b *block.Block, _, _ int) bool {
		if !b.Has(form) {
			lacking++
		}
		return lacking <= few
	})
	return lacking <= few
}

// StitchTo writes the result of Stitched segment by segment, each as soon as it
// is compressed, so that a reader gets the first at once. The error may be w's.
func (l *List) StitchTo(w io.Writer, idx, limit int, format wire.Format) error {
	form, idx, end, ok := l.stitchable(idx, limit, format)
	if !ok {
		return fmt.Errorf("stitch as %q: %w", format, errNoSegments)
	}
	m := stitch.NewMember(1)
	return l.stitch(m, form, idx, end, func() error {
		for _, part := range m.Take() {
			if _, err := w.Write(part); err != nil {
				return fmt.Errorf("write a stitched body: %w", err)
			}
		}
		return nil
	})
}

// stitchable returns the segments' form and the range of a page that can be
// stitched.
func (l *List) stitchable(idx, limit int, format wire.Format) (form block.Form, from, end int, ok bool) {
	form, err := formOf(format)
	if err != nil || !l.all {
		return 0, 0, 0, false
	}
	idx = max(idx, 0)
	end = l.Total()
	if limit < end-idx {
		end = idx + max(limit, 0)
	}
	return form, idx, max(idx, end), true
}

// stitch adds the records idx..end to a member, and calls added after each
// segment and at the end.
func (l *List) stitch(m *stitch.Member, form block.Form, idx, end int, added func() error) error {
	array := form == block.Array
	if idx == end {
		if array {
			m.CloseEmpty()
		} else {
			m.End()
		}
		return added()
	}
	if array {
		m.Open()
	}
	var err error
	first := true
	l.g.table.Range(idx, end, func(b *block.Block, i, j int) bool {
		var seg *stitch.Segment
		if seg, err = l.g.with.segment(b, form, i, j); err != nil {
			return false
		}
		if array && !first {
			m.Separate()
		}
		first = false
		m.Add(seg)
		err = added()
		return err == nil
	})
	if err != nil {
		return err
	}
	if array {
		m.Close()
	} else {
		m.End()
	}
	return added()
}

// segment returns records i..j of a block compressed: the block's own segment,
// if it may keep one, otherwise one from the cache by its content.
func (r *readers) segment(b *block.Block, form block.Form, i, j int) (*stitch.Segment, error) {
	if i == 0 && j == b.Len() && (b.Has(form) || !b.Retired() && r.room()) {
		had := b.Has(form)
		seg, err := b.Segment(form)
		if err == nil && !had {
			r.segments.Add(seg.Size())
		}
		return seg, err //nolint:wrapcheck // it names what it compressed
	}
	var v versions
	for k := i; k < j; k++ {
		v.add(b.Hash(k))
	}
	key := fmt.Sprintf("segment|%d|%d|%x", form, j-i, v.sum())
	if kept, ok := r.opt.Cache.Get(key); ok {
		if seg, ok := kept.(*stitch.Segment); ok {
			return seg, nil
		}
	}
	seg, err := b.Compress(form, i, j)
	if err == nil {
		r.opt.Cache.Set(key, seg, seg.Size())
	}
	return seg, err
}

// errNoSegments means that a format is not made of segments.
var errNoSegments = errors.New("the format has no segments")

// formOf returns the form of the segments of a format.
func formOf(format wire.Format) (block.Form, error) {
	switch format {
	case wire.JSON:
		return block.Array, nil
	case wire.NDJSON:
		return block.Lines, nil
	}
	return 0, fmt.Errorf("format %q: %w", format, errNoSegments)
}
