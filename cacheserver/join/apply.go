package join

import (
	"time"

	"github.com/dmwm/wmstats/cacheserver/table/block"
	"github.com/dmwm/wmstats/schema"
)

// batch is the work of one input: which workflows it touched and what they were
// before.
type batch struct {
	result  Result
	touched map[*workflow]*previous
	show    bool // a new State is made, also if no record changes
}

// previous is what a record was made of before the batch, and the request that
// the batch brought.
type previous struct {
	had      bool
	block    *block.Block     // that has the record in the newest table, and
	at       int              // the place in it; where had
	contents []content        // joined; nil where the record is not there
	request  *schema.Workflow // the new request's side, not to be changed, or nil
}

// Apply takes what it needs of changes, and keeps nothing that they point to but
// texts and Info. It joins them to what is there. Before the first Commit of a
// Read it only gathers. Applying a change again changes nothing. Changes of
// different documents may come in any order.
func (j *Join) Apply(moment time.Time, changes []Change) Outcome {
	j.moment = moment
	j.trust(changes)
	return j.apply(changes)
}

func (j *Join) apply(changes []Change) Outcome {
	b := newBatch()
	for i := range changes {
		c := &changes[i]
		switch {
		case c.Stands:
			j.stand(Document{c.Kind, c.ID})
		case c.Deleted:
			j.remove(b, Document{c.Kind, c.ID})
		case c.Kind == Request:
			j.applyRequest(b, c)
		case c.Kind == AgentReport:
			j.applyReport(b, c)
		case c.Kind == AgentInfo:
			j.applyInfo(b, c)
		}
	}
	return j.finish(b)
}

// Sweep removes documents.
func (j *Join) Sweep(moment time.Time, gone []Document) Outcome {
	j.moment = moment
	b := newBatch()
	j.sweep(b, gone)
	return j.finish(b)
}

func (j *Join) sweep(b *batch, gone []Document) {
	for _, d := range gone {
		j.remove(b, d)
	}
	b.result.Swept = gone
}

func newBatch() *batch { return &batch{touched: map[*workflow]*previous{}} }

// touch notes that the record of w is to be made again.
func (j *Join) touch(b *batch, w *workflow) *previous {
	if was := b.touched[w]; was != nil {
		return was
	}
	was := &previous{}
	if j.state != nil && w.has {
		if at, ok := j.state.Table.Search(w.name); ok {
			blk, i := j.state.Table.At(at)
			was.had, was.block, was.at = true, blk, i
			was.contents = contentsOf(j.joined(w, j.statusOf(blk, i)))
		}
	}
	b.touched[w] = was
	return was
}

func (j *Join) statusOf(b *block.Block, i int) string {
	c := j.columns.status
	return c.Dict.Texts()[b.Int(c, i)]
}

// stand marks a document as seen. One that is not there is left alone.
func (j *Join) stand(d Document) {
	switch d.Kind {
	case Request:
		_, seen := j.requestState(j.owner(d.ID), d.ID)
		*seen = j.epoch
	case AgentReport:
		if r := j.reports[d.ID]; r != nil {
			r.seen = j.epoch
		}
	case AgentInfo:
		if a := j.agents[d.ID]; a != nil {
			a.seen = j.epoch
		}
	}
}

// holds tells whether a document is known.
func (j *Join) holds(d Document) bool {
	switch d.Kind {
	case Request:
		return j.owner(d.ID) != nil
	case AgentReport:
		return j.reports[d.ID] != nil
	}
	return j.agents[d.ID] != nil
}

// remove takes away a document, if it is there.
func (j *Join) remove(b *batch, d Document) {
	switch d.Kind {
	case Request:
		if w := j.owner(d.ID); w != nil {
			j.dropRequest(b, w, d.ID)
		}
	case AgentReport:
		if r := j.reports[d.ID]; r != nil {
			j.dropReport(b, r)
		}
	case AgentInfo:
		if j.agents[d.ID] != nil {
			j.dropInfo(b, d.ID)
		}
	}
}
