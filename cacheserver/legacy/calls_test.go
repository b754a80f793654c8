package legacy

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/join"
)

func TestFinished(t *testing.T) {
	for reports, want := range map[string]bool{
		`{}`:                            false,
		`{"tasks":{}}`:                  false,
		`{"tasks":null}`:                false,
		`{"tasks":[1]}`:                 false,
		`{"tasks":{"t":{}}}`:            false,
		`{"tasks":{"t":5}}`:             false,
		`{"tasks":{"t":{"status":{}}}}`: false,
		`{"tasks":{"t":{"Status":{"success":1}}}}`:                                                 false,
		`{"tasks":{"t":{"status":{"success":3}}}}`:                                                 true,
		`{"tasks":{"t":{"status":{"success":0}}}}`:                                                 false,
		`{"tasks":{"t":{"status":{"success":-3}}}}`:                                                false,
		`{"tasks":{"t":{"status":{"failure":{"create":1,"exception":2}}}}}`:                        true,
		`{"tasks":{"t":{"status":{"failure":2}}}}`:                                                 true,
		`{"tasks":{"t":{"status":{"success":"3"}}}}`:                                               false,
		`{"tasks":{"t":{"status":{"success":1,"cooloff":2}}}}`:                                     false,
		`{"tasks":{"t":{"status":{"success":1,"cooloff":"2","paused":[]}}}}`:                       true,
		`{"tasks":{"t":{"status":{"success":1,"submitted":{"first":9}}}}}`:                         true,
		`{"tasks":{"t":{"status":{"success":1,"submitted":{"running":1}}}}}`:                       false,
		`{"tasks":{"t":{"status":{"success":1,"queued":{"retry":1}}}}}`:                            false,
		`{"tasks":{"t":{"status":{"success":1,"transition":1}}}}`:                                  false,
		`{"tasks":{"t":{"status":{"success":1}},"u":{"jobtype":"Merge"}}}`:                         false,
		`{"tasks":{"t":{"status":{"success":1}}}} {"tasks":{"t":{"status":{"paused":{"job":1}}}}}`: false,
		`{"tasks":{"t":{"status":{"success":1}}}} {"tasks":{"t":{}}}`:                              true,
		`{"tasks":{"t":{"status":{"success":1}}}} null`:                                            true,
	} {
		var docs [][]byte
		for doc := range strings.SplitSeq(reports, " ") {
			docs = append(docs, []byte(doc))
		}
		require.Equal(t, want, finished(append(docs, nil)), reports)
	}
}

func TestFilters(t *testing.T) {
	r := newRig(t, nil,
		request("b", "completed", `,"RequestType":"StepChain","StepChain":1,"Step1":{"RequestType":"inner","PrepID":"P"},"Flag":true,"N":2000.0`),
		request("a", "completed", `,"RequestType":"ReReco","Campaign":""`),
		`{"_id":"c","RequestStatus":"new","Text":"Zo\u00eb\n"}`, request("d", "normal-archived", ""))
	names := func(call string) (out []string) {
		got := r.get("filtered_requests?" + call)
		require.Equal(t, http.StatusOK, got.StatusCode, "%s: %s", call, got.body)
		var rows struct{ Result []map[string]any }
		require.NoError(t, json.Unmarshal([]byte(got.body), &rows))
		for _, row := range rows.Result {
			out = append(out, fmt.Sprint(row["RequestName"]))
		}
		return out
	}
	for call, want := range map[string][]string{
		"mask=RequestName": {"a", "b", "<nil>"}, "&&mask=RequestName&": {"a", "b", "<nil>"}, "mask=": {"a", "b", "<nil>"}, "mask": {"a", "b", "<nil>"},
		"RequestType=ReReco&mask=x": {"a"}, "RequestType=inner&mask=x": {"b"}, "RequestType=StepChain&mask=x": nil,
		"RequestName=a&RequestName=b&mask=x": {"a", "b"}, "RequestName=c&mask=x": nil, "_id=c&mask=x": {"<nil>"},
		"Campaign=&mask=x": {"a"}, "N=2000&mask=x": {"b"}, "Flag=TRUE&mask=x": {"b"}, "PrepID=P&mask=x": {"b"},
		"RequestStatus=normal-archived&mask=x": nil, "RequestStatus=nosuch&mask=x": nil, "Text=Zo%C3%AB%0a&mask=x": {"<nil>"},
		"RequestStatus=completed&RequestType=ReReco&mask=x": {"a"}, "%52equestName=a&mask=x": {"a"}, "RequestName=a%2": nil,
		"AgentJobInfo=x&mask=x": nil, "AgentJobInfo=CLEANED&AgentJobInfo=x&mask=x": nil, "AgentJobInfo=CLEANED&mask=x": {"a", "b", "<nil>"},
	} {
		for range 2 { // the second time from the cache
			require.Equal(t, want, names(call), call)
		}
	}
	r.store.set(func(s *storeFake) {
		s.refs["a"] = []join.ReportRef{{ID: "1", Idle: true}, {ID: "2", Idle: false}}
		s.refs["b"] = []join.ReportRef{{ID: "1", Idle: true}}
	})
	require.Equal(t, []string{"b", "<nil>"}, names("AgentJobInfo=CLEANED&mask=x"))
	r.refused("filtered_requests?mask=%ff", 400, "302", "UTF-8")
	r.refused("filtered_requests/x", 400, "302", "path")
	r.put(request("a", "announced", `,"RequestType":"ReReco"`))
	r.want("filtered_requests?RequestType=ReReco&mask=RequestStatus&mask=RequestName", `{"RequestName":"a","RequestStatus":"announced"}`)
}

func TestJobDetail(t *testing.T) {
	r := newRig(t, nil, request("w", "completed", ""))
	r.want("jobdetail/w", `{}`)
	for id, key := range map[string]string{
		"1": `["w","/w/t","jobfailed",8021,"T1",null]`, "2": `["w","/w/t","jobfailed",8021.0,"T1",null]`, "3": `["w","/w/t","jobfailed","8021",null]`,
		"4": `["w","/w/t","",{},{}]`, "5": `["w","/w/t","jobfailed",8021,""]`, "6": `["w","/w/u",null]`, "7": `["wx","/w/u",null]`, "8": `["w","/w/t","jobfailed",8021,"T1",null]`,
	} {
		r.source.jobs = append(r.source.jobs, [2]string{id, key}, [2]string{id, key})
		r.source.put(id, fmt.Sprintf(`{"_id":%q,"é":1}`, id))
	}
	doc := func(id string) string { return fmt.Sprintf(`{"_id":%q,"\u00e9":1}`, id) }
	r.want("jobdetail/w?sample_size=2", `{"w":{"/w/t":{"jobfailed":{"8021":{"":{"errorCount":1,"samples":[`+doc("5")+`]},"T1":{"errorCount":3,"samples":[`+doc("1")+`,`+doc("2")+
		`]},"null":{"errorCount":1,"samples":[`+doc("3")+`]}}},"null":{"null":{"null":{"errorCount":1,"samples":[`+doc("4")+`]}}}},"/w/u":{"null":{"":{"":{"errorCount":1,"samples":[`+doc("6")+`]}}}}}}`)
	r.source.put("1", "") // deleted since the view was read
	got := r.get("jobdetail/w?sample_size=100")
	require.Contains(t, got.body, `"T1":{"errorCount":2,"samples":[`+doc("2")+`,`+doc("8")+`]}`)
	require.Contains(t, r.get("jobdetail/w?sample_size=0").body, `"T1":{"errorCount":3,"samples":[]}`)
	for _, bad := range []string{"x", "-1", "1.5", "", "1&sample_size=2", "%2B1"} {
		r.refused("jobdetail/w?sample_size="+bad, 400, "302", "sample_size")
	}
	require.Equal(t, http.StatusOK, r.get("jobdetail/w?sample_size=999999999999999999999").StatusCode)
	r.refused("jobdetail/w?x=1", 400, "302", "no parameter x")
	r.source.put("2", "!")
	r.refused("jobdetail/w?sample_size=3", 503, "401", "")
}

// TestManySamples: more samples than fit into one read are sent while they are read.
func TestManySamples(t *testing.T) {
	r := newRig(t, nil, request("w", "completed", ""))
	for i := range 700 {
		id := fmt.Sprintf("j%04d", i)
		r.source.jobs = append(r.source.jobs, [2]string{id, fmt.Sprintf(`["w","/t","s%d",%d,"T1"]`, i%2, i%35)})
		r.source.put(id, fmt.Sprintf(`{"_id":%q}`, id))
	}
	var rows struct {
		Result []map[string]map[string]map[string]map[string]map[string]struct {
			ErrorCount int
			Samples    []map[string]string
		}
	}
	require.NoError(t, json.Unmarshal([]byte(r.get("jobdetail/w?sample_size=100").body), &rows))
	seen := map[string]bool{}
	for _, state := range rows.Result[0]["w"]["/t"] {
		for _, code := range state {
			require.Equal(t, len(code["T1"].Samples), code["T1"].ErrorCount)
			for _, doc := range code["T1"].Samples {
				seen[doc["_id"]] = true
			}
		}
	}
	require.Len(t, seen, 700)
}
