package store

import (
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/dmwm/wmstats/cacheserver/table/block"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// batch is the work of one Apply: which workflows it touched and what they
// were before.
type batch struct {
	result  Result
	touched map[*entry]*previous
	infos   bool // agent_info documents changed
	how     making
}

// previous is what a record was made of before the batch, and the request that
// the batch brought.
type previous struct {
	had    bool
	block  *block.Block     // that has the record in the newest generation, and
	at     int              // the place in it; where had
	place  int              // the place in the tree; where had
	parts  []partOf         // joined; nil where the record is not there
	record *schema.Workflow // the new request's side, not to be changed, or nil
}

// Apply takes what it needs of changes, and keeps nothing that they point to but
// texts and Info. It joins them to what is there and publishes at most one
// generation.
// Before the first Commit of a Load it only gathers. Applying a change again
// changes nothing. Changes of different documents may come in any order.
func (s *Store) Apply(changes []Change) Result {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trust(changes)
	return s.apply(changes, wire.MadeByChanges)
}

// stand marks a document as seen. One that is not there is left alone.
func (s *Store) stand(c *Change) {
	switch c.Kind {
	case ReqMgr:
		_, seen := s.requestState(s.owner(c.ID), c.ID)
		*seen = s.epoch
	case AgentWork:
		if d := s.docs[c.ID]; d != nil {
			d.seen = s.epoch
		}
	case AgentInfo:
		if n := s.infos[c.ID]; n != nil {
			n.seen = s.epoch
		}
	}
}

func (s *Store) newBatch(by string, began time.Time) *batch {
	return &batch{touched: map[*entry]*previous{}, how: making{by, began}}
}

func (s *Store) apply(changes []Change, by string) Result {
	b := s.newBatch(by, s.opt.Now())
	for i := range changes {
		c := &changes[i]
		if c.Stands {
			s.stand(c)
			continue
		}
		switch c.Kind {
		case ReqMgr:
			s.applyRequest(b, c)
		case AgentWork:
			s.applyWork(b, c)
		case AgentInfo:
			s.applyInfo(b, c)
		}
	}
	return s.finish(b)
}

// touch notes that the record of e is to be made again.
func (s *Store) touch(b *batch, e *entry) *previous {
	s.spare(e)
	if o := b.touched[e]; o != nil {
		return o
	}
	o := &previous{}
	if snap := s.current.Load(); snap != nil && e.has {
		if at, ok := snap.tree.Search(e.name); ok {
			blk, i := snap.tree.At(at)
			o.had, o.block, o.at, o.place = true, blk, i, at
			o.parts = partsOf(s.joined(e, s.statusOf(blk, i)))
		}
	}
	b.touched[e] = o
	return o
}

func (s *Store) statusOf(b *block.Block, i int) string {
	k, _ := s.layout.Column("Status")
	col := &s.layout.Columns[k]
	return col.Dict.Texts()[b.Int(col, i)]
}

// owner gives the entry that holds the request document id.
func (s *Store) owner(id string) *entry {
	if e := s.aliases[id]; e != nil {
		return e
	}
	if e := s.entries[id]; e != nil && e.has && e.id() == "" {
		return e
	}
	return nil
}

func (s *Store) applyRequest(b *batch, c *Change) {
	e := s.owner(c.ID)
	if c.Deleted {
		if e != nil {
			s.dropRequest(b, e, c.ID)
		}
		return
	}
	hash, seen := s.requestState(e, c.ID)
	if c.Hash != 0 && hash == c.Hash || c.Workflow == nil {
		if c.Hash == 0 || hash != c.Hash {
			b.result.Refetch = append(b.result.Refetch, c.ID)
			return
		}
		*seen = s.epoch
		b.result.Same++
		return
	}
	name := c.Workflow.Workflow
	if e != nil && e.name != name {
		s.dropRequest(b, e, c.ID)
	}
	s.putRequest(b, s.entryOf(name), c)
}

// requestState gives the known hash of a request document of e, and its mark.
func (s *Store) requestState(e *entry, id string) (hash uint64, seen *uint32) {
	if e == nil {
		return 0, new(uint32)
	}
	if e.has && e.requestID() == id {
		return e.hash, &e.seen
	}
	for i, r := range e.rivals() {
		if r.id == id {
			return r.hash, &e.rare.rivals[i].seen
		}
	}
	return 0, new(uint32)
}

func (s *Store) entryOf(name string) *entry {
	e := s.entries[name]
	if e == nil {
		e = &entry{name: strings.Clone(name), captured: s.captures}
		s.entries[e.name] = e
	}
	return e
}

func (s *Store) putRequest(b *batch, e *entry, c *Change) {
	s.spare(e)
	if c.ID != e.name {
		s.aliases[strings.Clone(c.ID)] = e
	}
	s.known.set(ReqMgr, c.ID, c.Hash)
	rivals := without(e.rivals(), c.ID)
	if e.has && e.requestID() != c.ID {
		if before(e.requestID(), c.ID, e.name) {
			e.setRequest(e.requestID(), append(rivals, rival{strings.Clone(c.ID), c.Hash, s.epoch, s.own(c.Workflow)}))
			return
		}
		rivals = append(rivals, rival{e.requestID(), e.hash, e.seen, s.own(s.requestSide(b, e))})
	}
	o := s.touch(b, e)
	if !e.has {
		e.has = true
		s.orphans -= len(e.docs)
	}
	e.hash, e.seen = c.Hash, s.epoch
	e.setRequest(strings.Clone(c.ID), rivals)
	s.setRequest(e, o, c.Workflow)
}

// setRequest keeps the request's side until the record is made of it.
func (s *Store) setRequest(e *entry, o *previous, record *schema.Workflow) {
	if s.current.Load() == nil {
		e.request = s.pack(record)
		return
	}
	o.record = record
}

// pack packs a record.
func (s *Store) pack(record *schema.Workflow) string {
	s.packing = schema.AppendPacked(s.packing[:0], record)
	return string(s.packing)
}

// own copies a record, with its lists, that belongs to somebody else.
func (s *Store) own(record *schema.Workflow) *schema.Workflow {
	if record == nil {
		return nil
	}
	return s.unpackRequest(s.pack(record))
}

// unpackRequest gives a record of its own, nil when it can't be read.
func (s *Store) unpackRequest(packed string) *schema.Workflow {
	var record schema.Workflow
	if err := new(schema.Unpacker).Unpack(packed, &record); err != nil {
		s.opt.Log.Error("request can't be read back", "err", err)
		return nil
	}
	return &record
}

// requestSide gives the request's side of the record of e.
func (s *Store) requestSide(b *batch, e *entry) *schema.Workflow {
	if o := b.touched[e]; o != nil && o.record != nil {
		return o.record
	}
	if e.request != "" {
		return s.unpackRequest(e.request)
	}
	if snap := s.current.Load(); snap != nil {
		if at, ok := snap.tree.Search(e.name); ok {
			blk, i := snap.tree.At(at)
			return blk.Workflow(s.layout, i)
		}
	}
	return nil
}

// dropRequest takes a request document away from e; another one of the same
// workflow takes its place, else the parts of e become orphans.
func (s *Store) dropRequest(b *batch, e *entry, id string) {
	s.spare(e)
	s.known.set(ReqMgr, id, 0)
	delete(s.aliases, id)
	if !e.has || e.requestID() != id {
		e.setRequest(e.requestID(), without(e.rivals(), id))
		return
	}
	o := s.touch(b, e)
	rivals := slices.Clone(e.rivals())
	if len(rivals) == 0 {
		e.has, e.hash, e.request, e.rare, o.record = false, 0, "", nil, nil
		s.orphans += len(e.docs)
		return
	}
	slices.SortFunc(rivals, func(a, b rival) int {
		if before(a.id, b.id, e.name) {
			return -1
		}
		return 1
	})
	next := rivals[0]
	e.hash, e.seen = next.hash, next.seen
	e.setRequest(next.id, rivals[1:])
	s.setRequest(e, o, next.record)
}

func without(rivals []rival, id string) []rival {
	return slices.DeleteFunc(slices.Clone(rivals), func(r rival) bool { return r.id == id })
}

func (s *Store) applyWork(b *batch, c *Change) {
	d := s.docs[c.ID]
	if c.Deleted {
		if d != nil {
			s.dropDoc(b, d)
		}
		return
	}
	if d != nil && c.Hash != 0 && d.hash == c.Hash {
		b.result.Same++
		d.seen = s.epoch
		s.refresh(b, d, c.Time)
		return
	}
	if c.Part == nil {
		b.result.Refetch = append(b.result.Refetch, c.ID)
		return
	}
	if d != nil && d.entry.name != c.Part.Workflow {
		s.dropDoc(b, d)
		d = nil
	}
	e := s.entryOf(c.Part.Workflow)
	s.touch(b, e)
	if d == nil {
		d = &agentDoc{id: strings.Clone(c.ID), entry: e}
		s.docs[d.id] = d
		e.docs = append(slices.Clip(e.docs), d)
		if !e.has {
			s.orphans++
		}
	}
	d.packed, d.hash, d.seen = s.names.Pack(c.Part), c.Hash, s.epoch
	d.time, d.content, d.ahead, d.silent = c.Time, c.Time, s.ahead(c.Time), 0
	s.known.set(AgentWork, d.id, c.Hash)
	s.report(s.names.Text(c.Part.Agent), d.heard())
}

// refresh notes a new timestamp of a document whose content did not change.
func (s *Store) refresh(b *batch, d *agentDoc, time int64) {
	agent := s.names.Agent(d.packed)
	if d.time == time {
		return
	}
	ahead := s.ahead(time)
	s.report(agent, time-ahead)
	e := d.entry
	s.spare(e)
	// An alert of a silent agent ends with its report (and begins when its clock
	// is set back); of two documents of one agent another one may now be the newest.
	// The reports of an agent that stays behind change nothing.
	stale := s.staleAt(time-ahead) <= s.now()
	alone := !slices.ContainsFunc(e.docs, func(o *agentDoc) bool { return o != d && s.names.Agent(o.packed) == agent })
	if stale != (d.silent > 0) || time < d.time || !alone {
		s.touch(b, e)
	}
	d.time, d.ahead = time, ahead
	if !stale {
		d.silent = 0
	}
}

// report notes the time of an agent's newest agent_request document.
func (s *Store) report(agent string, time int64) {
	v, ok := s.reported.Load(agent)
	if !ok {
		v, _ = s.reported.LoadOrStore(agent, new(atomic.Int64))
	}
	if at, ok := v.(*atomic.Int64); ok && at.Load() < time { // one writer
		at.Store(time)
	}
}

func (s *Store) dropDoc(b *batch, d *agentDoc) {
	e := d.entry
	s.touch(b, e)
	if !e.has {
		s.orphans--
	}
	e.docs = slices.DeleteFunc(slices.Clone(e.docs), func(o *agentDoc) bool { return o == d })
	delete(s.docs, d.id)
	s.known.set(AgentWork, d.id, 0)
}

func (s *Store) applyInfo(b *batch, c *Change) {
	old := s.infos[c.ID]
	switch {
	case c.Deleted:
		if old != nil {
			delete(s.infos, c.ID)
			s.known.set(AgentInfo, c.ID, 0)
			b.infos = true
		}
	case old != nil && c.Hash != 0 && old.hash == c.Hash:
		b.result.Same++
		old.seen = s.epoch
		old.hear(s, c.Time)
	case c.Info == nil:
		b.result.Refetch = append(b.result.Refetch, c.ID)
	default:
		n := &info{id: strings.Clone(c.ID), hash: c.Hash, seen: s.epoch, detail: c.Info}
		n.hear(s, c.Time)
		s.infos[n.id] = n
		s.known.set(AgentInfo, n.id, c.Hash)
		b.infos = true
	}
}
