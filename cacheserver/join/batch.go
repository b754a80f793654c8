package join

import (
	"github.com/dmwm/wmstats/cacheserver/table/block"
	"github.com/dmwm/wmstats/schema"
)

// batch is the state of processing one input: the touched workflows and their
// previous records.
type batch struct {
	result  Result
	touched map[*workflow]*previous
	show    bool // make a new State even if no record changes
}

// previous is the source of a record before the batch, and the request that the
// batch contained.
type previous struct {
	had      bool
	block    *block.Block     // block of the record in the newest table, and
	at       int              // its index in the block; see had
	contents []content        // joined; nil if there is no record
	request  *schema.Workflow // the new request's side, read-only, or nil
}

func newBatch() *batch { return &batch{touched: map[*workflow]*previous{}} }

// touch records that the record of w must be computed again.
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
