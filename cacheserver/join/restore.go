package join

import (
	"bytes"
	"container/heap"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/dmwm/wmstats/cacheserver/checkpoint"
	"github.com/dmwm/wmstats/cacheserver/join/ownrules"
	"github.com/dmwm/wmstats/cacheserver/join/report"
	"github.com/dmwm/wmstats/cacheserver/table"
	"github.com/dmwm/wmstats/cacheserver/table/block"
	"github.com/dmwm/wmstats/schema"
)

// Restore returns the saved Join from the frames of Saved. It behaves like the
// saved one, except that a read in progress has ended. It accepts any frames:
// the error is a checkpoint.ErrForeign or ErrBroken. If the limits differ from
// the saved ones, the next Tick computes all alerts again.
func Restore(frames *checkpoint.Frames, o Options, moment time.Time) (*Join, error) {
	j, err := New(o)
	if err != nil {
		return nil, err
	}
	j.moment = moment
	r := &restoring{j: j, frames: make([]restored, frames.Len())}
	head, err := frames.One(0)
	if err == nil {
		err = r.head(head)
	}
	if err == nil {
		err = frames.Each(1, r.frame)
	}
	if err == nil {
		err = r.index()
	}
	if err != nil {
		return nil, err
	}
	var blocks []*block.Block
	for i := range r.frames {
		blocks = append(blocks, r.frames[i].blocks...)
	}
	j.show(table.New(j.layout, blocks))
	return j, nil
}

// Outcome returns the outcome of the newest input if that has made a State.
func (j *Join) Outcome() Outcome {
	return Outcome{
		Result:  Result{Added: j.state.Table.Len(), Unmatched: j.unmatched},
		Publish: true, State: j.state, Freshness: j.freshest(),
	}
}

// restoring builds a Join from frames.
type restoring struct {
	j     *Join
	moved []int // number of each saved own rule among the current ones; -1: gone

	mu     sync.Mutex // of sums and recoveries
	frames []restored // by number
}

// restored is the content of one frame.
type restored struct {
	blocks    []*block.Block
	workflows []*workflow
	agents    []*agentInfo
}

func (r *restoring) head(data []byte) error {
	c := checkpoint.NewCursor(data)
	if v := c.Uint(); v != savedVersion {
		return checkpoint.Foreign("the store's section has version %d, this program reads %d", v, savedVersion)
	}
	if err := r.rules(c.Bytes(c.Count(1)), c.Uint() == 1); err != nil {
		return err
	}
	if c.Uint() == 1 {
		r.j.believed = &census{int(c.Uint()), int(c.Uint()), int(c.Uint())}
	}
	for range c.Count(2) {
		if r.j.doubtful == nil {
			r.j.doubtful = map[Document]bool{}
		}
		kind := Kind(c.Uint())
		r.j.doubtful[Document{kind, c.Text()}] = true
	}
	texts := make([][]string, c.Count(1))
	for i := range texts {
		texts[i] = readTexts(c)
	}
	names := readTexts(c)
	for range c.Count(2) {
		agent := c.Text()
		r.j.fresh.report(agent, c.Int())
	}
	if err := c.Err(); err != nil {
		return err
	}
	var ok bool
	if r.j.names, ok = report.NamesOf(names); !ok || c.Len() > 0 {
		return checkpoint.Broken("invalid names of agent reports")
	}
	return r.j.layout.SetTexts(texts)
}

// rules compares the saved limits with the current ones. again means that not
// all alerts were computed by the saved ones.
func (r *restoring) rules(saved []byte, again bool) error {
	limits, err := json.Marshal(r.j.limits)
	if err != nil {
		return fmt.Errorf("encode the limits: %w", err)
	}
	var before schema.Limits
	if json.Unmarshal(saved, &before) != nil {
		return checkpoint.Broken("unreadable limits of alerts")
	}
	own, err := ownrules.Compile(before.Own)
	if err != nil {
		return checkpoint.Broken("unreadable rules: %v", err)
	}
	r.moved, r.j.again = own.Moved(r.j.own), again || !bytes.Equal(saved, limits)
	return nil
}

func readTexts(c *checkpoint.Cursor) []string {
	out := make([]string, c.Count(1))
	for i := range out {
		out[i] = c.Text()
	}
	return out
}

// frame reads one frame; it is called concurrently.
func (r *restoring) frame(i int, data []byte) error {
	if len(data) == 0 {
		return checkpoint.Broken("an empty frame")
	}
	c := checkpoint.NewCursor(data[1:])
	to := &r.frames[i]
	for c.Len() > 0 {
		var err error
		switch data[0] {
		case frameWorkflows:
			err = r.block(c, to)
		case frameUnmatched:
			_, _, err = r.workflow(c, to, c.Text(), false)
		case frameAgents:
			err = r.agent(c, to)
		default:
			err = checkpoint.Broken("a frame of kind %q", data[0])
		}
		if err == nil {
			err = c.Err()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *restoring) agent(c *checkpoint.Cursor, to *restored) error {
	a := &agentInfo{id: c.Text(), hash: c.Uint64(), heard: Heard{c.Int(), c.Int()}, turned: c.Int(), detail: new(schema.AgentDetail)}
	if json.Unmarshal(c.Bytes(c.Count(1)), a.detail) != nil {
		return checkpoint.Broken("an unreadable agent_info document")
	}
	r.j.known.set(AgentInfo, a.id, a.hash)
	to.agents = append(to.agents, a)
	return nil
}

// block reads a block and the workflows of its records, and adds them to the
// sums.
func (r *restoring) block(c *checkpoint.Cursor, to *restored) error {
	j := r.j
	b, err := j.layout.Read(c)
	if err != nil {
		return err
	}
	to.blocks = append(to.blocks, b)
	records := make([]schema.Workflow, b.Len()) // only what sums need
	reports := make([][]schema.AgentReport, b.Len())
	from := len(to.workflows)
	for i := range records {
		j.summed(b, i, &records[i])
		w, all, err := r.workflow(c, to, string(b.Name(j.layout, i)), true)
		if err != nil {
			return err
		}
		reports[i] = r.joined(w, records[i].Status, all)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range records {
		j.sums.Add(&records[i], reports[i])
		j.recovery.move(to.workflows[from+i].name, "", string(b.Text(j.columns.original, i)))
		j.watch(to.workflows[from+i], records[i].Status)
	}
	return nil
}

// joined returns which of the reports are joined to the record of w.
func (r *restoring) joined(w *workflow, status string, all []schema.AgentReport) []schema.AgentReport {
	joined := r.j.joined(w, status)
	if len(joined) == len(all) {
		return all // joined keeps one report as it is, and sorts several
	}
	out := make([]schema.AgentReport, len(joined))
	for i, one := range joined {
		out[i] = all[slices.Index(w.reports, one)]
	}
	return out
}

// workflow reads a workflow with its reports, packed and unpacked.
func (r *restoring) workflow(c *checkpoint.Cursor, to *restored, name string, has bool) (*workflow, []schema.AgentReport, error) {
	flags := c.Uint()
	w := &workflow{name: name, has: has, hash: c.Uint64(), due: c.Int()}
	if flags&flagOwn != 0 {
		saved := make([]ownrules.Match, c.Count(2))
		for i := range saved {
			saved[i] = ownrules.Match{Rule: int(min(c.Uint(), math.MaxInt32)), Since: c.Int()}
		}
		w.setOwn(renumbered(saved, r.moved))
	}
	if flags&flagMore != 0 {
		if err := r.more(c, w); err != nil {
			return nil, nil, err
		}
	}
	if has {
		r.j.known.set(Request, w.requestID(), w.hash)
	}
	var unpacked []schema.AgentReport
	if n := c.Count(1); n > 0 {
		w.reports, unpacked = make([]*agentReport, n), make([]schema.AgentReport, n)
	}
	for i := range w.reports {
		a := &agentReport{id: c.Text(), workflow: w, hash: c.Uint64(), time: c.Int(), content: c.Int(), ahead: c.Int(), silent: c.Int(), stray: c.Int()}
		a.idle = c.Uint() == 1
		a.packed = report.Packed(c.Bytes(c.Count(1)))
		var err error
		if unpacked[i], err = r.j.names.Unpack(a.packed, nil); err != nil {
			return nil, nil, checkpoint.Broken("an unreadable agent report")
		}
		unpacked[i].Workflow, unpacked[i].Time = name, a.content
		w.reports[i] = a
		r.j.known.set(AgentReport, a.id, a.hash)
	}
	to.workflows = append(to.workflows, w)
	return w, unpacked, c.Err()
}

// more reads the requests of a workflow that has others than one named like it.
func (r *restoring) more(c *checkpoint.Cursor, w *workflow) error {
	w.more = &requests{id: c.Text()}
	for range c.Count(1) {
		d := duplicate{id: c.Text(), hash: c.Uint64()}
		var record schema.Workflow
		if schema.DecodeWorkflow(c.Bytes(c.Count(1)), &record) != nil {
			return checkpoint.Broken("an unreadable request document")
		}
		d.packed = string(schema.AppendPacked(nil, &record))
		w.more.duplicates = append(w.more.duplicates, d)
		r.j.known.set(Request, d.id, d.hash)
	}
	return nil
}

// index builds the maps of workflows and documents.
func (r *restoring) index() error {
	j, workflows, reports := r.j, 0, 0
	for i := range r.frames {
		workflows += len(r.frames[i].workflows)
		for _, w := range r.frames[i].workflows {
			reports += len(w.reports)
		}
	}
	j.workflows, j.reports = make(map[string]*workflow, workflows), make(map[string]*agentReport, reports)
	last := ""
	for i := range r.frames {
		for _, w := range r.frames[i].workflows {
			if w.has {
				if w.name <= last && last != "" {
					return checkpoint.Broken("workflows that are not in order")
				}
				last = w.name
			}
			r.enter(w)
		}
		for _, a := range r.frames[i].agents {
			j.agents[a.id] = a
		}
	}
	if len(j.workflows) != workflows || len(j.reports) != reports {
		return checkpoint.Broken("a workflow or document occurs twice")
	}
	j.watchUnmatched()
	heap.Init(&j.dues)
	return nil
}

func (r *restoring) enter(w *workflow) {
	j := r.j
	j.workflows[w.name] = w
	if id := w.id(); id != "" {
		j.aliases[id] = w
	}
	for _, d := range w.duplicates() {
		if d.id != w.name {
			j.aliases[d.id] = w
		}
	}
	for _, a := range w.reports {
		j.reports[a.id] = a
	}
	if !w.has {
		j.unmatched += len(w.reports)
		return
	}
	if w.due > 0 {
		j.dues = append(j.dues, dueItem{w.due, w})
	}
}
