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
// the request's is empty when it equals the name. It is followed by the facts
// behind the record's alerts (appendFacts). The id of an agent report is
// followed by three numbers: its agent (in State.Names), the time of the report
// that its alert names (0: not silent when the alerts were computed), and the
// number of its failed jobs. The version covers only the content.

// sourceMaker builds sources one after another, reusing memory.
type sourceMaker struct{ ids, content []byte }

// make returns the source of a record, which is valid until the next call.
func (m *sourceMaker) make(names *report.Names, w *workflow, joined []*agentReport, facts schema.Facts) block.Source {
	ids, content := m.ids[:0], m.content[:0]
	content = append(content, w.id()...)
	if w.id() != "" || len(joined) > 0 || hasFacts(&facts) {
		ids = appendFacts(appendText(ids, w.id()), &facts)
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

// Facts returns the facts behind the alerts of a record, as of when they were
// computed. Silent has the agents that had been silent for too long.
func (s *State) Facts(src block.Source) schema.Facts {
	r := sourceReader{all: string(src.IDs)}
	r.text()
	facts := r.facts()
	s.EachReport(src, func(r JoinedReport) {
		if r.Silent != 0 {
			facts.Silent = append(facts.Silent, schema.Silence{Agent: r.Agent, Time: r.Silent})
		}
	})
	return facts
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
	request = r.text()
	r.facts()
	for len(r.all) > 0 {
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
