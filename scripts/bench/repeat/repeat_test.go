package repeat_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/raw"
	"github.com/dmwm/wmstats/scripts/bench/repeat"
)

func serve(t *testing.T, o repeat.Options) string {
	t.Helper()
	s, err := repeat.New(o)
	require.NoError(t, err)
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	return srv.URL
}

// rows reads the documents of an answer.
func rows(t *testing.T, url string, keys []string) (docs [][]byte) {
	t.Helper()
	body, err := json.Marshal(map[string][]string{"keys": keys})
	require.NoError(t, err)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader(body))
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	var answer struct {
		Rows []struct {
			ID  string
			Doc json.RawMessage
		}
	}
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&answer))
	for _, row := range answer.Rows {
		var doc struct {
			ID string `json:"_id"`
		}
		require.NoError(t, json.Unmarshal(row.Doc, &doc))
		require.Equal(t, row.ID, doc.ID)
		docs = append(docs, row.Doc)
	}
	return docs
}

func active() (list []string) {
	for _, s := range schema.Statuses() {
		if s.Active {
			list = append(list, s.Status)
		}
	}
	return list
}

const (
	byStatus = "/reqmgr_workload_cache/_design/ReqMgr/_view/bystatus?include_docs=true"
	latest   = "/wmstats/_design/WMStatsErl7/_view/latestRequest?include_docs=true"
)

// TestRepeats reads a world of 40 workflows seven and a half times: each copy
// has a name of its own, and its agents' documents name it.
func TestRepeats(t *testing.T) {
	url := serve(t, repeat.Options{Workflows: 300, World: 40, Seed: 3})
	names := map[string]bool{}
	values := map[int64]bool{}
	for _, doc := range rows(t, url+byStatus, active()) {
		r, err := raw.DecodeReqMgr(doc)
		require.NoError(t, err)
		require.Zero(t, r.FlawCount)
		names[r.Name] = true
		values[r.RequestPriority] = true
	}
	require.Len(t, names, 300)
	require.Greater(t, len(values), 40, "the copies have priorities of their own")
	joined := 0
	for _, doc := range rows(t, url+latest, nil) {
		part, err := new(raw.ReportDecoder).Decode(doc)
		require.NoError(t, err)
		require.Empty(t, part.Flaws)
		if names[part.Report.Workflow] {
			joined++
		}
	}
	require.Greater(t, joined, 150)
}

func TestProportionAndLength(t *testing.T) {
	url := serve(t, repeat.Options{Workflows: 800, AgentDocs: 1000, AgentBytes: 20_000, World: 400, Seed: 1})
	require.Len(t, rows(t, url+byStatus, active()), 800)
	docs := rows(t, url+latest, nil)
	require.InEpsilon(t, 1000, len(docs), 0.1)
	length := 0
	for _, doc := range docs {
		length += len(doc)
		report, err := new(raw.ReportDecoder).Decode(doc)
		require.NoError(t, err)
		require.Empty(t, report.Flaws)
	}
	require.InEpsilon(t, 20_000, length/len(docs), 0.1)
	_, err := repeat.New(repeat.Options{Workflows: 100, AgentBytes: 100})
	require.ErrorContains(t, err, "agent documents of 100 bytes")
}

// TestWrite follows a change of a copy.
func TestWrite(t *testing.T) {
	url := serve(t, repeat.Options{Workflows: 300, World: 40, Seed: 3})
	docs := rows(t, url+byStatus, active())
	r, err := raw.DecodeReqMgr(docs[len(docs)-1])
	require.NoError(t, err)
	read := func() string {
		resp, err := http.Get(url + "/reqmgr_workload_cache/" + r.Name)
		require.NoError(t, err)
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return string(text)
	}
	require.JSONEq(t, string(docs[len(docs)-1]), read())
	changed := strings.Replace(read(), `"RequestPriority":`, `"Was":`, 1)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, url+"/reqmgr_workload_cache/"+r.Name, strings.NewReader(changed))
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusCreated, resp.StatusCode)
	require.Equal(t, changed, read())

	resp, err = http.Get(url + "/reqmgr_workload_cache/_changes?feed=continuous&include_docs=true&since=0-x")
	require.NoError(t, err)
	defer resp.Body.Close()
	var row struct {
		Seq, ID string
		Doc     json.RawMessage
	}
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&row))
	require.Equal(t, fmt.Sprint("1-x ", r.Name), row.Seq+" "+row.ID)
	require.JSONEq(t, changed, string(row.Doc))

	// Without "continuous" the answer ends, as CouchDB's does.
	for query, want := range map[string]string{
		"since=0-x&include_docs=true&limit=1": `^{"results":\[{"seq":"1-x",.*}\],"last_seq":"1-x","pending":0}\n$`,
		"since=0-x&limit=0":                   `^{"results":\[\],"last_seq":"0-x","pending":1}\n$`,
		"since=1-x":                           `^{"results":\[\],"last_seq":"1-x","pending":0}\n$`,
	} {
		resp, err := http.Get(url + "/reqmgr_workload_cache/_changes?" + query)
		require.NoError(t, err)
		text, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Regexp(t, want, string(text), query)
	}
}

// A cache server asks each view for nothing first: whether its index is built.
func TestViewsAnswerWithoutRows(t *testing.T) {
	url := serve(t, repeat.Options{Workflows: 50, World: 20, Seed: 1})
	for _, view := range []string{
		"/reqmgr_workload_cache/_design/ReqMgr/_view/bystatus", "/wmstats/_design/WMStatsErl7/_view/latestRequest", "/wmstats/_design/WMStatsErl7/_view/agentInfo",
	} {
		resp, err := http.Get(url + view + "?limit=0")
		require.NoError(t, err)
		var answer struct{ Rows []json.RawMessage }
		require.NoError(t, json.NewDecoder(resp.Body).Decode(&answer))
		require.NoError(t, resp.Body.Close())
		require.Equal(t, http.StatusOK, resp.StatusCode, view)
		require.Empty(t, answer.Rows, view)
	}
}

// A cache server holds what it read to the ids of all that there is.
func TestNamesOfAllDocuments(t *testing.T) {
	url := serve(t, repeat.Options{Workflows: 50, World: 20, Seed: 1})
	ids := func(method, path, body string) (list []string) {
		req, err := http.NewRequestWithContext(t.Context(), method, url+path, strings.NewReader(body))
		require.NoError(t, err)
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		defer resp.Body.Close()
		require.Equal(t, http.StatusOK, resp.StatusCode)
		var answer struct{ Rows, Results []struct{ ID string } }
		require.NoError(t, json.NewDecoder(resp.Body).Decode(&answer))
		for _, row := range append(answer.Rows, answer.Results...) {
			list = append(list, row.ID)
		}
		return list
	}
	const named = "/_changes?feed=normal&filter=_selector&since=0&seq_interval=1000"
	require.ElementsMatch(t,
		ids("POST", "/reqmgr_workload_cache/_design/ReqMgr/_view/bystatus?include_docs=true", `{"keys":["running-open","assigned"]}`),
		ids("POST", "/reqmgr_workload_cache"+named, `{"selector":{"RequestStatus":{"$in":["running-open","assigned"]}}}`))
	require.ElementsMatch(t,
		append(ids("GET", "/wmstats/_design/WMStatsErl7/_view/latestRequest", ""), ids("GET", "/wmstats/_design/WMStatsErl7/_view/agentInfo", "")...),
		ids("POST", "/wmstats"+named, `{"selector":{"type":{"$in":["agent_request","agent_info"]}}}`))
	require.Empty(t, ids("POST", "/reqmgr_workload_cache"+named, `{"selector":{"RequestStatus":{"$in":["nothing"]}}}`))
}

// An agent report with new content is in its feed, in its view and on its own.
func TestRewrite(t *testing.T) {
	source, err := repeat.New(repeat.Options{Workflows: 300, World: 40, Seed: 3})
	require.NoError(t, err)
	srv := httptest.NewServer(source)
	t.Cleanup(srv.Close)
	before := rows(t, srv.URL+latest, nil)
	for n := range 100 { // more than the world has: also reports of copies
		source.Rewrite(n, n)
	}
	written := map[string]json.RawMessage{}
	for _, doc := range rows(t, srv.URL+latest, nil) {
		var head struct {
			ID      string `json:"_id"`
			Written *int
		}
		require.NoError(t, json.Unmarshal(doc, &head))
		if head.Written != nil {
			written[head.ID] = doc
		}
	}
	require.Len(t, written, 100)
	require.Len(t, rows(t, srv.URL+latest, nil), len(before))
	resp, err := http.Get(srv.URL + "/wmstats/_changes?include_docs=true&since=0-x")
	require.NoError(t, err)
	defer resp.Body.Close()
	var feed struct {
		Results []struct {
			ID  string
			Doc json.RawMessage
		}
	}
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&feed))
	require.Len(t, feed.Results, 100)
	for _, row := range feed.Results {
		require.JSONEq(t, string(written[row.ID]), string(row.Doc))
	}
}
