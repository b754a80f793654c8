package store

import (
	"cmp"
	"encoding/binary"
	"slices"
	"sync/atomic"

	"github.com/cespare/xxhash/v2"

	"github.com/dmwm/wmstats/cacheserver/store/part"
	"github.com/dmwm/wmstats/cacheserver/table/block"
	"github.com/dmwm/wmstats/schema"
)

// entry is what the writer knows of one workflow beyond its record: where the
// parts of the record come from. The request's side is in the record itself.
// There is one for each workflow: its size counts.
type entry struct {
	name    string
	hash    uint64 // of the request document
	due     int64  // when the alerts must be made again, Unix s; 0: never
	docs    []*agentDoc
	request string // the request's side before the first generation, as schema.AppendPacked makes it
	rare    *rare  // nil for nearly all
	seen    uint32 // epoch in which the request was seen last
	has     bool   // the request is there; else the parts are orphans

	captured uint16 // number of the newest capture that has a copy
}

// rare is for workflows whose request document is not named like it, or that
// have several request documents.
type rare struct {
	id     string // of the request document; empty when it is the name
	rivals []rival
}

// id gives the id of the request document when it is not the name.
func (e *entry) id() string {
	if e.rare == nil {
		return ""
	}
	return e.rare.id
}

func (e *entry) rivals() []rival {
	if e.rare == nil {
		return nil
	}
	return e.rare.rivals
}

// setRequest notes which request document counts and which ones do not.
func (e *entry) setRequest(id string, rivals []rival) {
	if id == e.name {
		id = ""
	}
	if id == "" && len(rivals) == 0 {
		e.rare = nil
		return
	}
	e.rare = &rare{id, rivals}
}

// rival is a request document that names a workflow which another document
// has already. Which one counts does not depend on the order they come in.
type rival struct {
	id     string
	hash   uint64
	seen   uint32
	record *schema.Workflow
}

// agentDoc is one agent_request document.
type agentDoc struct {
	id      string
	entry   *entry
	hash    uint64
	time    int64 // timestamp, newest seen
	content int64 // timestamp when the content last changed
	seen    uint32
	ahead   int64 // s that time was in the future when it came: a clock that is wrong
	silent  int64 // last report when it was found stale, or with newer content since; 0: it was not when the alerts were made
	packed  part.Packed
}

// hear notes the timestamp of a document; the same again is no sign of life.
func (n *info) hear(s *Store, stamp int64) {
	if n.time.Load()+n.ahead.Load() == stamp {
		return
	}
	ahead := s.ahead(stamp)
	n.time.Store(stamp - ahead)
	n.ahead.Store(ahead)
}

// heard is when the agent is known to have written the document, Unix s: its
// timestamp, or, when that lay in the future, the time at which it came. Else an
// agent whose clock is ahead would count as fresh until that time has come.
func (d *agentDoc) heard() int64 { return d.time - d.ahead }

// ahead says by how many seconds a timestamp lies in the future.
func (s *Store) ahead(time int64) int64 {
	return max(time-s.now(), 0)
}

// info is one agent_info document. Generations share it; only time moves.
type info struct {
	id     string
	hash   uint64
	time   atomic.Int64 // timestamp, or when it came if that was in the future
	ahead  atomic.Int64 // s between the two
	seen   uint32
	detail *schema.AgentDetail
}

// requestID gives the id of the request document.
func (e *entry) requestID() string { return cmp.Or(e.id(), e.name) }

// before says that of two request documents of workflow name a counts: the
// one that is called like it, else the first by id.
func before(a, b, name string) bool {
	if (a == name) != (b == name) {
		return a == name
	}
	return a < b
}

// joined gives the documents that are joined to a record of the given status:
// the newest one of each agent, in the order of their ids.
func (s *Store) joined(e *entry, status string) []*agentDoc {
	if info, ok := schema.StatusOf(status); ok && !info.JobInfo && !s.opt.JoinAll {
		return nil
	}
	return s.newest(e.docs)
}

func (s *Store) newest(docs []*agentDoc) []*agentDoc {
	if len(docs) < 2 {
		return docs
	}
	best := map[string]*agentDoc{}
	for _, d := range docs {
		agent := s.names.Agent(d.packed)
		if o := best[agent]; o == nil || d.time > o.time || d.time == o.time && d.id > o.id {
			best[agent] = d
		}
	}
	out := make([]*agentDoc, 0, len(best))
	for _, d := range docs {
		if best[s.names.Agent(d.packed)] == d {
			out = append(out, d)
		}
	}
	slices.SortFunc(out, func(a, b *agentDoc) int { return cmp.Compare(a.id, b.id) })
	return out
}

// partOf is a document as it was when a record was made of it.
type partOf struct {
	packed  part.Packed
	content int64
}

func partsOf(docs []*agentDoc) []partOf {
	out := make([]partOf, len(docs))
	for i, d := range docs {
		out[i] = partOf{d.packed, d.content}
	}
	return out
}

func (s *Store) unpack(e *entry, parts []partOf) []schema.AgentReport {
	out := make([]schema.AgentReport, 0, len(parts))
	for _, p := range parts {
		out = s.appendPart(out, e, p.packed, p.content, nil)
	}
	return out
}

// appendPart unpacks one part; without a room its lists are its own.
func (s *Store) appendPart(parts []schema.AgentReport, e *entry, packed part.Packed, content int64, room *part.Room) []schema.AgentReport {
	a, err := s.names.Unpack(packed, room)
	if err != nil {
		s.opt.Log.Error("agent part can't be read back", "workflow", e.name, "err", err)
		return parts
	}
	a.Workflow, a.Time = e.name, content
	return append(parts, a)
}

// sourceOf packs what a record was made of: the ids of its documents, each
// with its length before it; the request's is empty when it is the name. An
// agent's is followed by 0, or, where it was stale when the alerts were made,
// by the report that its alert names and the agent. The version is of the content alone.
func (s *Store) sourceOf(e *entry, docs []*agentDoc) block.Source {
	var m sourceMaker
	return m.of(s, e, docs)
}

// sourceMaker makes sources one after the other in the same memory.
type sourceMaker struct{ ids, content []byte }

// of is sourceOf; what it gives is good until the next call.
func (m *sourceMaker) of(s *Store, e *entry, docs []*agentDoc) block.Source {
	ids, content := m.ids[:0], m.content[:0]
	content = append(content, e.id()...)
	if e.id() != "" || len(docs) > 0 {
		ids = appendText(ids, e.id())
	}
	content = binary.LittleEndian.AppendUint64(content, e.hash)
	for _, d := range docs {
		ids = appendText(ids, d.id)
		if d.silent > 0 {
			ids = appendText(binary.AppendUvarint(ids, uint64(d.silent)), s.names.Agent(d.packed))
		} else {
			ids = append(ids, 0)
		}
		content = binary.LittleEndian.AppendUint64(append(content, d.id...), d.hash)
		content = binary.LittleEndian.AppendUint64(content, uint64(d.content))
	}
	m.ids, m.content = ids, content
	return block.Source{IDs: ids, Version: xxhash.Sum64(content)}
}

func appendText(dst []byte, text string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(text))), text...)
}

// usualAgents is how many agents a workflow seldom has more than.
const usualAgents = 4

// sources reads what sourceOf packed.
func sources(name string, src block.Source) Sources {
	out := Sources{Request: name, Agents: []string{}, Version: src.Version}
	if len(src.IDs) == 0 {
		return out
	}
	all, rest := string(src.IDs), src.IDs
	next := func() (text string) {
		start, end := nextText(rest)
		at := len(all) - len(rest)
		rest = rest[end:]
		return all[at+start : at+end]
	}
	out.Request = cmp.Or(next(), name)
	for len(rest) > 0 {
		if len(out.Agents) == 0 {
			out.Agents = make([]string, 0, usualAgents)
		}
		out.Agents = append(out.Agents, next())
		time, n := binary.Uvarint(rest)
		if rest = rest[max(n, 0):]; time == 0 {
			continue
		}
		silent := schema.Silence{Time: int64(time)}
		silent.Agent = next()
		out.silent = append(out.silent, silent)
	}
	return out
}

// nextText says where the text is that appendText wrote; an empty one at the end
// of bytes that it did not write.
func nextText(src []byte) (start, end int) {
	n, k := binary.Uvarint(src)
	if k <= 0 || uint64(len(src)-k) < n {
		return len(src), len(src)
	}
	return k, k + int(n)
}
