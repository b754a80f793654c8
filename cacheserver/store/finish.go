package store

import (
	"bytes"
	"cmp"
	"maps"
	"slices"

	"github.com/dmwm/wmstats/cacheserver/table"
	"github.com/dmwm/wmstats/cacheserver/table/block"
	"github.com/dmwm/wmstats/schema"
)

// Working memory that is kept between batches: bytes for encoding, and records.
const (
	usualBatch   = 1 << 20
	usualRecords = 256
)

// finish makes the records of what a batch touched and publishes them.
func (s *Store) finish(b *batch) Result {
	if cur := s.current.Load(); cur != nil {
		edits, diff := s.remake(b)
		if len(edits) > 0 || b.infos {
			s.publish(s.editor.Replace(cur.tree, edits), diff, b.infos, b.how)
			b.result.Published = true
		}
		s.tidy()
		b.result.Added, b.result.Changed, b.result.Removed = len(diff.Added), len(diff.Changed), len(diff.Removed)
		b.result.Generation = s.current.Load().id
	}
	for e := range b.touched {
		if !e.has && len(e.docs) == 0 {
			delete(s.entries, e.name)
		}
	}
	s.weigh(b.how.began)
	b.result.Orphans = s.orphans
	s.waiting.Store(int64(s.orphans))
	return b.result
}

// tidy empties the working memory.
func (s *Store) tidy() {
	if s.encoded = s.encoded[:0]; cap(s.encoded) > usualBatch {
		s.encoded = nil
	}
	clear(s.records) // what they point to is not theirs
	if s.records = s.records[:0]; cap(s.records) > usualRecords {
		s.records = nil
	}
}

// remake gives the edits that the touched workflows need, in the order of
// their names, and keeps the sums in step.
func (s *Store) remake(b *batch) (edits []table.Edit, diff Diff) {
	touched := slices.SortedFunc(maps.Keys(b.touched), func(a, b *entry) int { return cmp.Compare(a.name, b.name) })
	s.records = slices.Grow(s.records, len(touched))
	for _, e := range touched {
		o := b.touched[e]
		if !e.has {
			if o.had {
				s.subtract(e, o, "")
				edits = append(edits, table.Edit{Name: e.name, Remove: true})
				diff.Removed = append(diff.Removed, e.name)
			}
			e.due = 0
			continue
		}
		edit, parts := s.make(e, o)
		if o.had && bytes.Equal(edit.Encoded, o.block.Record(o.at)) && isSource(o, edit.Source) {
			continue
		}
		if o.had {
			s.subtract(e, o, edit.Record.OriginalRequest)
			diff.Changed = append(diff.Changed, e.name)
		} else {
			s.recoveries.move(e.name, "", edit.Record.OriginalRequest)
			diff.Added = append(diff.Added, e.name)
		}
		s.sums.Add(edit.Record, parts)
		edits = append(edits, edit)
	}
	return edits, diff
}

// subtract takes the record that e had out of the sums, and notes what its
// original is now.
func (s *Store) subtract(e *entry, o *previous, original string) {
	s.summed(o.block, o.at, &s.old)
	s.sums.Remove(&s.old, s.unpack(e, o.parts))
	s.recoveries.move(e.name, string(o.block.Text(s.original, o.at)), original)
}

// summed writes into w what sums are made of of record i: the scalars, the lists
// of campaigns and releases, and as many output datasets as there are, without
// their names. The lists of w are written over.
func (s *Store) summed(b *block.Block, i int, w *schema.Workflow) {
	b.Scalars(s.layout, i, w)
	w.Campaigns = b.AppendList(w.Campaigns[:0], s.campaigns, i)
	w.Releases = b.AppendList(w.Releases[:0], s.releases, i)
	w.OutputDatasets = w.OutputDatasets[:0]
	b.EachText(s.outputs, i, func([]byte) bool {
		w.OutputDatasets = append(w.OutputDatasets, "")
		return true
	})
}

// make makes the record of e from its request's side, which is that of the
// record that it had unless a new one came, and its parts.
func (s *Store) make(e *entry, o *previous) (table.Edit, []schema.AgentReport) {
	request := o.record
	if request == nil {
		request = o.block.Workflow(s.layout, o.at)
	}
	s.records = append(s.records, *request) // Join writes to it; there is room
	request = &s.records[len(s.records)-1]
	docs := s.joined(e, request.Status)
	parts := s.unpack(e, partsOf(docs))
	schema.Join(request, parts)
	due := s.alert(request, docs)
	s.schedule(e, due)
	// Blocks copy what they take, so one buffer serves all records of a batch.
	start := len(s.encoded)
	s.encoded = schema.AppendJSON(s.encoded, request)
	return table.Edit{
		Name:    e.name,
		Record:  request,
		Encoded: s.encoded[start:len(s.encoded):len(s.encoded)],
		Source:  s.sourceOf(e, docs),
	}, parts
}

// isSource says that the record in the newest generation was made of the same.
func isSource(o *previous, src block.Source) bool {
	old := o.block.Source(o.at)
	return old.Version == src.Version && bytes.Equal(old.IDs, src.IDs)
}
