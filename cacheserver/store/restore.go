package store

import (
	"bytes"
	"container/heap"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dmwm/wmstats/cacheserver/checkpoint"
	"github.com/dmwm/wmstats/cacheserver/store/part"
	"github.com/dmwm/wmstats/cacheserver/table"
	"github.com/dmwm/wmstats/cacheserver/table/block"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// restoring makes a store of what a checkpoint has, beside the one that it is
// for: nothing of a file that turns out bad may stay.
type restoring struct {
	s      *Store // scratch
	limits bool   // of alerts, are those of today
	began  time.Time

	mu     sync.Mutex // of the scratch store's sums and recoveries
	frames []restored // by number
}

// restored is what one frame has.
type restored struct {
	blocks  []*block.Block
	entries []*entry
	infos   []*info
}

// restore reads the section; commit makes it the first generation.
func (s *Store) restore(frames *checkpoint.Frames) (commit func(), err error) {
	s.mu.Lock()
	used := s.current.Load() != nil || len(s.entries) > 0
	s.mu.Unlock()
	if used {
		return nil, checkpoint.Foreign("the store is in use already")
	}
	scratch, err := New(s.opt)
	if err != nil {
		return nil, err
	}
	r := &restoring{s: scratch, frames: make([]restored, frames.Len()), began: s.opt.Now()}
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
	return func() { s.take(r) }, nil
}

func (r *restoring) head(data []byte) error {
	c := checkpoint.NewCursor(data)
	if v := c.Uint(); v != sectionVersion {
		return checkpoint.Foreign("the store's section has version %d, this program reads %d", v, sectionVersion)
	}
	limits, err := json.Marshal(*r.s.thresholds.Load())
	if err != nil {
		return fmt.Errorf("encode the limits: %w", err)
	}
	r.limits = bytes.Equal(c.Bytes(c.Count(1)), limits)
	if c.Uint() == 1 {
		r.s.believed = &census{int(c.Uint()), int(c.Uint()), int(c.Uint())}
	}
	for range c.Count(2) {
		if r.s.doubtful == nil {
			r.s.doubtful = map[Document]bool{}
		}
		kind := Kind(c.Uint())
		r.s.doubtful[Document{kind, c.Text()}] = true
	}
	texts := make([][]string, c.Count(1))
	for i := range texts {
		texts[i] = readTexts(c)
	}
	names := readTexts(c)
	for range c.Count(2) {
		r.s.report(c.Text(), c.Int())
	}
	if err := c.Err(); err != nil {
		return err
	}
	var ok bool
	if r.s.names, ok = part.NamesOf(names); !ok || c.Len() > 0 {
		return checkpoint.Broken("names of agents' parts that are none")
	}
	return r.s.layout.SetTexts(texts)
}

func readTexts(c *checkpoint.Cursor) []string {
	out := make([]string, c.Count(1))
	for i := range out {
		out[i] = c.Text()
	}
	return out
}

// frame reads one frame; several goroutines do.
func (r *restoring) frame(i int, data []byte) error {
	if len(data) == 0 {
		return checkpoint.Broken("a part of it is empty")
	}
	c := checkpoint.NewCursor(data[1:])
	to := &r.frames[i]
	for c.Len() > 0 {
		var err error
		switch data[0] {
		case frameWorkflows:
			err = r.block(c, to)
		case frameOrphans:
			name := c.Text()
			_, _, err = r.entry(c, to, name, false)
		case frameInfos:
			err = r.info(c, to)
		default:
			err = checkpoint.Broken("a part of it has kind %q", data[0])
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

func (r *restoring) info(c *checkpoint.Cursor, to *restored) error {
	n := &info{id: c.Text(), hash: c.Uint64(), detail: new(schema.AgentDetail)}
	n.time.Store(c.Int())
	n.ahead.Store(c.Int())
	if json.Unmarshal(c.Bytes(c.Count(1)), n.detail) != nil {
		return checkpoint.Broken("an agent_info document that can't be read")
	}
	r.s.known.set(AgentInfo, n.id, n.hash)
	to.infos = append(to.infos, n)
	return nil
}

// block reads a block and the entries of its records, and adds them up.
func (r *restoring) block(c *checkpoint.Cursor, to *restored) error {
	s := r.s
	b, err := s.layout.Read(c)
	if err != nil {
		return err
	}
	to.blocks = append(to.blocks, b)
	records := make([]schema.Workflow, b.Len()) // as much of them as sums need
	parts := make([][]schema.AgentReport, b.Len())
	from := len(to.entries)
	for i := range records {
		w := &records[i]
		s.summed(b, i, w)
		e, all, err := r.entry(c, to, string(b.Name(s.layout, i)), true)
		if err != nil {
			return err
		}
		parts[i] = r.parts(e, w.Status, all)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range records {
		s.sums.Add(&records[i], parts[i])
		if original := b.Text(s.original, i); len(original) > 0 {
			s.recoveries.move(to.entries[from+i].name, "", string(original))
		}
	}
	return nil
}

// parts gives those of all parts that were joined to the record of e.
func (r *restoring) parts(e *entry, status string, all []schema.AgentReport) []schema.AgentReport {
	docs := r.s.joined(e, status)
	if len(docs) == len(all) {
		return all // joined keeps the order of one document, and sorts more of them
	}
	parts := make([]schema.AgentReport, len(docs))
	for i, d := range docs {
		parts[i] = all[slices.Index(e.docs, d)]
	}
	return parts
}

// entry reads an entry with its documents, and what they unpack to.
func (r *restoring) entry(c *checkpoint.Cursor, to *restored, name string, has bool) (*entry, []schema.AgentReport, error) {
	flags := c.Uint()
	e := &entry{name: name, has: has, hash: c.Uint64(), due: c.Int()}
	if flags&flagRare != 0 {
		if err := r.rare(c, e); err != nil {
			return nil, nil, err
		}
	}
	if has {
		r.s.known.set(ReqMgr, e.requestID(), e.hash)
	}
	var parts []schema.AgentReport
	if n := c.Count(1); n > 0 {
		e.docs, parts = make([]*agentDoc, n), make([]schema.AgentReport, n)
	}
	for i := range e.docs {
		d := &agentDoc{id: c.Text(), entry: e, hash: c.Uint64(), time: c.Int(), content: c.Int(), ahead: c.Int(), silent: c.Int()}
		d.packed = part.Packed(c.Bytes(c.Count(1)))
		var err error
		if parts[i], err = r.s.names.Unpack(d.packed, nil); err != nil {
			return nil, nil, checkpoint.Broken("an agent's part that can't be read")
		}
		parts[i].Workflow, parts[i].Time = name, d.content
		e.docs[i] = d
		r.s.known.set(AgentWork, d.id, d.hash)
	}
	to.entries = append(to.entries, e)
	return e, parts, c.Err()
}

func (r *restoring) rare(c *checkpoint.Cursor, e *entry) error {
	e.rare = &rare{id: c.Text()}
	for range c.Count(1) {
		v := rival{id: c.Text(), hash: c.Uint64(), record: new(schema.Workflow)}
		if schema.DecodeWorkflow(c.Bytes(c.Count(1)), v.record) != nil {
			return checkpoint.Broken("a request document that can't be read")
		}
		e.rare.rivals = append(e.rare.rivals, v)
		r.s.known.set(ReqMgr, v.id, v.hash)
	}
	return nil
}

// index makes the maps that find entries and documents.
func (r *restoring) index() error {
	s, entries, docs := r.s, 0, 0
	for i := range r.frames {
		entries += len(r.frames[i].entries)
		for _, e := range r.frames[i].entries {
			docs += len(e.docs)
		}
	}
	s.entries, s.docs = make(map[string]*entry, entries), make(map[string]*agentDoc, docs)
	last := ""
	for i := range r.frames {
		for _, e := range r.frames[i].entries {
			if e.has {
				if e.name <= last && last != "" {
					return checkpoint.Broken("workflows that are not in order")
				}
				last = e.name
			}
			r.enter(e)
		}
		for _, n := range r.frames[i].infos {
			s.infos[n.id] = n
		}
	}
	if len(s.entries) != entries || len(s.docs) != docs {
		return checkpoint.Broken("a workflow or a document is there twice")
	}
	heap.Init(&s.dues)
	return nil
}

func (r *restoring) enter(e *entry) {
	s := r.s
	s.entries[e.name] = e
	if id := e.id(); id != "" {
		s.aliases[id] = e
	}
	for _, v := range e.rivals() {
		if v.id != e.name {
			s.aliases[v.id] = e
		}
	}
	for _, d := range e.docs {
		s.docs[d.id] = d
	}
	if !e.has {
		s.orphans += len(e.docs)
		return
	}
	if !r.limits {
		e.due = 1 // alerts are made again with the limits of today
	}
	if e.due > 0 {
		s.dues = append(s.dues, dueItem{e.due, e})
	}
}

// take publishes what was restored.
func (s *Store) take(r *restoring) {
	var blocks []*block.Block
	for i := range r.frames {
		blocks = append(blocks, r.frames[i].blocks...)
	}
	o := r.s
	s.mu.Lock()
	defer s.mu.Unlock()
	s.layout.Take(o.layout)
	s.names, s.sums, s.entries, s.aliases, s.docs, s.infos = o.names, o.sums, o.entries, o.aliases, o.docs, o.infos
	s.orphans, s.dues, s.believed, s.doubtful = o.orphans, o.dues, o.believed, o.doubtful
	s.known.take(&o.known)
	s.recoveries.take(&o.recoveries)
	o.eachReport(s.report)
	s.publish(table.New(s.layout, blocks), Diff{}, true, making{wire.MadeByCheckpoint, r.began})
	s.opt.Log.Info("first generation, from a checkpoint", "workflows", s.current.Load().Total(), "agent_documents", len(s.docs), "waiting", s.orphans)
}

func (k *known) take(o *known) {
	for i := range k.shards {
		s := &k.shards[i]
		s.mu.Lock()
		s.hashes = o.shards[i].hashes
		s.mu.Unlock()
	}
}

func (r *recoveries) take(o *recoveries) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.by = o.by
}

// eachReport calls f with the time of each agent's newest document.
func (s *Store) eachReport(f func(agent string, time int64)) {
	s.reported.Range(func(agent, at any) bool {
		name, _ := agent.(string)
		if time, ok := at.(*atomic.Int64); ok {
			f(name, time.Load())
		}
		return true
	})
}
