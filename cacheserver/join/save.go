package join

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/dmwm/wmstats/cacheserver/checkpoint"
	"github.com/dmwm/wmstats/cacheserver/table/block"
	"github.com/dmwm/wmstats/schema"
)

// savedVersion is the version of the format of Saved. Raise it when the format
// changes; the checkpoint's fingerprint covers the meaning of records.
const savedVersion = 10

// Kinds of frames after the first one, which has the data that the others need.
const (
	frameWorkflows = 'w' // blocks, each with the workflows of its records
	frameUnmatched = 'o' // workflows without a record
	frameAgents    = 'i' // agent_info documents
)

// frameBytes is the approximate length of a frame.
const frameBytes = 256 << 10

// Saved is all that a Join knows at one moment, without a read in progress and
// derived data: sums, recoveries, due times. It is immutable.
type Saved struct {
	layout    *block.Layout
	state     *State
	limits    schema.Limits
	again     bool
	believed  *census
	doubtful  []Document
	names     []string
	fresh     map[string]int64
	agents    []agentInfo
	workflows []savedWorkflow // in the order of their names
	reports   []agentReport   // of all workflows
}

// savedWorkflow is a copy of a workflow; its reports are in Saved.reports.
type savedWorkflow struct {
	workflow
	from, to int
}

// Save copies mutable data, some 250 bytes a workflow until the copy is written;
// the rest is immutable and shared with the Join. ok is false before the first
// State. The Join must not be used meanwhile: for 14 ms at 40 000 workflows and
// 40 ms at 100 000 on two busy cores, at worst 85 and 215 ms
// (BenchmarkCheckpoint). Copying a few workflows at a time, each batch copying
// before it changes one, delayed changes by 79 and 97 ms in the same hour: it
// needed more turns.
func (j *Join) Save() (s *Saved, ok bool) {
	if j.state == nil {
		return nil, false
	}
	s = &Saved{
		layout: j.layout, state: j.state, limits: j.limits, again: j.again, names: j.names.Texts(),
		doubtful: slices.Collect(maps.Keys(j.doubtful)), fresh: j.freshest().Reports,
		workflows: make([]savedWorkflow, 0, len(j.workflows)), reports: make([]agentReport, 0, len(j.reports)),
	}
	if j.believed != nil {
		believed := *j.believed
		s.believed = &believed
	}
	for _, a := range j.agents {
		s.agents = append(s.agents, *a)
	}
	for _, w := range j.workflows {
		from := len(s.reports)
		for _, r := range w.reports {
			s.reports = append(s.reports, *r)
		}
		s.workflows = append(s.workflows, savedWorkflow{*w, from, len(s.reports)})
	}
	return s, true
}

// Write writes the frames from which Restore builds a Join. put receives a copy
// of each frame; its errors are returned.
func (s *Saved) Write(put func([]byte) error) error {
	slices.SortFunc(s.workflows, func(a, b savedWorkflow) int { return cmp.Compare(a.name, b.name) })
	slices.SortFunc(s.agents, func(a, b agentInfo) int { return cmp.Compare(a.id, b.id) })
	slices.SortFunc(s.doubtful, compareDocuments)
	head, err := s.head()
	if err == nil {
		err = put(head)
	}
	if err == nil {
		err = s.writeAgents(put)
	}
	if err == nil {
		err = s.writeRecords(put)
	}
	if err == nil {
		err = s.writeUnmatched(put)
	}
	return err
}

// head returns the first frame, which has the data that all others need.
func (s *Saved) head() ([]byte, error) {
	limits, err := json.Marshal(s.limits)
	if err != nil {
		return nil, fmt.Errorf("encode the limits: %w", err)
	}
	dst := binary.AppendUvarint(nil, savedVersion)
	dst = checkpoint.AppendText(dst, limits)
	dst = binary.AppendUvarint(dst, flag(s.again))
	if s.believed == nil {
		dst = append(dst, 0)
	} else {
		dst = append(dst, 1)
		for _, n := range []int{s.believed.requests, s.believed.reports, s.believed.agents} {
			dst = binary.AppendUvarint(dst, uint64(n))
		}
	}
	dst = binary.AppendUvarint(dst, uint64(len(s.doubtful)))
	for _, d := range s.doubtful {
		dst = binary.AppendUvarint(dst, uint64(d.Kind))
		dst = checkpoint.AppendText(dst, d.ID)
	}
	texts := s.layout.Texts()
	dst = binary.AppendUvarint(dst, uint64(len(texts)))
	for _, list := range texts {
		dst = appendTexts(dst, list)
	}
	dst = appendTexts(dst, s.names)
	dst = binary.AppendUvarint(dst, uint64(len(s.fresh)))
	for _, agent := range slices.Sorted(maps.Keys(s.fresh)) {
		dst = checkpoint.AppendText(dst, agent)
		dst = binary.AppendVarint(dst, s.fresh[agent])
	}
	return dst, nil
}

func appendTexts(dst []byte, list []string) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(list)))
	for _, text := range list {
		dst = checkpoint.AppendText(dst, text)
	}
	return dst
}

func (s *Saved) writeAgents(put func([]byte) error) error {
	for _, a := range s.agents {
		detail, err := json.Marshal(a.detail)
		if err != nil {
			return fmt.Errorf("encode agent_info %s: %w", a.id, err)
		}
		dst := checkpoint.AppendText([]byte{frameAgents}, a.id)
		dst = binary.LittleEndian.AppendUint64(dst, a.hash)
		dst = binary.AppendVarint(dst, a.heard.Time)
		dst = binary.AppendVarint(dst, a.heard.Ahead)
		dst = binary.AppendVarint(dst, a.turned)
		if err := put(checkpoint.AppendText(dst, detail)); err != nil {
			return err
		}
	}
	return nil
}

// writeRecords writes the blocks, each with the workflows of its records.
func (s *Saved) writeRecords(put func([]byte) error) (err error) {
	var dst []byte
	at := 0 // index in s.workflows
	s.state.Table.Range(0, s.state.Table.Len(), func(b *block.Block, i, j int) bool {
		if len(dst) == 0 {
			dst = append(dst, frameWorkflows)
		}
		dst = b.AppendBinary(dst, s.layout)
		for ; i < j && err == nil; i++ {
			for at < len(s.workflows) && !s.workflows[at].has {
				at++
			}
			if at == len(s.workflows) || s.workflows[at].name != string(b.Name(s.layout, i)) {
				err = fmt.Errorf("record %q does not match the known workflows", b.Name(s.layout, i))
				break
			}
			dst, err = s.appendWorkflow(dst, &s.workflows[at])
			at++
		}
		if err == nil && len(dst) > frameBytes {
			err = put(dst)
			dst = dst[:0]
		}
		return err == nil
	})
	if err == nil && len(dst) > 0 {
		err = put(dst)
	}
	return err
}

func (s *Saved) writeUnmatched(put func([]byte) error) (err error) {
	var dst []byte
	for i := range s.workflows {
		w := &s.workflows[i]
		if w.has {
			continue
		}
		if len(dst) == 0 {
			dst = append(dst, frameUnmatched)
		}
		dst = checkpoint.AppendText(dst, w.name)
		if dst, err = s.appendWorkflow(dst, w); err != nil {
			return err
		}
		if len(dst) > frameBytes {
			if err := put(dst); err != nil {
				return err
			}
			dst = dst[:0]
		}
	}
	if len(dst) > 0 {
		return put(dst)
	}
	return nil
}

func flag(set bool) uint64 {
	if set {
		return 1
	}
	return 0
}

// Flags of a workflow with rarely used fields.
const (
	flagMore = 1 // requests
	flagOwn  = 2 // matches with own rules
)

// appendWorkflow appends a workflow without its name.
func (s *Saved) appendWorkflow(dst []byte, w *savedWorkflow) ([]byte, error) {
	flags := uint64(0)
	if w.more != nil {
		flags |= flagMore
	}
	if w.own != nil {
		flags |= flagOwn
	}
	dst = binary.AppendUvarint(dst, flags)
	dst = binary.LittleEndian.AppendUint64(dst, w.hash)
	dst = binary.AppendVarint(dst, w.due)
	if w.own != nil {
		dst = binary.AppendUvarint(dst, uint64(len(*w.own)))
		for _, m := range *w.own {
			dst = binary.AppendUvarint(dst, uint64(m.Rule))
			dst = binary.AppendVarint(dst, m.Since)
		}
	}
	if w.more != nil {
		dst = checkpoint.AppendText(dst, w.more.id)
		dst = binary.AppendUvarint(dst, uint64(len(w.more.duplicates)))
		for i := range w.more.duplicates {
			d := &w.more.duplicates[i] // seen may be written concurrently: it is not read
			var record schema.Workflow
			if err := new(schema.Unpacker).Unpack(d.packed, &record); err != nil {
				return nil, fmt.Errorf("decode request %s: %w", d.id, err)
			}
			dst = checkpoint.AppendText(dst, d.id)
			dst = binary.LittleEndian.AppendUint64(dst, d.hash)
			dst = checkpoint.AppendText(dst, schema.AppendJSON(nil, &record))
		}
	}
	dst = binary.AppendUvarint(dst, uint64(w.to-w.from))
	for i := w.from; i < w.to; i++ {
		r := &s.reports[i]
		dst = checkpoint.AppendText(dst, r.id)
		dst = binary.LittleEndian.AppendUint64(dst, r.hash)
		dst = binary.AppendVarint(dst, r.time)
		dst = binary.AppendVarint(dst, r.content)
		dst = binary.AppendVarint(dst, r.ahead)
		dst = binary.AppendVarint(dst, r.silent)
		dst = binary.AppendVarint(dst, r.stray)
		dst = binary.AppendUvarint(dst, flag(r.idle))
		dst = checkpoint.AppendText(dst, r.packed)
	}
	return dst, nil
}
