package gen

import (
	"encoding/json"
	"maps"
	"strings"
)

// agentEdges change agent_request documents.
func agentEdges() []edge {
	return append(agentCountEdges(), agentNameEdges()...)
}

func agentCountEdges() []edge {
	return []edge{
		{name: "cooloff as a number", row: "number for object", needs: needsAgents, agent: func(m fields) {
			statusOf(m)["cooloff"] = 7
			_, t := firstTask(m)
			statusOf(t)["cooloff"] = 7
		}},
		{name: "counters as text and null", row: "number as string", needs: needsAgents, agent: func(m fields) {
			s := statusOf(m)
			s["success"] = "381"
			s["failure"] = fields{"exception": nil, "submit": "many"}
			m["timestamp"] = "1738000000"
		}},
		{name: "sizes as float and text", row: "float for int", needs: needsAgents, agent: func(m fields) {
			eachDataset(m, func(n int, ds fields) {
				ds["size"] = json.Number("1.06698406915e11")
				if n%2 == 1 {
					ds["size"] = "106698406915"
				}
			})
		}},
		{name: "huge sizes", row: "huge numbers", needs: needsAgents, agent: func(m fields) {
			eachDataset(m, func(_ int, ds fields) { ds["size"] = int64(12_345_678_901_234_567) })
		}},
		{name: "more jobs at sites than in all", row: "negative counters", needs: needsAgents, agent: func(m fields) {
			statusOf(m)["success"] = 1
			sitesOf(m)["T1_US_FNAL"] = fields{"success": 1000}
		}},
		{name: "no status and tasks", row: "agent document without `status`/`tasks`, or all empty", needs: needsAgents, agent: func(m fields) {
			delete(m, "status")
			delete(m, "tasks")
			delete(m, "sites")
		}},
		{name: "all empty", row: "agent document without `status`/`tasks`, or all empty", needs: needsAgents, agent: func(m fields) {
			m["status"], m["tasks"], m["sites"] = fields{}, fields{}, fields{}
		}},
		{name: "counters of other types", row: "null", needs: needsAgents, agent: func(m fields) {
			s := statusOf(m)
			s["queued"], s["submitted"], s["paused"], s["extra"] = []any{}, nil, "none", fields{"a": 1}
		}},
	}
}

func agentNameEdges() []edge {
	return []edge{
		{name: "odd site names", row: "site `\"\"`, `unknown`, `NA`, `Agent`, `NoPossibleSite`, `{}`", needs: needsAgents, agent: func(m fields) {
			_, t := firstTask(m)
			for _, name := range []string{"", "unknown", "NA", "Agent", "NoPossibleSite", "{}"} {
				sitesOf(m)[name] = fields{"success": 3}
				sitesOf(t)[name] = fields{"success": 3, "dataset": fields{}}
			}
			s := statusOf(m)
			s["success"] = addTo(s["success"], 18)
		}},
		{name: "processing and storage names", row: "same site as processing and storage name (`T2_CH_CERN` / `T2_CH_CERN_HLT`, `_Disk`)", needs: needsAgents, agent: func(m fields) {
			if fnal, ok := sitesOf(m)["T1_US_FNAL"].(fields); ok && fnal != nil {
				sitesOf(m)["T1_US_FNAL_Disk"] = maps.Clone(fnal)
				delete(sitesOf(m), "T1_US_FNAL")
				return
			}
			sitesOf(m)["T1_US_FNAL_Disk"] = fields{}
		}},
		{name: "agent with port", row: "agent url with and without port; agent renamed or redeployed", needs: needsAgents, agent: func(m fields) {
			m["agent_url"] = text(m["agent_url"]) + ":9999"
			m["_id"] = text(m["agent_url"]) + "-" + text(m["workflow"])
		}},
		{name: "several agents", row: "several agents for one workflow", needs: needsAgents, agents: 5},
		{name: "stale agent", row: "stale agent document", needs: needsAgents, agent: func(m fields) {
			m["timestamp"] = addTo(m["timestamp"], -3*86400)
		}},
		{name: "odd task paths", row: "task path not starting with the workflow; empty task; very long path (> 500 chars)", needs: needsAgents, agent: func(m fields) {
			path, _ := firstTask(m)
			tasks := objectOf(m, "tasks")
			status := fields{"success": 2}
			tasks["/another_workflow_200101_000000_1/Elsewhere"] = fields{"jobtype": "Merge", "status": status}
			tasks[""] = fields{"status": status}
			tasks[path+strings.Repeat("/DeeplyNestedTask", 40)] = fields{"jobtype": "Skim", "status": status}
		}},
		{name: "broken agent document", row: "field missing", needs: needsAgents, agents: 2, agent: func(m fields) {
			m["status"] = "oops"
			m["tasks"] = []any{1, 2}
			delete(m, "workflow")
		}},
	}
}

func text(v any) string { s, _ := v.(string); return s }

// eachDataset calls fn for each output object of an agent document; where there
// is none, it creates one.
func eachDataset(m fields, fn func(n int, ds fields)) {
	tasks, _ := m["tasks"].(fields)
	n := 0
	for _, t := range sortedObjects(tasks) {
		for _, s := range sortedObjects(sitesOf(t)) {
			sets, _ := s["dataset"].(fields)
			for _, ds := range sortedObjects(sets) {
				fn(n, ds)
				n++
			}
		}
	}
	if _, t := firstTask(m); n == 0 && t != nil {
		ds := fields{"events": 1000, "totalLumis": 10}
		sitesOf(t)["T2_DE_DESY"] = fields{"success": 1, "dataset": fields{"/Made/Up-v1/AOD": ds}}
		fn(0, ds)
	}
}
