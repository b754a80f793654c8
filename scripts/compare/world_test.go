package compare_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/scripts/compare"
)

type object = map[string]any

// world is what both servers say at one read, written by hand.
type world struct {
	old        object            // documents by workflow
	records    map[string]object // of the new server
	details    map[string][]object
	quarantine []string
	oldCalls   map[string][]any // rows by the beginning of the call
	newCalls   map[string][]any
}

// newWorld has one workflow of two agents, the same on both sides.
func newWorld() *world {
	counts := func(agent string, success int) object {
		return object{"_id": agent + "-w", "type": "agent_request", "workflow": "w", "agent_url": agent, "timestamp": 1000, "skipped": false,
			"status": object{"success": success, "inWMBS": 20, "submitted": object{"first": 3, "running": 1, "pending": 2}, "cooloff": object{"job": 1}},
			"sites":  object{"T2_CH_CERN": object{"success": success}},
			"tasks":  object{"/w/T": object{"sites": object{"T2_CH_CERN": object{"dataset": object{"/A/B/C": object{"events": 50, "totalLumis": 5, "size": 500}}}}}}}
	}
	record := object{
		"Workflow": "w", "Status": "running-open", "Type": "ReReco", "Campaign": "C", "Release": "CMSSW_1", "PrepID": "", "Team": "production",
		"InputDatasets": list("/I/J/K"), "OutputDatasets": list("/A/B/C"), "Pileups": list(), "SiteWhitelist": list("T2_CH_CERN", "T1_US_FNAL"), "SiteBlacklist": list(),
		"Agents": list("a1", "a2"), "Sites": list("T2_CH_CERN"), "Skipped": false,
		"Priority": 100, "EstimatedJobs": 40, "InputEvents": -1, "InputLumis": -1,
		"Success": 12, "SubmittedFirst": 6, "Running": 2, "Pending": 4, "CooloffJob": 2, "JobsInWMBS": 40,
		"OutputEvents": 100, "OutputLumis": 10, "OutputBytes": 1000, "TaskCount": 1,
	}
	detail := func(agent string, success int) object {
		return object{"Agent": agent, "UpdateTime": 1000, "Success": success, "SubmittedFirst": 3, "Running": 1, "Pending": 2, "CooloffJob": 1, "JobsInWMBS": 20}
	}
	w := &world{
		old: object{"w": object{
			"_id": "w", "RequestName": "w", "RequestStatus": "running-open", "RequestType": "ReReco", "Campaign": "C", "CMSSWVersion": "CMSSW_1", "Team": "production",
			"InputDataset": "/I/J/K", "OutputDatasets": list("/A/B/C"), "SiteWhitelist": list("T1_US_FNAL", "T2_CH_CERN"), "SiteBlacklist": list(),
			"RequestPriority": 100, "TotalEstimatedJobs": 40,
			"AgentJobInfo": object{"a1": counts("a1", 5), "a2": counts("a2", 7)},
		}},
		records: map[string]object{"w": record}, details: map[string][]object{"w": {detail("a1", 5), detail("a2", 7)}},
		oldCalls: map[string][]any{}, newCalls: map[string][]any{},
	}
	for _, calls := range []map[string][]any{w.oldCalls, w.newCalls} {
		calls["globallocks"] = list("/A/B/C", "/I/J/K")
		calls["protectedlfns"] = list("/store/unmerged/a")
		calls["filtered_requests"] = []any{object{"RequestName": "w", "RequestPriority": 100, "Campaign": list("C", "D")}}
	}
	return w
}

func list(names ...string) []any {
	out := []any{}
	for _, name := range names {
		out = append(out, name)
	}
	return out
}

// document is the old server's document of w, report that of one of its agents.
func (w *world) document() object { return w.old["w"].(object) }
func (w *world) report(agent string) object {
	return w.document()["AgentJobInfo"].(object)[agent].(object)
}
func (w *world) record() object { return w.records["w"] }

// detail is what the new server says of one agent.
func (w *world) detail(agent string) object {
	for _, d := range w.details["w"] {
		if d["Agent"] == agent {
			return d
		}
	}
	return nil
}

// set changes a counter on the new side, by as much in the sum as in the report.
func (w *world) set(agent, counter string, n int) {
	was, _ := w.detail(agent)[counter].(int)
	sum, _ := w.record()[counter].(int)
	w.detail(agent)[counter], w.record()[counter] = n, sum+n-was
}

func whole(record object) object {
	out := object{}
	for _, key := range []string{
		"Priority", "EstimatedJobs", "InputEvents", "InputLumis", "Success", "Canceled", "Transition", "QueuedFirst", "QueuedRetry", "SubmittedFirst", "SubmittedRetry",
		"Pending", "Running", "FailureCreate", "FailureSubmit", "FailureException", "CooloffCreate", "CooloffSubmit", "CooloffJob", "PausedCreate", "PausedSubmit", "PausedJob",
		"JobsInWMBS", "JobsInQueue", "OutputEvents", "OutputLumis", "OutputBytes", "TaskCount", "UpdateTime",
	} {
		out[key] = 0
	}
	maps.Copy(out, record)
	return out
}

// servers serves the worlds of the reads, the last one from then on. It returns the
// address of the old server and that of the new one.
func servers(t *testing.T, reads ...*world) (old, now string) {
	t.Helper()
	var oldReads, newReads atomic.Int64
	at := func(n *atomic.Int64) *world { return reads[min(max(int(n.Load()), 1), len(reads))-1] }
	rows := func(w http.ResponseWriter, r *http.Request, calls map[string][]any) {
		_, call, _ := strings.Cut(r.URL.Path, "/wmstatsserver/data/")
		send(t, w, object{"result": calls[call]})
	}
	oldServer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/requestcache") {
			oldReads.Add(1)
			send(t, w, object{"result": []any{at(&oldReads).old}})
			return
		}
		rows(w, r, at(&oldReads).oldCalls)
	}))
	t.Cleanup(oldServer.Close)
	newServer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, isDetail := strings.CutPrefix(r.URL.Path, "/fetch/")
		switch {
		case r.URL.Path == "/fetch":
			newReads.Add(1)
			records := at(&newReads).records
			w.Header().Set("X-Total-Count", strconv.Itoa(len(records)))
			for _, record := range records {
				send(t, w, whole(record))
			}
		case isDetail:
			agents := []object{}
			for _, d := range at(&newReads).details[name] {
				agents = append(agents, whole(d))
			}
			send(t, w, object{"Agents": agents})
		case r.URL.Path == "/quarantine":
			ids := []object{}
			for _, id := range at(&newReads).quarantine {
				ids = append(ids, object{"ID": id})
			}
			send(t, w, ids)
		default:
			rows(w, r, at(&newReads).newCalls)
		}
	}))
	t.Cleanup(newServer.Close)
	return oldServer.URL, newServer.URL
}

func send(t *testing.T, w http.ResponseWriter, v any) {
	t.Helper()
	assert.NoError(t, json.NewEncoder(w).Encode(v))
}

// options compares two addresses, with a pause that tests need not feel.
func options(old, now string) compare.Options {
	o := compare.Defaults()
	o.Old, o.New, o.Pause, o.Limit = compare.Old(old), now, time.Millisecond, 10*time.Minute
	return o
}

func run(t *testing.T, o compare.Options) compare.Report {
	t.Helper()
	report, err := compare.Run(t.Context(), o)
	require.NoError(t, err)
	return report
}
