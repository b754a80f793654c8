package couchfake_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/mock/couchfake"
	"github.com/dmwm/wmstats/mock/design"
)

// TestCollation stores one document per key and expects CouchDB's order of JSON
// values, with {} after every array and number.
func TestCollation(t *testing.T) {
	ordered := []string{`null`, `false`, `true`, `-5`, `-0.5`, `0`, `1`, `1.5`, `2`, `10`, `1700000000`,
		`""`, `"_"`, `"-"`, `"1"`, `"a"`, `"A"`, `"aa"`, `"b"`, `"B"`, `"ba"`, `"bb"`, `"é"`, `"wf"`,
		`[]`, `["a"]`, `["a",null]`, `["a","b"]`, `["a",{}]`, `["b"]`, `["b",["c"]]`, `{}`, `{"a":1}`, `{"a":2}`, `{"b":1}`}
	s := start(t, couchfake.Options{BuiltinViews: true, Views: []couchfake.View{{Design: "t", Name: "k",
		Map: func(d couchfake.Doc, e *couchfake.Emitter) { e.Row(d.JSON("k"), "1") }}}})
	for i := range ordered { // stored in another order
		k := ordered[(i*13+3)%len(ordered)]
		s.put("db", fmt.Sprintf(`{"_id":"%02d","k":%s}`, i, k))
	}
	keys := func(q string) []string { return raws(s.get("/db/_design/t/_view/k?" + q).Get("rows.#.key")) }
	require.Equal(t, ordered, keys(""))
	down := slices.Clone(ordered)
	slices.Reverse(down)
	assert.Equal(t, down, keys("descending=true"))
	a, b := slices.Index(ordered, `"a"`), slices.Index(ordered, `["a",{}]`)
	bounds := "startkey=" + url.QueryEscape(`"a"`) + "&endkey=" + url.QueryEscape(`["a",{}]`)
	assert.Equal(t, ordered[a:b+1], keys(bounds))
	assert.Equal(t, ordered[a:b], keys(bounds+"&inclusive_end=false"))
	assert.Equal(t, ordered[a+2:a+5], keys(bounds+"&skip=2&limit=3"))
	back := "descending=true&endkey=" + url.QueryEscape(`"a"`) + "&startkey=" + url.QueryEscape(`["a",{}]`)
	want := slices.Clone(ordered[a : b+1])
	slices.Reverse(want)
	assert.Equal(t, want, keys(back))
	assert.Equal(t, want[:len(want)-1], keys(back+"&inclusive_end=false"))
	status, body := s.do("GET", "/db/_design/t/_view/k?startkey=2&endkey=1", "")
	assert.Equal(t, 400, status)
	assert.Contains(t, body, "reverse your start_key and end_key or set descending=true")
}

// raw documents of every kind that the views know.
func viewDocs() []string {
	return []string{
		`{"_id":"r1","RequestName":"r1","RequestStatus":"running-open","RequestType":"TaskChain","RequestTransition":[{"Status":"new","UpdateTime":5},{"Status":"running-open","UpdateTime":9}]}`,
		`{"_id":"r2","RequestName":"r2","RequestStatus":"new","RequestType":"Resubmission","OriginalRequestName":"r1","RequestTransition":[]}`,
		`{"_id":"a1-r1","type":"agent_request","workflow":"r1","agent_url":"a1"}`,
		`{"_id":"a2-r1","type":"agent_request","workflow":"r1","agent_url":"a2"}`,
		`{"_id":"a1-r2","type":"agent_request","workflow":"r2","agent_url":"a1"}`,
		`{"_id":"a1","type":"agent_info","agent_url":"a1","status":"ok"}`,
		`{"_id":"j1","_rev":"4-7","type":"jobsummary","workflow":"r1","task":"/r1/T","state":"jobfailed","exitcode":8021,"site":"T1","acdc_url":"u","agent_name":"a1","errors":{"cmsRun1":[{"type":"Z"},{"type":"A"}],"stageOut1":[]}}`,
		`{"_id":"j2","_rev":"4-7","type":"jobsummary","workflow":"r1","task":"/r1/T","state":"jobfailed","exitcode":8021,"site":null,"acdc_url":"u","agent_name":"a1","errors":{}}`,
		`{"_id":"j3","type":"jobsummary","workflow":"r1","state":"success"}`,
		`{"_id":"l1","request":"r1","identifier":"a1","thr":"T","type":"agent-error","messages":[{"ts":1.5,"msg":"x"},{"ts":2.5,"msg":"y"}]}`,
	}
}

func TestNamedViews(t *testing.T) {
	s := start(t, couchfake.Options{BuiltinViews: true})
	s.put("req", viewDocs()[:2]...) // its views emit every document
	s.put("db", viewDocs()[2:]...)
	for _, tc := range []struct{ view, rows string }{
		{"ReqMgr/_view/bystatus", `{"id":"r2","key":"new","value":null} {"id":"r1","key":"running-open","value":9}`},
		{"ReqMgr/_view/bystatusandtime", `{"id":"r2","key":["new",null],"value":null} {"id":"r1","key":["running-open",9],"value":null}`},
		{"ReqMgr/_view/byrequest", `{"id":"r1","key":"r1","value":["running-open","TaskChain"]} {"id":"r2","key":"r2","value":["new","Resubmission"]}`},
		{"ReqMgr/_view/childresubmissionrequests", `{"id":"r2","key":"r1","value":"new"}`},
		{"ReqMgr/_view/byoriginalrequest", `{"id":"r2","key":"r1","value":"r2"}`},
		{"WMStatsErl7/_view/latestRequest", `{"id":"a1-r1","key":["r1","a1"],"value":null} {"id":"a2-r1","key":["r1","a2"],"value":null} {"id":"a1-r2","key":["r2","a1"],"value":null}`},
		{"WMStats/_view/latestRequest?limit=1", `{"id":"a1-r1","key":["r1","a1"],"value":null}`},
		{"WMStatsErl/_view/requestAgentUrl?group=true", `{"key":["r1","a1"],"value":1} {"key":["r1","a2"],"value":1} {"key":["r2","a1"],"value":1}`},
		{"WMStatsErl/_view/requestAgentUrl?group_level=1", `{"key":["r1"],"value":2} {"key":["r2"],"value":1}`},
		{"WMStats/_view/requestAgentUrl", `{"key":null,"value":3}`},
		{"WMStatsErl2/_view/allWorkflows?group=true", `{"key":"r1","value":5} {"key":"r2","value":1}`},
		{"WMStatsErl3/_view/jobsByStatusWorkflow?reduce=false", `{"id":"j2","key":["r1","/r1/T","jobfailed",8021,null,"u","a1",[]],"value":{"id":"j2","rev":"4-7"}} {"id":"j1","key":["r1","/r1/T","jobfailed",8021,"T1","u","a1",["A","Z"]],"value":{"id":"j1","rev":"4-7"}}`},
		{"WMStatsErl3/_view/jobsByStatusWorkflow?group_level=5", `{"key":["r1","/r1/T","jobfailed",8021,null],"value":1} {"key":["r1","/r1/T","jobfailed",8021,"T1"],"value":1}`},
		{"LogDB/_view/logByRequest", `{"id":"l1","key":"r1","value":{"type":"agent-error","agent":"a1","thr":"T","ts":2.5}} {"id":"l1","key":"r1","value":{"type":"agent-error","agent":"a1","thr":"T","ts":2.5}}`},
	} {
		t.Run(tc.view, func(t *testing.T) {
			db := "/db"
			if strings.HasPrefix(tc.view, "ReqMgr/") {
				db = "/req"
			}
			assert.Equal(t, tc.rows, strings.Join(raws(s.get(db+"/_design/"+tc.view).Get("rows")), " "))
		})
	}
	row := s.get("/db/_design/WMStats/_view/agentInfo").Get("rows.0")
	doc, _ := s.Doc("db", "a1")
	assert.Equal(t, string(doc), row.Get("value").Raw, "the whole document is the value")
}

func TestViewFollowsItsDocuments(t *testing.T) {
	s := start(t, couchfake.Options{BuiltinViews: true})
	s.put("db", viewDocs()...)
	const latest = "/db/_design/WMStatsErl7/_view/latestRequest?update_seq=true"
	ids := func(path string) []string { return texts(s.get(path).Get("rows.#.id")) }
	require.Equal(t, []string{"a1-r1", "a2-r1", "a1-r2"}, ids(latest))
	s.Delete("db", "a2-r1")
	s.put("db", `{"_id":"a1-r2","type":"agent_request","workflow":"r0","agent_url":"a1"}`)
	old := s.get(latest + "&update=false&include_docs=true")
	assert.Equal(t, []string{"a1-r1", "a2-r1", "a1-r2"}, texts(old.Get("rows.#.id")), "a stale index")
	assert.Equal(t, "null", old.Get("rows.1.doc").Raw, "a document deleted since")
	assert.Equal(t, "r0", old.Get("rows.2.doc.workflow").String(), "the document as it is now")
	assert.Len(t, ids(latest+"&stale=update_after"), 3)
	assert.Equal(t, []string{"a1-r2", "a1-r1"}, ids(latest+"&stale=ok"), "the update came afterwards")
	some := s.post("/db/_design/WMStatsErl7/_view/latestRequest?include_docs=true", `{"keys":[["r1","a1"],["no","no"],["r0","a1"]]}`)
	assert.Equal(t, []string{"a1-r1", "a1-r2"}, texts(some.Get("rows.#.id")))
	assert.Equal(t, []string{"a1-r1", "a1-r2"}, texts(some.Get("rows.#.doc._id")))
}

func TestViewMustExist(t *testing.T) {
	s := start(t, couchfake.Options{})
	require.NoError(t, s.Create("db"))
	for _, step := range []struct {
		design, path string
		status       int
		reason       string
	}{
		{"", "WMStats/_view/latestRequest", 404, "missing"},
		{"", "WMStatsErl7/_view/latestRequest", 404, "missing"},
		{"WMStatsErl7", "WMStatsErl7/_view/latestRequest", 200, ""},
		{"", "WMStats/_view/latestRequest", 200, ""},
		{"", "WMStatsErl7/_view/other", 404, "missing_named_view"},
		{"", "WMStatsErl7/_view/latestRequest?group=true", 400, "Invalid use of grouping on a map view."},
		{"", "WMStatsErl7/_view/latestRequest?reduce=true", 400, "Reduce is invalid for map-only views."},
		{"", "WMStatsErl7/_view/latestRequest?limit=x", 400, "Invalid value for integer"},
		{"", "WMStatsErl7/_view/latestRequest?key=nojson", 400, "invalid UTF-8 JSON"},
		{"WMStatsErl", "WMStatsErl/_view/requestAgentUrl?include_docs=true", 400, "`include_docs` is invalid for reduce"},
	} {
		if step.design != "" {
			s.put("db", `{"_id":"_design/`+step.design+`","views":{"latestRequest":{"map":"…"},`+
				`"requestAgentUrl":{"map":"…","reduce":"_count"}}}`)
		}
		status, body := s.do("GET", "/db/_design/"+step.path, "")
		assert.Equal(t, step.status, status, step.path)
		assert.Contains(t, body, step.reason)
	}
	s.put("db", `{"_id":"_design/x","views":{"y":{"map":"function(d){}"}}}`)
	status, body := s.do("GET", "/db/_design/x/_view/y", "")
	assert.Equal(t, 501, status)
	assert.Contains(t, body, "no Go function for the view x/y")
}

func TestAllDocsRange(t *testing.T) {
	s := start(t, couchfake.Options{})
	s.put("db", numbered(10)...)
	s.Delete("db", "d004")
	for _, tc := range []struct{ query, first, last, offset string }{
		{"", "d000", "d009", "0"},
		{`startkey="d003"&endkey="d006"`, "d003", "d006", "3"},
		{`startkey="d003"&endkey="d006"&inclusive_end=false`, "d003", "d005", "3"},
		{`startkey="d003"&limit=2&skip=1`, "d005", "d006", "4"},
		{`descending=true&startkey="d003"`, "d003", "d000", "5"},
		{`descending=true&limit=2`, "d009", "d008", "0"},
		{`key="d005"`, "d005", "d005", "4"},
		{`startkey="x"`, "", "", "9"},
	} {
		t.Run(tc.query, func(t *testing.T) {
			got := s.get("/db/_all_docs?" + strings.ReplaceAll(tc.query, `"`, "%22"))
			ids := texts(got.Get("rows.#.id"))
			assert.Equal(t, "9", got.Get("total_rows").Raw)
			assert.Equal(t, tc.offset, got.Get("offset").Raw)
			if tc.first == "" {
				assert.Empty(t, ids)
				return
			}
			assert.Equal(t, []string{tc.first, tc.last}, []string{ids[0], ids[len(ids)-1]})
		})
	}
}

// TestDesignDocumentsAreKnown: the stand-in answers all views that the loader
// puts into a database.
func TestDesignDocumentsAreKnown(t *testing.T) {
	s := start(t, couchfake.Options{})
	docs, err := design.Documents()
	require.NoError(t, err)
	for _, d := range docs {
		s.put(d.DB, string(d.JSON))
	}
	for _, v := range design.Views() {
		status, body := s.do("GET", "/"+v.DB+"/"+v.Path(), "")
		assert.Equal(t, 200, status, body)
	}
}
