package join

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

// finish computes the records that a batch touched, and the State with them.
func (j *Join) finish(b *batch) Outcome {
	out := Outcome{}
	if j.state != nil {
		edits, diff := j.remake(b)
		if len(edits) > 0 || b.show {
			j.show(j.editor.Replace(j.state.Table, edits))
			out.Publish, out.Diff = true, diff
		}
		j.tidy()
		b.result.Added, b.result.Changed, b.result.Removed = len(diff.Added), len(diff.Changed), len(diff.Removed)
	}
	for w := range b.touched {
		if !w.has && len(w.reports) == 0 {
			delete(j.workflows, w.name)
		}
	}
	b.result.Unmatched = j.unmatched
	out.Result, out.State, out.Freshness = b.result, j.state, j.freshest()
	return out
}

// tidy empties the working memory.
func (j *Join) tidy() {
	if j.work.encoded = j.work.encoded[:0]; cap(j.work.encoded) > usualBatch {
		j.work.encoded = nil
	}
	clear(j.work.records) // they point to memory of others
	if j.work.records = j.work.records[:0]; cap(j.work.records) > usualRecords {
		j.work.records = nil
	}
}

// remake returns the edits for the touched workflows in the order of their
// names, and updates the sums.
func (j *Join) remake(b *batch) (edits []table.Edit, diff Diff) {
	touched := slices.SortedFunc(maps.Keys(b.touched), func(a, b *workflow) int { return cmp.Compare(a.name, b.name) })
	j.work.records = slices.Grow(j.work.records, len(touched))
	for _, w := range touched {
		was := b.touched[w]
		if !w.has {
			b.show = j.watch(w, "") || b.show
			if was.had {
				j.subtract(w, was, "")
				edits = append(edits, table.Edit{Name: w.name, Remove: true})
				diff.Removed = append(diff.Removed, w.name)
			}
			w.due, w.own = 0, nil
			continue
		}
		edit, reports := j.make(w, was)
		b.show = j.watch(w, edit.Record.Status) || b.show
		if was.had && bytes.Equal(edit.Encoded, was.block.Record(was.at)) && isSource(was, edit.Source) {
			continue
		}
		if was.had {
			j.subtract(w, was, edit.Record.OriginalRequest)
			diff.Changed = append(diff.Changed, w.name)
		} else {
			j.recovery.move(w.name, "", edit.Record.OriginalRequest)
			diff.Added = append(diff.Added, w.name)
		}
		j.sums.Add(edit.Record, reports)
		edits = append(edits, edit)
	}
	return edits, diff
}

// make computes the record of w from its reports and its request's side, which
// is that of its previous record unless a new request came.
func (j *Join) make(w *workflow, was *previous) (table.Edit, []schema.AgentReport) {
	request := was.request
	if request == nil {
		request = was.block.Workflow(j.layout, was.at)
	}
	j.work.records = append(j.work.records, *request) // schema.Join modifies it; there is room
	record := &j.work.records[len(j.work.records)-1]
	joined := j.joined(w, record.Status)
	reports := j.unpack(w, contentsOf(joined))
	schema.Join(record, reports)
	began, due := j.alert(w, record, joined)
	j.schedule(w, due)
	facts := schema.FactsOf(record, reports)
	facts.Began, facts.Seen = began, j.seen(was, record.Alerts)
	// Blocks copy their input, so one buffer serves all records of a batch.
	start := len(j.work.encoded)
	j.work.encoded = schema.AppendJSON(j.work.encoded, record)
	return table.Edit{
		Name:    w.name,
		Record:  record,
		Encoded: j.work.encoded[start:len(j.work.encoded):len(j.work.encoded)],
		Source:  new(sourceMaker).make(j.names, w, joined, facts),
	}, reports
}

// seen returns when each of the codes was seen to begin, given the record before:
// now if it is new. It returns none for those that held at the first read, whose
// beginning nobody saw.
func (j *Join) seen(was *previous, codes []string) (seen []schema.Began) {
	if len(codes) == 0 {
		return nil
	}
	var before []string
	var known []schema.Began
	if was.had {
		before = was.block.AppendList(nil, j.columns.alerts, was.at)
	}
	if len(before) > 0 {
		known = j.state.Facts(was.block.Source(was.at)).Seen
	}
	for _, code := range codes {
		i := slices.IndexFunc(known, func(b schema.Began) bool { return b.Rule == code })
		switch {
		case i >= 0:
			seen = append(seen, known[i])
		case !slices.Contains(before, code):
			seen = append(seen, schema.Began{Rule: code, Time: j.now()})
		}
	}
	return seen
}

// isSource reports whether the record in the newest table has the same source.
func isSource(was *previous, src block.Source) bool {
	old := was.block.Source(was.at)
	return old.Version == src.Version && bytes.Equal(old.IDs, src.IDs)
}

// subtract removes the previous record of w from the sums, and records its new
// original.
func (j *Join) subtract(w *workflow, was *previous, original string) {
	j.summed(was.block, was.at, &j.work.old)
	j.sums.Remove(&j.work.old, j.unpack(w, was.contents))
	j.recovery.move(w.name, string(was.block.Text(j.columns.original, was.at)), original)
}

// summed writes the input of sums from record i into w: the scalars, the lists
// of campaigns and releases, and the right number of output datasets without
// their names. The lists of w are overwritten.
func (j *Join) summed(b *block.Block, i int, w *schema.Workflow) {
	b.Scalars(j.layout, i, w)
	w.Campaigns = b.AppendList(w.Campaigns[:0], j.columns.campaigns, i)
	w.Releases = b.AppendList(w.Releases[:0], j.columns.releases, i)
	w.OutputDatasets = w.OutputDatasets[:0]
	b.EachText(j.columns.outputs, i, func([]byte) bool {
		w.OutputDatasets = append(w.OutputDatasets, "")
		return true
	})
}

// show makes the next State of a table.
func (j *Join) show(t *table.Table) {
	j.state = &State{
		Moment:     j.moment,
		Table:      t,
		Sums:       j.sums.View(),
		Agents:     j.listAgents(),
		Limits:     j.limits,
		Recoveries: j.recovery.lend(),
		Names:      j.names.Texts(),
		Documents:  len(j.reports) - j.unmatched,
		Unmatched:  j.unmatched,
	}
}
