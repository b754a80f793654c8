package legacy

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/join"
	"github.com/dmwm/wmstats/cacheserver/legacy/documents"
)

// six are the calls that must not be answered before all requests are read.
var six = []string{"requestcache", "filtered_requests", "filtered_requests?mask=RequestName", "globallocks", "protectedlfns", "protectedlfns_final", "teams"}

// TestInDoubtNothing: an answer might be incomplete before the first full read, after
// a checkpoint until the source has answered, and after a long silence of the source.
func TestInDoubtNothing(t *testing.T) {
	r := newRig(t, nil)
	for _, call := range append(six, "request/a", "isfinished/a") {
		r.refused(call, 503, "208", "")
	}
	r.want("info", `"version: v1"`)
	r = newRig(t, nil, request("a", "assigned", `,"InputDataset":"/a/b/c"`))
	r.want("globallocks", `"/a/b/c"`)
	r.store.set(func(s *storeFake) { s.source.RequestsAsOf = time.Time{} })
	for _, call := range six[:6] {
		r.refused(call, 503, "208", "since this server started")
	}
	r.store.set(func(s *storeFake) { s.source.RequestsAsOf = r.now.Add(-time.Hour) })
	r.want("globallocks", `"/a/b/c"`)
	r.store.set(func(s *storeFake) { s.source.RequestsAsOf = r.now.Add(-time.Hour - time.Second) })
	for _, call := range six[:6] {
		r.refused(call, 503, "208", "1h0m1s ago")
	}
	r.want("info", `"version: v1"`)
	r.store.set(func(s *storeFake) { s.source.RequestsAsOf, s.source.AgentsAsOf = r.now, r.now.Add(-2*time.Hour) })
	r.want("globallocks", `"/a/b/c"`)
	r.want("filtered_requests?mask=RequestStatus", `{"RequestName":"a","RequestStatus":"assigned"}`)
	r.refused("requestcache", 503, "208", "agents")
	r.refused("filtered_requests?mask=AgentJobInfo", 503, "208", "agents")
}

// TestUnknownDocumentsPutLocksInDoubt: a request document that is unavailable or
// cannot be decoded may contain names that a list would lack.
func TestUnknownDocumentsPutLocksInDoubt(t *testing.T) {
	r := newRig(t, func(o *Options) { o.Ignore = []string{"let go"} }, request("a", "assigned", `,"InputDataset":"/a/b/c"`))
	locks := []string{"globallocks", "protectedlfns", "protectedlfns_final"}
	r.owed = []string{"let go"}
	r.want("globallocks", `"/a/b/c"`)
	r.owed = []string{"let go", "owed\nit"}
	for _, call := range locks {
		r.refused(call, 503, "208", "owed it")
	}
	r.want("filtered_requests?mask=RequestStatus", `{"RequestName":"a","RequestStatus":"assigned"}`)
	r.owed = nil

	unusable := func(id, doc string) {
		r.docs.Apply([]documents.Change{{ID: id, Doc: []byte(doc), Stands: true, Unusable: true}})
	}
	unusable("let go", `{"OutputDatasets":["/x/y`)
	r.want("globallocks", `"/a/b/c"`)
	unusable("a", `{"RequestStatus":"assigned","OutputDatasets":["/a/new/d"],"TaskChain"`)
	r.want("globallocks", `"/a/b/c"`, `"/a/new/d"`)
	unusable("a", `{"RequestStatus":"announced","OutputDatasets":["/a/new/d"]}`)
	r.want("globallocks", `"/a/b/c"`)
	unusable("c", `{"RequestStatus":"assigned","OutputDatasets":{"k":{"l":["/c/new/d"]}}}`)
	r.want("globallocks", `"/a/b/c"`, `"/c/new/d"`)
	unusable("a", `{"RequestStatus":"assigned","OutputDatasets":[["/a/new/e"]]}`)
	r.want("globallocks", `"/a/b/c"`, `"/a/new/e"`, `"/c/new/d"`)
	r.put(request("a", "assigned", `,"InputDataset":"/a/b/c","OutputDatasets":[["/a/new/e"]]`))
	r.docs.Apply([]documents.Change{{ID: "c", Deleted: true}})
	r.want("globallocks", `"/a/b/c"`)
	unusable("b", `{"OutputDatasets":["/b/new/d"`)
	for _, call := range locks {
		r.refused(call, 503, "208", "request document b ")
	}
	r.docs.Apply([]documents.Change{{ID: "b", Deleted: true}})
	r.want("globallocks", `"/a/b/c"`)
}

// TestOtherStatuses: a server that is configured to read fewer statuses refuses
// lists that need the others.
func TestOtherStatuses(t *testing.T) {
	r := newRig(t, func(o *Options) { o.Statuses = []string{"new", "assigned"} }, request("a", "assigned", ""))
	r.refused("globallocks", 503, "208", "status assignment-approved")
	r.refused("requestcache", 503, "208", "status assignment-approved")
	r.refused("filtered_requests?mask=RequestName", 503, "208", "status")
	r.refused("filtered_requests?mask=RequestName&RequestStatus=acquired", 503, "208", "status acquired")
	r.want("filtered_requests?mask=RequestName&RequestStatus=assigned", `{"RequestName":"a"}`)
}

// TestSecondHand: the requestcache of another server has no teams, no archived
// requests, and no reports on most requests, and nobody knows how old it is.
func TestSecondHand(t *testing.T) {
	r := newRig(t, func(o *Options) { o.SecondHand = true }, request("a", "assigned", ""), request("c", "completed", ""))
	for _, call := range []string{
		"teams", "globallocks", "protectedlfns", "protectedlfns_final",
		"request/a", "isfinished/a", "request/archived", "isfinished/archived", "filtered_requests?AgentJobInfo=CLEANED&mask=RequestStatus",
	} {
		r.refused(call, 503, "208", "requestcache of another")
	}
	r.want("request/c", `{"c":{"_id":"c","RequestName":"c","RequestStatus":"completed"}}`)
	r.want("isfinished/c", "false")
	r.want("filtered_requests?mask=RequestStatus", `{"RequestName":"a","RequestStatus":"assigned"}`, `{"RequestName":"c","RequestStatus":"completed"}`)
	r.want("requestcache", `{"a":{"_id":"a","RequestName":"a","RequestStatus":"assigned"},"c":{"_id":"c","RequestName":"c","RequestStatus":"completed"}}`)
}

// TestBrokenSource: if the source fails, an answer that has begun is cut; otherwise
// the answer is an error.
func TestBrokenSource(t *testing.T) {
	var docs []string
	for i := range 40 {
		docs = append(docs, request(fmt.Sprintf("n%02d", i), "new", fmt.Sprintf(`,"Text":%q`, strings.Repeat(fmt.Sprint(i), 2<<10))))
	}
	r := newRig(t, nil, append(docs, request("z", "completed", ""))...)
	r.h.whole = 50 << 10
	r.store.set(func(s *storeFake) { s.refs["z"] = []join.ReportRef{{ID: "z1"}} })
	r.source.put("z1", `{"_id":"z1","agent_url":"a"}`)
	whole := r.get("requestcache")
	require.NoError(t, whole.err)
	require.True(t, strings.HasSuffix(whole.body, "\"AgentJobInfo\":{\"a\":{\"_id\":\"z1\",\"agent_url\":\"a\"}}}}\n]}\n"))
	require.Equal(t, "100", whole.Header.Get("X-Rest-Status"))
	require.Equal(t, "100", whole.Trailer.Get("X-Rest-Status"))
	require.Empty(t, whole.Header.Get("Etag"))
	for _, coding := range []string{"identity", "gzip"} {
		r.source.put("z1", "!")
		cut := r.ask(http.MethodGet, Prefix+"/requestcache", "Accept", "application/json", "Accept-Encoding", coding)
		if coding == "gzip" { // the answer is short: it had not begun
			require.Equal(t, http.StatusServiceUnavailable, cut.StatusCode)
			continue
		}
		require.Error(t, cut.err, "a part must not look like the whole")
		require.NotContains(t, cut.body, "\n]}")
	}
	r.refused("filtered_requests?RequestName=z", 503, "401", "")
	r.refused("request/z", 503, "401", "")
	r.refused("isfinished/z", 503, "401", "")
	r.want("filtered_requests?RequestName=z&mask=RequestStatus", `{"RequestName":"z","RequestStatus":"completed"}`)
	head := r.ask(http.MethodHead, Prefix+"/requestcache")
	require.Equal(t, http.StatusOK, head.StatusCode, "nothing is read for the header of a long answer")
}

// TestNewerDocuments: documents read for one workflow are cached until the feed
// delivers a newer one.
func TestNewerDocuments(t *testing.T) {
	r := newRig(t, nil, request("w", "completed", ""))
	r.store.set(func(s *storeFake) { s.refs["w"] = []join.ReportRef{{ID: "w1", Hash: 1, Time: 5}} })
	r.source.put("w1", `{"_id":"w1","agent_url":"a","tasks":{"/t":{"status":{"success":1}}}}`)
	r.want("isfinished/w", "true")
	require.Equal(t, 1, r.source.count(), "one read of the source")
	require.Eventually(t, func() bool {
		before := r.source.count()
		r.want("isfinished/w", "true")
		return r.source.count() == before
	}, time.Minute, time.Millisecond)
	r.source.put("w1", `{"_id":"w1","agent_url":"a","tasks":{"/t":{"status":{"success":1,"canceled":1}}}}`)
	r.store.set(func(s *storeFake) { s.refs["w"] = []join.ReportRef{{ID: "w1", Hash: 1, Time: 6}} })
	r.want("isfinished/w", "false")
	r.put(request("w", "closed-out", ""))
	r.want("request/w", `{"w":{"_id":"w","RequestName":"w","RequestStatus":"closed-out","AgentJobInfo":{"a":{"_id":"w1","agent_url":"a","tasks":{"/t":{"status":{"success":1,"canceled":1}}}}}}}`)

	r.source.put("old", `{"_id":"old","_rev":"3-x","_attachments":{},"RequestStatus":"normal-archived","Text":"é"}`)
	r.want("request/old", `{"old":{"_id":"old","RequestStatus":"normal-archived","Text":"\u00e9"}}`)
	r.source.put("old", "")
	r.want("request/old", `{}`)
	r.want("request/_design%2FReqMgr", `{}`)
	require.Equal(t, http.StatusNotFound, r.get("isfinished/old").StatusCode)
}
