package store

import (
	"bytes"
	"cmp"
	"maps"
	"slices"

	"github.com/dmwm/wmstats/cacheserver/store/block"
	"github.com/dmwm/wmstats/cacheserver/store/tree"
	"github.com/dmwm/wmstats/schema"
)

// usualBatch is the working memory that is kept for encoding, in bytes.
const usualBatch = 1 << 20

// finish makes the records of what a batch touched and publishes them.
func (s *Store) finish(b *batch) Result {
	if cur := s.current.Load(); cur != nil {
		edits, diff := s.remake(b)
		if len(edits) > 0 || b.infos {
			next, dropped := s.editor.Apply(cur.tree, edits)
			s.publish(next, dropped, diff, b.infos, b.how)
			b.result.Published = true
		}
		if s.encoded = s.encoded[:0]; cap(s.encoded) > usualBatch {
			s.encoded = nil
		}
		b.result.Added, b.result.Changed, b.result.Removed = len(diff.Added), len(diff.Changed), len(diff.Removed)
		b.result.Generation = s.current.Load().id
	}
	for e := range b.touched {
		if !e.has && len(e.docs) == 0 {
			delete(s.entries, e.name)
		}
	}
	b.result.Orphans = s.orphans
	s.waiting.Store(int64(s.orphans))
	return b.result
}

// remake gives the edits that the touched workflows need, in the order of
// their names, and keeps the sums in step.
func (s *Store) remake(b *batch) (edits []tree.Edit, diff Diff) {
	touched := slices.SortedFunc(maps.Keys(b.touched), func(a, b *entry) int { return cmp.Compare(a.name, b.name) })
	for _, e := range touched {
		o := b.touched[e]
		var old *schema.Workflow
		var oldBytes []byte
		if o.had {
			old, oldBytes = o.block.Workflow(s.layout, o.at), o.block.Record(o.at)
		}
		if !e.has {
			if o.had {
				s.sums.Remove(old, s.unpack(e, o.parts))
				s.recoveries.move(e.name, old.OriginalRequest, "")
				edits = append(edits, tree.Edit{Name: e.name, Remove: true})
				diff.Removed = append(diff.Removed, e.name)
			}
			e.due = 0
			continue
		}
		edit, parts := s.make(e, o.record, old)
		if o.had && bytes.Equal(edit.Encoded, oldBytes) && isSource(o, edit.Source) {
			continue
		}
		if o.had {
			s.sums.Remove(old, s.unpack(e, o.parts))
			s.recoveries.move(e.name, old.OriginalRequest, edit.Record.OriginalRequest)
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

// make makes the record of e from its request's side, which is that of old
// unless a new one is given, and its parts.
func (s *Store) make(e *entry, request, old *schema.Workflow) (tree.Edit, []schema.AgentPart) {
	if request == nil {
		again := *old // Join replaces lists, and old is still needed for the sums
		request = &again
	}
	docs := s.joined(e, request.Status)
	parts := s.unpack(e, partsOf(docs))
	schema.Join(request, parts)
	due := s.alert(e, request, docs)
	s.schedule(e, due)
	// Blocks copy what they take, so one buffer serves all records of a batch.
	start := len(s.encoded)
	s.encoded = schema.AppendJSON(s.encoded, request)
	return tree.Edit{
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
