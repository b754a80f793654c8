package join

import (
	"cmp"
	"encoding/binary"

	"github.com/cespare/xxhash/v2"

	"github.com/dmwm/wmstats/cacheserver/join/report"
	"github.com/dmwm/wmstats/cacheserver/table/block"
	"github.com/dmwm/wmstats/schema"
)

// A record's source has the ids of its documents, each preceded by its length;
// the request's is empty when it equals the name. The id of an agent report is
// followed by three numbers: its agent (in State.Names), the time of the report
// that its alert names (0: not silent when the alerts were computed), and the
// number of its failed jobs. The version covers only the content.

// sourceMaker builds sources one after another, reusing memory.
type sourceMaker struct{ ids, content []byte }

// make returns the source of a record, which is valid until the next call.
func (m *sourceMaker) make(names *report.Names, w *workflow, joined []*agentReport) block.Source {
	ids, content := m.ids[:0], m.content[:0]
	content = append(content, w.id()...)
	if w.id() != "" || len(joined) > 0 {
		ids = appendText(ids, w.id())
	}
	content = binary.LittleEndian.AppendUint64(content, w.hash)
	for _, r := range joined {
		counts, _ := names.Counts(r.packed) // appendReport reports damaged memory
		ids = appendText(ids, r.id)
		ids = binary.AppendUvarint(ids, names.AgentNumber(r.packed))
		ids = binary.AppendUvarint(ids, uint64(max(r.silent, 0)))
		ids = binary.AppendVarint(ids, counts.Derive().Failure)
		content = binary.LittleEndian.AppendUint64(append(content, r.id...), r.hash)
		content = binary.LittleEndian.AppendUint64(content, uint64(r.content))
	}
	m.ids, m.content = ids, content
	return block.Source{IDs: ids, Version: xxhash.Sum64(content)}
}

func appendText(dst []byte, text string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(text))), text...)
}

// Sources are the documents behind one workflow, newest known.
type Sources struct {
	Request string   // id of the request document
	Agents  []string // ids of the agent reports that are joined to it
	Version uint64   // hash of their content
}

// usualAgents is a number of agents that workflows seldom exceed.
const usualAgents = 4

// Sources returns the documents of a workflow's record.
func (s *State) Sources(name string, src block.Source) Sources {
	out := Sources{Request: name, Agents: []string{}, Version: src.Version}
	request := s.EachReport(src, func(r JoinedReport) {
		if len(out.Agents) == 0 {
			out.Agents = make([]string, 0, usualAgents)
		}
		out.Agents = append(out.Agents, r.ID)
	})
	out.Request = cmp.Or(request, name)
	return out
}

// Silent returns the agents of a record that had been silent for too long when
// its alerts were computed.
func (s *State) Silent(src block.Source) (silent []schema.Silence) {
	s.EachReport(src, func(r JoinedReport) {
		if r.Silent != 0 {
			silent = append(silent, schema.Silence{Agent: r.Agent, Time: r.Silent})
		}
	})
	return silent
}

// JoinedReport is an agent report that is joined to a record.
type JoinedReport struct {
	ID     string
	Agent  string
	Silent int64 // time of the agent's last report, Unix s, if it had been silent for too long; otherwise 0
	Failed int64 // jobs
}

// EachReport calls f with the reports that are joined to a record, in the order
// of their ids, and returns the id of the request document; "" means the
// workflow's name.
func (s *State) EachReport(src block.Source, f func(JoinedReport)) (request string) {
	r := sourceReader{all: string(src.IDs)}
	for request = r.text(); len(r.all) > 0; {
		one := JoinedReport{ID: r.text()}
		if n := r.number(); n < uint64(len(s.Names)) {
			one.Agent = s.Names[n]
		}
		one.Silent = int64(r.number())
		failed := r.number() // written as by binary.Varint
		one.Failed = int64(failed>>1) ^ -int64(failed&1)
		f(one)
	}
	return request
}

// sourceReader reads what sourceMaker wrote, and terminates on any bytes.
type sourceReader struct{ all string }

func (r *sourceReader) number() (n uint64) {
	for shift := 0; len(r.all) > 0; shift += 7 {
		c := r.all[0]
		r.all = r.all[1:]
		n |= uint64(c&0x7f) << shift
		if c < 0x80 {
			break
		}
	}
	return n
}

func (r *sourceReader) text() (text string) {
	n := min(r.number(), uint64(len(r.all)))
	text, r.all = r.all[:n], r.all[n:]
	return text
}
