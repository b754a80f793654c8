package join

import (
	"slices"
	"strings"

	"github.com/dmwm/wmstats/schema"
)

func (j *Join) applyRequest(b *batch, c *Change) {
	w := j.owner(c.ID)
	switch hash, seen := j.requestState(w, c.ID); {
	case c.Hash != 0 && hash == c.Hash:
		*seen = j.epoch
		b.result.Same++
	case c.Workflow == nil:
		b.result.Refetch = append(b.result.Refetch, c.ID)
	default:
		name := c.Workflow.Workflow
		if w != nil && w.name != name {
			j.dropRequest(b, w, c.ID)
		}
		j.replaceRequest(b, j.workflowOf(name), c)
	}
}

// requestState returns the known hash of a request document of w, and its mark.
func (j *Join) requestState(w *workflow, id string) (hash uint64, seen *uint32) {
	if w == nil {
		return 0, new(uint32)
	}
	if w.has && w.requestID() == id {
		return w.hash, &w.seen
	}
	for i, d := range w.duplicates() {
		if d.id == id {
			return d.hash, &w.more.duplicates[i].seen
		}
	}
	return 0, new(uint32)
}

// replaceRequest replaces what was known of a request document.
func (j *Join) replaceRequest(b *batch, w *workflow, c *Change) {
	if c.ID != w.name {
		j.aliases[strings.Clone(c.ID)] = w
	}
	j.known.set(Request, c.ID, c.Hash)
	others := without(w.duplicates(), c.ID)
	if w.has && w.requestID() != c.ID {
		if before(w.requestID(), c.ID, w.name) {
			w.setRequests(w.requestID(), append(others, duplicate{strings.Clone(c.ID), c.Hash, j.epoch, j.pack(c.Workflow)}))
			return
		}
		others = append(others, duplicate{w.requestID(), w.hash, w.seen, j.packedRequest(b, w)})
	}
	was := j.touch(b, w)
	if !w.has {
		w.has = true
		j.unmatched -= len(w.reports)
	}
	w.hash, w.seen = c.Hash, j.epoch
	w.setRequests(strings.Clone(c.ID), others)
	if j.state == nil {
		w.request = j.pack(c.Workflow)
		return
	}
	was.request = c.Workflow
}

// dropRequest removes a request document from w; another one of the same
// workflow replaces it, otherwise the reports of w become unmatched.
func (j *Join) dropRequest(b *batch, w *workflow, id string) {
	j.known.set(Request, id, 0)
	delete(j.aliases, id)
	if !w.has || w.requestID() != id {
		w.setRequests(w.requestID(), without(w.duplicates(), id))
		return
	}
	was := j.touch(b, w)
	if len(w.duplicates()) == 0 {
		w.has, w.hash, w.request, w.more, was.request = false, 0, "", nil, nil
		j.unmatched += len(w.reports)
		return
	}
	next := slices.MinFunc(w.duplicates(), func(a, b duplicate) int {
		if before(a.id, b.id, w.name) {
			return -1
		}
		return 1
	})
	w.hash, w.seen = next.hash, next.seen
	w.setRequests(next.id, without(w.duplicates(), next.id))
	if j.state == nil {
		w.request = next.packed
		return
	}
	was.request = j.unpackRequest(next.packed)
}

// packedRequest returns the request's side of the record of w.
func (j *Join) packedRequest(b *batch, w *workflow) string {
	if was := b.touched[w]; was != nil && was.request != nil {
		return j.pack(was.request)
	}
	if j.state != nil {
		if at, ok := j.state.Table.Search(w.name); ok {
			blk, i := j.state.Table.At(at)
			return j.pack(blk.Workflow(j.layout, i))
		}
	}
	return w.request
}

// pack packs a record.
func (j *Join) pack(record *schema.Workflow) string {
	j.work.packing = schema.AppendPacked(j.work.packing[:0], record)
	return string(j.work.packing)
}

// unpackRequest returns a record that owns its memory; nil if it can't be
// decoded.
func (j *Join) unpackRequest(packed string) *schema.Workflow {
	var record schema.Workflow
	if err := new(schema.Unpacker).Unpack(packed, &record); err != nil { // damaged memory
		j.opt.Log.Error("could not unpack a request", "err", err)
		return nil
	}
	return &record
}
