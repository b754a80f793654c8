// Package report stores agent reports (schema.AgentReport) in few bytes: numbers
// as varints, zero counters not at all, repeated names as numbers. There is one
// report for each agent_request document, so their size determines the memory of
// a workflow. The package does not know records or joins.
package report

import (
	"encoding/binary"
	"errors"
	"slices"
	"strings"

	"github.com/dmwm/wmstats/schema"
)

// Names numbers the names that reports repeat: agents, teams, versions, sites.
// It only grows. It is not safe for concurrent use, but several goroutines may
// unpack with a Names while nobody packs with it.
type Names struct {
	ids   map[string]uint64
	texts []string
	room  []byte // buffer for the next report
}

// NewNames returns an empty Names.
func NewNames() *Names { return &Names{ids: map[string]uint64{}} }

func (n *Names) id(text string) uint64 {
	id, ok := n.ids[text]
	if !ok {
		text = strings.Clone(text) // it may be part of a whole document
		id = uint64(len(n.texts))
		n.ids[text] = id
		n.texts = append(n.texts, text)
	}
	return id
}

// Packed is a report without its workflow and time, which its owner knows. It is
// a string of bytes, not text, so that unpacked reports can share it.
type Packed string

// Pack packs p. Equal reports produce equal bytes.
func (n *Names) Pack(p *schema.AgentReport) Packed {
	w := writer{names: n, data: n.room[:0]}
	w.name(p.Agent)
	w.name(p.Team)
	w.name(p.AgentVersion)
	w.counts(&p.Counts)
	w.int(p.JobsInWMBS)
	w.int(p.JobsInQueue)
	w.count(len(p.Sites))
	for i := range p.Sites {
		w.name(p.Sites[i].Site)
		w.counts(&p.Sites[i].Counts)
	}
	w.count(len(p.Outputs))
	for i := range p.Outputs {
		o := &p.Outputs[i]
		w.count(len(o.Dataset)) // nearly unique to the workflow: not a name
		w.data = append(w.data, o.Dataset...)
		w.int(o.Events)
		w.int(o.Lumis)
		w.int(o.Bytes)
	}
	w.count(len(p.Tasks))
	for _, hash := range p.Tasks {
		w.data = binary.LittleEndian.AppendUint64(w.data, hash)
	}
	w.int(p.SkippedFiles)
	if p.Skipped {
		w.count(1)
	} else {
		w.count(0)
	}
	n.room = w.data
	return Packed(w.data)
}

type writer struct {
	names *Names
	data  []byte
}

func (w *writer) name(text string) { w.data = binary.AppendUvarint(w.data, w.names.id(text)) }
func (w *writer) count(n int)      { w.data = binary.AppendUvarint(w.data, uint64(n)) }
func (w *writer) int(n int64)      { w.data = binary.AppendVarint(w.data, n) }

func (w *writer) counts(c *schema.JobCounts) {
	var mask uint64
	cells := cellsOf(c)
	for i, cell := range cells {
		if *cell != 0 {
			mask |= 1 << i
		}
	}
	w.data = binary.AppendUvarint(w.data, mask)
	for _, cell := range cells {
		if *cell != 0 {
			w.int(*cell)
		}
	}
}

func cellsOf(c *schema.JobCounts) [18]*int64 {
	return [18]*int64{
		&c.Success, &c.Running, &c.Pending, &c.FailureException, &c.QueuedFirst, &c.SubmittedFirst,
		&c.SubmittedRetry, &c.CooloffJob, &c.PausedJob, &c.QueuedRetry, &c.Canceled, &c.Transition,
		&c.FailureCreate, &c.FailureSubmit, &c.CooloffCreate, &c.CooloffSubmit, &c.PausedCreate, &c.PausedSubmit,
	}
}

// errDamaged means that the bytes were not packed with these names.
var errDamaged = errors.New("packed agent report is damaged")

// Room is memory to which the lists of reports are unpacked one after another.
// The zero value is ready. It is not safe for concurrent use.
type Room struct {
	sites   []schema.SiteReport
	outputs []schema.OutputReport
	tasks   []uint64
}

// Recycle reclaims the room of all reports: their lists must no longer be used.
func (r *Room) Recycle() {
	clear(r.outputs) // they refer to packed reports
	r.sites, r.outputs, r.tasks = r.sites[:0], r.outputs[:0], r.tasks[:0]
}

// more appends n elements of any value to room and returns them.
func more[T any](room *[]T, n int) []T {
	if n == 0 {
		return []T{}
	}
	from := len(*room)
	*room = slices.Grow(*room, n)[:from+n]
	return (*room)[from : from+n : from+n]
}

// Unpack returns the report without its workflow and time. Its lists are valid
// until the room is recycled; without a room they own their memory.
func (n *Names) Unpack(packed Packed, room *Room) (p schema.AgentReport, err error) {
	if room == nil {
		room = &Room{}
	}
	r := reader{names: n, data: string(packed)}
	p.Agent, p.Team, p.AgentVersion = r.name(), r.name(), r.name()
	r.counts(&p.Counts)
	p.JobsInWMBS, p.JobsInQueue = r.int(), r.int()
	p.Sites = more(&room.sites, r.count(2))
	for i := range p.Sites {
		p.Sites[i] = schema.SiteReport{Site: r.name()}
		r.counts(&p.Sites[i].Counts)
	}
	p.Outputs = more(&room.outputs, r.count(4))
	for i := range p.Outputs {
		o := &p.Outputs[i]
		o.Dataset = r.bytes(r.count(1))
		o.Events, o.Lumis, o.Bytes = r.int(), r.int(), r.int()
	}
	p.Tasks = more(&room.tasks, r.count(8))
	for i := range p.Tasks {
		p.Tasks[i] = r.hash()
	}
	p.SkippedFiles = r.int()
	p.Skipped = r.uint() == 1
	if r.bad || r.data != "" {
		return schema.AgentReport{}, errDamaged
	}
	return p, nil
}

// Agent returns only the agent of a packed report.
func (n *Names) Agent(packed Packed) string {
	r := reader{names: n, data: string(packed)}
	return r.name()
}

// AgentNumber returns the agent's number in Texts.
func (n *Names) AgentNumber(packed Packed) uint64 {
	r := reader{names: n, data: string(packed)}
	return r.uint()
}

// Counts returns only the workflow's counters of a packed report.
func (n *Names) Counts(packed Packed) (c schema.JobCounts, err error) {
	r := reader{names: n, data: string(packed)}
	_, _, _ = r.name(), r.name(), r.name()
	if r.counts(&c); r.bad {
		return schema.JobCounts{}, errDamaged
	}
	return c, nil
}

type reader struct {
	names *Names
	data  string
	bad   bool
}

func (r *reader) uint() (v uint64) {
	for i := range min(len(r.data), binary.MaxVarintLen64) {
		c := r.data[i]
		v |= uint64(c&0x7f) << (7 * i)
		if c < 0x80 {
			r.data = r.data[i+1:]
			r.bad = r.bad || i == binary.MaxVarintLen64-1 && c > 1 // more than 64 bits
			return v
		}
	}
	r.bad = true
	return 0
}

// int reads an integer written by binary.AppendVarint.
func (r *reader) int() int64 {
	v := r.uint()
	return int64(v>>1) ^ -int64(v&1)
}

// count reads the number of items of at least size bytes each.
func (r *reader) count(size int) int {
	n := r.uint()
	if n > uint64(len(r.data)/size) {
		r.bad = true
		return 0
	}
	return int(n)
}

func (r *reader) bytes(n int) string {
	if n > len(r.data) {
		r.bad = true
		return ""
	}
	out := r.data[:n]
	r.data = r.data[n:]
	return out
}

// hash reads eight bytes, little-endian.
func (r *reader) hash() (v uint64) {
	text := r.bytes(8)
	for i := range len(text) {
		v |= uint64(text[i]) << (8 * i)
	}
	return v
}

func (r *reader) name() string {
	id := r.uint()
	if id >= uint64(len(r.names.texts)) {
		r.bad = true
		return ""
	}
	return r.names.texts[id]
}

func (r *reader) counts(c *schema.JobCounts) {
	mask := r.uint()
	for i, cell := range cellsOf(c) {
		if mask>>i&1 == 1 {
			*cell = r.int()
		}
	}
}

// Texts returns the names by number. They only grow: returned texts do not
// change.
func (n *Names) Texts() []string { return n.texts[:len(n.texts):len(n.texts)] }

// NamesOf returns a Names of texts by number; false if one occurs twice.
func NamesOf(texts []string) (*Names, bool) {
	n := &Names{ids: make(map[string]uint64, len(texts)), texts: texts}
	for id, text := range texts {
		n.ids[text] = uint64(id)
	}
	return n, len(n.ids) == len(texts)
}
