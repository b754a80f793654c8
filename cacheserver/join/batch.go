package join

import (
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
