package join

import (
	"time"
)

// Apply applies changes. It keeps none of their memory except texts and Info.
// Before the first Commit of a Read it only collects documents. Applying a
// change again changes nothing. Changes of different documents may come in any
// order.
func (j *Join) Apply(moment time.Time, changes []Change) Outcome {
	j.moment = moment
	j.trust(changes)
	return j.apply(changes)
}

// ApplyRead is Apply for documents that a full read of another writer delivered:
// those that are not known stay doubtful until a read is accepted (Sweep), or Apply
// receives them.
func (j *Join) ApplyRead(moment time.Time, changes []Change) Outcome {
	j.moment = moment
	j.doubt(changes)
	return j.apply(changes)
}

// Sweep removes the documents that an accepted full read of another writer did not
// see.
func (j *Join) Sweep(moment time.Time, gone []Document) Outcome {
	j.moment = moment
	j.believed, j.doubtful = nil, nil
	b := newBatch()
	j.sweep(b, gone)
	return j.finish(b)
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

// sweep removes documents that a read did not see.
func (j *Join) sweep(b *batch, gone []Document) {
	for _, d := range gone {
		j.remove(b, d)
	}
	b.result.Swept = gone
}

// stand marks a document as seen, if it is known.
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

// remove removes a document, if it is known.
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
