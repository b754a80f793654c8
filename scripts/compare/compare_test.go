package compare_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/scripts/compare"
)

func TestEqualServersDoNotDiffer(t *testing.T) {
	report := run(t, options(servers(t, newWorld())))
	assert.Empty(t, report.Differences)
	assert.Equal(t, 1, report.Reads, "nothing differs, so nothing is read again")
	for _, f := range report.Figures {
		assert.Equal(t, f.Old, f.New, f.Figure)
	}
}

// TestReasons: each kind of difference gets its reason. change is called for all
// reads, with 1 to 3.
func TestReasons(t *testing.T) {
	covered := map[string]bool{}
	for name, c := range map[string]struct {
		change func(w *world, read int)
		want   map[string]int // differences by reason
		severe int
	}{
		"a counter differs for reports of one time": {func(w *world, _ int) { w.set("a1", "Success", 6) },
			map[string]int{compare.Unexplained: 1}, 0},
		"an agent reported again": {func(w *world, read int) { w.set("a1", "Success", 5+read); w.detail("a1")["UpdateTime"] = 1000 + read },
			map[string]int{compare.NewerReport: 1}, 0},
		"an agent reported again, and another report differs": {func(w *world, read int) {
			w.set("a1", "Success", 5+read)
			w.detail("a1")["UpdateTime"] = 1000 + read
			w.set("a2", "Success", 8)
		}, map[string]int{compare.Unexplained: 1}, 0},
		"the old server stands still at an older report": {func(w *world, _ int) { w.set("a1", "Success", 6); w.detail("a1")["UpdateTime"] = 2000 },
			map[string]int{compare.OlderReport: 1}, 0},
		"the new server has the older report": {func(w *world, _ int) { w.set("a1", "Success", 4); w.detail("a1")["UpdateTime"] = 900 },
			map[string]int{compare.Unexplained: 1}, 0},
		"the new server lacks an agent": {func(w *world, _ int) {
			w.set("a2", "Success", 0)
			w.details["w"], w.record()["Agents"] = w.details["w"][:1], list("a1")
		}, map[string]int{compare.Unexplained: 2}, 0},
		"output differs while the reports are the same": {func(w *world, _ int) { w.record()["OutputEvents"] = 101 },
			map[string]int{compare.Unexplained: 1}, 0},
		"one agent with and without a port": {func(w *world, _ int) {
			again := w.report("a1")
			w.document()["AgentJobInfo"] = object{"a1": again, "a1:9999": object{"_id": "x", "type": "agent_request", "workflow": "w", "agent_url": "a1:9999", "timestamp": 10,
				"status": object{"success": 3}, "sites": object{}, "tasks": object{}}}
			for _, counter := range []string{"Success", "SubmittedFirst", "Running", "Pending", "CooloffJob", "JobsInWMBS"} {
				w.set("a2", counter, 0)
			}
			w.details["w"], w.record()["Agents"] = w.details["w"][:1], list("a1")
			w.record()["OutputEvents"], w.record()["OutputLumis"], w.record()["OutputBytes"] = 50, 5, 500
		}, map[string]int{compare.AgentTwice: 1}, 0},
		"agreed at the later read": {func(w *world, read int) {
			if read == 1 {
				w.record()["Status"] = "running-closed"
			}
		}, map[string]int{compare.Moved: 1}, 0},
		"the old server follows": {func(w *world, read int) {
			w.record()["Status"] = "running-closed"
			if read > 1 {
				w.document()["RequestStatus"], w.record()["Status"] = "running-closed", "completed"
			}
		}, map[string]int{compare.Moved: 1}, 0},
		"it changes twice within a pause": {func(w *world, read int) {
			steps := []string{"assigned", "staging", "staged", "acquired", "running-open"}
			w.document()["RequestStatus"], w.record()["Status"] = steps[min(2*read-2, 3)], steps[min(2*read-1, 4)]
		}, map[string]int{compare.Moved: 1}, 0},
		"the old server is ahead": {func(w *world, read int) {
			w.record()["Priority"] = 99 // so that it is read again
			if read > 1 {
				w.document()["RequestStatus"] = "completed"
			}
		}, map[string]int{compare.Unexplained: 2}, 0},
		"the old server lacks a workflow": {func(w *world, _ int) {
			delete(w.old, "w")
			w.old["v"] = object{"_id": "v"}
			w.records["v"] = object{"Workflow": "v", "Status": "", "Type": "", "Campaign": "", "Release": "", "PrepID": "", "Team": "", "InputDatasets": list(), "OutputDatasets": list(), "Pileups": list(),
				"SiteWhitelist": list(), "SiteBlacklist": list(), "Agents": list(), "Sites": list(), "Skipped": false, "Priority": -1, "EstimatedJobs": -1, "InputEvents": -1, "InputLumis": -1}
		}, map[string]int{compare.Unexplained: 1}, 0},
		"the new server lacks a workflow": {func(w *world, _ int) { w.old["v"] = object{"_id": "v", "RequestStatus": "new"} },
			map[string]int{compare.Unexplained: 1}, 0},
		"it has left the new server only": {func(w *world, read int) {
			w.record()["Priority"] = 99 // so that it is read again
			if read > 1 {
				w.records = map[string]object{"other": w.records["w"]}
				w.records["other"]["Workflow"] = "other"
			}
		}, map[string]int{compare.Moved: 1}, 0},
		"the new server reads an archived one": {func(w *world, _ int) {
			record := newWorld().record()
			record["Workflow"], record["Status"] = "v", "normal-archived"
			w.records["v"] = record
		}, map[string]int{compare.MoreStatuses: 1}, 0},
		"a document in quarantine": {func(w *world, _ int) {
			w.old["v"] = object{"_id": "v", "RequestStatus": "new"}
			w.quarantine = []string{"v"}
		}, map[string]int{compare.Unusable: 1}, 0},
		"an agent's document in quarantine": {func(w *world, _ int) { w.set("a1", "Success", 6); w.quarantine = []string{"a1-w"} },
			map[string]int{compare.Unusable: 1}, 0},
		"two request documents": {func(w *world, _ int) {
			w.old["another"] = object{"_id": "another", "RequestName": "w", "RequestStatus": "new"}
		},
			map[string]int{compare.SecondRequest: 1}, 0},
		"values of steps": {func(w *world, _ int) {
			delete(w.document(), "Campaign")
			w.document()["Task1"] = object{"Campaign": "C", "InputDataset": "/L/M/N"}
			w.record()["InputDatasets"] = list("/I/J/K", "/L/M/N")
		}, map[string]int{compare.StepValue: 2}, 0},
		"a value that no step has": {func(w *world, _ int) { w.record()["InputDatasets"] = list("/I/J/K", "/L/M/N") },
			map[string]int{compare.Unexplained: 1}, 0},
		"a number as text": {func(w *world, _ int) { w.document()["RequestPriority"] = "100" },
			map[string]int{compare.OddValue: 1}, 0},
		"a report without its type": {func(w *world, _ int) { delete(w.report("a1"), "type"); delete(w.report("a1"), "workflow") },
			map[string]int{}, 0},
		"a report of another type": {func(w *world, _ int) { w.report("a1")["type"] = "agent_info"; w.set("a1", "Success", 0) },
			map[string]int{compare.OddValue: 1}, 0},
		"a site without a name": {func(w *world, _ int) {
			w.report("a1")["sites"] = object{"T2_CH_CERN": object{}, "unknown": object{}}
			w.record()["Sites"] = list("T2_CH_CERN", "(unknown)")
		}, map[string]int{compare.UnnamedSite: 1}, 0},
		"another site": {func(w *world, _ int) { w.record()["Sites"] = list("T2_CH_CERN", "T1_US_FNAL") },
			map[string]int{compare.Unexplained: 1}, 0},
		"None as a dataset": {func(w *world, _ int) {
			w.document()["InputDataset"], w.record()["InputDatasets"] = "None", list()
			w.oldCalls["globallocks"] = append(list("/A/B/C", "/I/J/K", "None", ""), nil)
		}, map[string]int{compare.NoName: 4}, 0},
		"a lock is missing": {func(w *world, _ int) { w.newCalls["globallocks"] = list("/A/B/C") },
			map[string]int{compare.Unexplained: 1}, 1},
		"a protected folder is missing": {func(w *world, _ int) {
			w.newCalls["protectedlfns"] = list("/store/unmerged/b", "/store/unmerged/a")
			w.oldCalls["protectedlfns"] = list("/store/unmerged/c", "/store/unmerged/a")
		},
			map[string]int{compare.Unexplained: 2}, 1},
		"a lock was missing at first": {func(w *world, read int) {
			if read == 1 {
				w.newCalls["globallocks"] = list("/A/B/C")
			}
		}, map[string]int{compare.Moved: 1}, 0},
		"a lock too many": {func(w *world, _ int) { w.newCalls["globallocks"] = list("/A/B/C", "/I/J/K", "/X/Y/Z") },
			map[string]int{compare.Unexplained: 1}, 0},
		"a lock of an unusable document": {func(w *world, _ int) {
			w.newCalls["globallocks"], w.quarantine = list("/A/B/C", "/I/J/K", "/X/Y/Z"), []string{"v"}
		}, map[string]int{compare.Unusable: 1}, 0},
		"another order in a call": {func(w *world, _ int) {
			w.newCalls["filtered_requests"] = []any{object{"RequestName": "w", "RequestPriority": 100, "Campaign": list("D", "C")}}
		}, map[string]int{}, 0},
		"another value in the calls": {func(w *world, _ int) {
			w.newCalls["filtered_requests"] = []any{object{"RequestName": "w", "RequestPriority": 100, "Campaign": list("D")}}
		}, map[string]int{compare.Unexplained: 4}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			reads := []*world{newWorld(), newWorld(), newWorld()}
			for i, w := range reads {
				c.change(w, i+1)
			}
			report := run(t, options(servers(t, reads...)))
			assert.Equal(t, c.want, report.Reasons, "%+v", report.Differences)
			assert.Equal(t, c.want[compare.Unexplained], report.Unexplained)
			assert.Equal(t, c.severe, report.Severe)
			for _, d := range report.Differences {
				assert.Equal(t, compare.Reasons()[d.Reason], d.Meaning)
			}
			var text strings.Builder
			require.NoError(t, report.WriteText(&text, 10))
			assert.Equal(t, c.severe, strings.Count(text.String(), "SEVERE"))
		})
		for reason := range c.want {
			covered[reason] = true
		}
	}
	for reason := range compare.Reasons() {
		assert.True(t, covered[reason], "no case has %s", reason)
	}
}

// TestThePageExplainsEachReason: the page that reports name has a row for each.
func TestThePageExplainsEachReason(t *testing.T) {
	page, _, _ := strings.Cut(compare.Page, "#")
	text, err := os.ReadFile("../../" + page)
	require.NoError(t, err)
	rows := regexp.MustCompile("(?m)^\\| `([a-z-]+)` \\|").FindAllStringSubmatch(string(text), -1)
	var named []string
	for _, row := range rows {
		named = append(named, row[1])
	}
	var reasons []string
	for reason := range compare.Reasons() {
		reasons = append(reasons, reason)
	}
	assert.ElementsMatch(t, reasons, named)
}

// TestOneReadOfAFile: a saved answer, also one of gzip, is read once and without calls.
func TestOneReadOfAFile(t *testing.T) {
	w := newWorld()
	w.record()["Priority"] = 7
	_, now := servers(t, w)
	text, err := json.Marshal(object{"result": []any{w.old}})
	require.NoError(t, err)
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, err = z.Write(text)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	for name, content := range map[string][]byte{"dump.json": text, "dump.json.gz": zipped.Bytes()} {
		file := filepath.Join(t.TempDir(), name)
		require.NoError(t, os.WriteFile(file, content, 0o600))
		o, err := compare.ParseOptions([]string{"--old", file, "--new", now}, func(string) string { return "" }, nil)
		require.NoError(t, err)
		report := run(t, o)
		assert.Equal(t, 1, report.Reads)
		assert.Equal(t, map[string]int{compare.Unexplained: 1}, report.Reasons)
	}
}

// TestABrokenSide: an answer that is not whole is an error, never a difference.
func TestABrokenSide(t *testing.T) {
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Error-Info", "why")
			w.WriteHeader(code)
		}
	}
	body := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, text) }
	}
	broke := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Trailer", "X-REST-Status")
		fmt.Fprint(w, `{"result": [{"w": {"_id": "w"}}]}`)
		w.Header().Set("X-REST-Status", "403")
	}
	cut := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		fmt.Fprint(w, `{"result": [{"w": {"_id": "w"}`)
	}
	for name, c := range map[string]struct {
		old, path string // which server, and which of its paths
		answer    http.HandlerFunc
		want      string
	}{
		"old 503":           {"old", "requestcache", status(503), "the old server: /wmstatsserver/data/requestcache: status 503: why"},
		"old not filled":    {"old", "requestcache", body(`{"result": [{}]}`), "nothing to compare"},
		"old login page":    {"old", "requestcache", body("<html>"), "no JSON"},
		"old without list":  {"old", "requestcache", body(`{"error": 1}`), `no "result"`},
		"old cut":           {"old", "requestcache", cut, "the old server: requestcache: "},
		"old cut in text":   {"old", "requestcache", body(`{"result": [{"w": {"_id": "w"}`), "cut off"},
		"old closed early":  {"old", "requestcache", broke, "X-REST-Status 403"},
		"old list is 500":   {"old", "globallocks", status(500), "globallocks: status 500"},
		"old list is empty": {"old", "protectedlfns", body(`{"result": []}`), "protectedlfns is empty"},
		"new 503":           {"new", "/fetch", status(503), "the new server: /fetch: status 503"},
		"new cut":           {"new", "/fetch", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X-Total-Count", "3") }, `0 records came, X-Total-Count is "3"`},
		"new other record":  {"new", "/fetch", body(`{"Workflow": "w", "Status": 7}`), "Status of w is 7"},
		"new list is 503":   {"new", "globallocks", status(503), "the new server: /wmstatsserver/data/globallocks: status 503: why"},
		"new quarantine":    {"new", "/quarantine", status(500), "/quarantine: status 500"},
		"new detail":        {"new", "/fetch/w", status(500), "/fetch/w: status 500"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			w.set("a1", "Success", 6)
			old, now := servers(t, w)
			address := map[string]*string{"old": &old, "new": &now}[c.old]
			behind := *address
			front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if strings.HasSuffix(r.URL.Path, c.path) {
					c.answer(w, r)
					return
				}
				resp, err := http.Get(behind + r.URL.RequestURI())
				if assert.NoError(t, err) {
					defer resp.Body.Close()
					w.Header().Set("X-Total-Count", resp.Header.Get("X-Total-Count"))
					_, _ = io.Copy(w, resp.Body)
				}
			}))
			t.Cleanup(front.Close)
			*address = strings.Replace(front.URL, "http://", "http://me:hidden@", 1)
			_, err := compare.Run(t.Context(), options(old, now))
			require.ErrorContains(t, err, c.want)
			assert.NotContains(t, err.Error(), "hidden")
		})
	}
}

// TestMemoryIsThatOfFigures: documents of any size pass through; the figures stay.
func TestMemoryIsThatOfFigures(t *testing.T) {
	const workflows, each = 80, 1 << 20
	ballast := strings.Repeat("x", each)
	most := uint64(0)
	old := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"result": [{`)
		for i := range workflows {
			if i > 0 {
				fmt.Fprint(w, ",")
			}
			fmt.Fprintf(w, `"w%d":{"_id":"w%d","RequestStatus":"new","ballast":%q}`, i, i, ballast)
			if i%10 == 9 {
				var m runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&m)
				most = max(most, m.HeapAlloc)
			}
		}
		fmt.Fprint(w, `}]}`)
	}))
	t.Cleanup(old.Close)
	world := newWorld()
	_, now := servers(t, world)
	o := options(old.URL+"/wmstatsserver/data/requestcache", now)
	o.Calls, o.Pause = nil, 0
	report := run(t, o)
	assert.Equal(t, workflows, report.Old.Workflows)
	assert.Less(t, most, uint64(workflows*each/4), "bytes live while %d pass through", workflows*each)
}
