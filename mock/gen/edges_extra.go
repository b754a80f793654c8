package gen

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dmwm/wmstats/mock/design"
)

// extraEdges add documents to those of a workflow.
func extraEdges() []edge {
	return []edge{
		{name: "two documents for one pair", row: "two documents for one (agent, workflow)", needs: needsAgents, extra: oldDocument},
		{name: "document of an unknown workflow", row: "agent document of a workflow not in the cache", needs: needsAgents, extra: strayDocument},
		{name: "redeployed agent", row: "agent url with and without port; agent renamed or redeployed", needs: needsAgents, extra: renamedAgent},
		{name: "site as an object", row: "object for string site", needs: needsAgents, extra: func(w *World, sk *Sketch, st *State) []Doc {
			return []Doc{bend(w.jobDoc(sk, st, 900), func(m fields) { m["site"], m["cms_location"], m["exitcode"] = fields{}, nil, nil })}
		}},
		{name: "bad bytes and duplicate keys", row: "duplicate JSON keys, invalid UTF-8 in error text", needs: needsAgents, extra: badBytes},
		{name: "long and hostile error text", row: "very large document (MBs)", needs: needsAgents, extra: func(w *World, sk *Sketch, st *State) []Doc {
			job := bend(w.jobDoc(sk, st, 902), func(m fields) {
				m["errors"] = fields{"cmsRun1": []any{fields{"type": "Fatal Exception", "exitCode": 8001, "details": strings.Repeat(hostile()+"\n", 3000)}}}
				m["state"], m["exitcode"] = "jobfailed", 8001
			})
			return []Doc{job, logDoc(sk.Name, "reqmgr2", "comment", "comment", hostile(), st.Created(), 0)}
		}},
		{name: "deleted document", row: "document deleted between two calls", extra: func(w *World, sk *Sketch, _ *State) []Doc {
			id := w.hosts[0].name + "-" + sk.Name + "_gone"
			return []Doc{{design.WMStatsDB, id, fmt.Appendf(nil, `{"_id":%q,"_deleted":true}`, id)}}
		}},
	}
}

// oldDocument returns an earlier document of the first agent under a random id,
// as agents wrote them before ids were built from names.
func oldDocument(w *World, sk *Sketch, st *State) []Doc {
	first := w.agentReports(sk, st)[0]
	return []Doc{bend(first, func(m fields) {
		m["_id"] = fmt.Sprintf("%016x%016x", mix(uint64(sk.Index)), mix(uint64(sk.Index)+1))
		m["timestamp"] = addTo(m["timestamp"], -86400)
		statusOf(m)["success"] = 1
	})}
}

func strayDocument(w *World, sk *Sketch, st *State) []Doc {
	name := strings.Replace(sk.Name, sk.Requestor+"_", "forgotten_", 1)
	first := w.agentReports(sk, st)[0]
	first.JSON = bytes.ReplaceAll(first.JSON, []byte(sk.Name), []byte(name))
	first.ID = strings.Replace(first.ID, sk.Name, name, 1)
	return []Doc{first}
}

// renamedAgent returns the first agent's document under its former name.
func renamedAgent(w *World, sk *Sketch, st *State) []Doc {
	return []Doc{bend(w.agentReports(sk, st)[0], func(m fields) {
		m["agent_url"] = "vocms0999.cern.ch"
		m["_id"] = "vocms0999.cern.ch-" + sk.Name
		m["timestamp"] = addTo(m["timestamp"], -5*86400)
	})}
}

// badBytes returns a job summary whose error text is not UTF-8 (unless bytes
// must be storable) and one with a key that occurs twice.
func badBytes(w *World, sk *Sketch, st *State) []Doc {
	bad := "\xff\xfe\xc3"
	if w.opts.Storable {
		bad = "\ufffd\ufffd\ufffd"
	}
	job := bend(w.jobDoc(sk, st, 901), func(m fields) {
		m["errors"] = fields{"cmsRun1": []any{fields{"type": "Fatal Exception", "exitCode": 8001, "details": "message @@ end"}}}
		m["state"], m["exitcode"] = "jobfailed", 8001
	})
	job.JSON = bytes.Replace(job.JSON, []byte("@@"), []byte(bad), 1)
	twice := w.jobDoc(sk, st, 903)
	twice.JSON = bytes.Replace(twice.JSON, []byte(`"type":"jobsummary"`), []byte(`"exitcode":1,"type":"jobsummary"`), 1)
	return []Doc{job, twice}
}

// sortedObjects returns the members of m that are objects, by key.
func sortedObjects(m fields) []fields {
	var out []fields
	for _, k := range slices.Sorted(maps.Keys(m)) {
		if o, ok := m[k].(fields); ok {
			out = append(out, o)
		}
	}
	return out
}
