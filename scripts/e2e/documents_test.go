package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	cacheapp "github.com/dmwm/wmstats/cacheserver/app"
	"github.com/dmwm/wmstats/mock/gen"
	"github.com/dmwm/wmstats/schema"
)

// plainRequest returns a request document; more is inserted before its other members.
func plainRequest(name, more string) string {
	return fmt.Sprintf(`{"_id":%q,%s"RequestName":%q,"RequestType":"TaskChain","RequestStatus":"running-open","RequestPriority":7,
		"RequestTransition":[{"Status":"running-open","UpdateTime":1795000100}]}`, name, more, name)
}

// plainWork returns an agent report on a workflow.
func plainWork(name, more string) string {
	return fmt.Sprintf(`{"_id":"agent-%s",%s"type":"agent_request","workflow":%q,"agent_url":"vocms1.cern.ch:9999","agent":"WMAgent","timestamp":1795000200,
		"status":{"success":5},"sites":{"T2_CH_CERN":{"success":5}},"tasks":{}}`, name, more, name)
}

// one requests the record of a workflow; ok is false while there is none.
func one(t *testing.T, cache, name string) (w schema.Workflow, ok bool) {
	t.Helper()
	list := getJSON[[]schema.Workflow](t, cache+"/fetch?format=json&name="+name)
	if len(list) == 0 {
		return w, false
	}
	return list[0], true
}

// quarantined finds a document in the list of unusable documents.
func quarantined(t *testing.T, cache, id string) (q map[string]any, ok bool) {
	t.Helper()
	list := getJSON[[]map[string]any](t, cache+"/quarantine")
	i := slices.IndexFunc(list, func(q map[string]any) bool { return q["ID"] == id })
	if i < 0 {
		return nil, false
	}
	return list[i], true
}

// TestHardDocuments sends documents that are hard to read through the whole cache
// server, on both ways: the first read and the feed.
func TestHardDocuments(t *testing.T) {
	const levels = 9_998 // including the document itself, just below CouchDB's limit
	deep := strings.Repeat(`{"a":[`, levels/2) + strings.Repeat(`]}`, levels/2)
	lumis := func(megabytes int) string {
		const row = `"380115":[[1,2],[3,4]],`
		return `"LumiList":{` + strings.Repeat(row, megabytes<<20/len(row)) + `"1":[]},`
	}
	type hard struct {
		db, doc string
		path    string // in the quarantine; "": the document is used
	}
	docs := map[string]hard{
		"lumis-8":       {requestDB, plainRequest("lumis-8", lumis(8)), ""},
		"lumis-20":      {requestDB, plainRequest("lumis-20", lumis(20)), ""},
		"deep-unknown":  {requestDB, plainRequest("deep-unknown", `"Unheard":`+deep+`,`), ""},
		"deep-known":    {requestDB, plainRequest("deep-known", `"Campaign":`+deep+`,`), ""},
		"bad-bytes":     {requestDB, plainRequest("bad-bytes", "\"Campaign\":\"a\xff\xfeb\","), ""},
		"deep-workflow": {wmstatsDB, `{"_id":"deep-workflow","type":"agent_request","workflow":` + deep + `,"agent_url":"x"}`, "workflow"},
	}
	for name, first := range map[string]bool{"in the first read": true, "in the feed": false} {
		t.Run(name, func(t *testing.T) {
			s := newCouch(t, gen.Options{Seed: 9, Workflows: 20, Lean: true, NoEdges: true})
			// On a busy machine the stand-in is silent for a long time while it builds such a line.
			s.tune = func(o *cacheapp.Options) { o.Patience.Heartbeat = 10 * time.Second }
			put := func() {
				for id, d := range docs {
					require.NoError(t, s.couch.Put(d.db, []byte(d.doc)), id)
				}
				require.NoError(t, s.couch.Put(wmstatsDB, []byte(plainWork("lumis-20", ""))))
			}
			if first {
				put()
			}
			s.cache = s.startCache(t).url
			if !first {
				put()
			}
			for id, d := range docs {
				if d.path != "" {
					eventually(t, func() bool { _, ok := quarantined(t, s.cache, id); return ok }, "%s is quarantined", id)
					q, _ := quarantined(t, s.cache, id)
					assert.Equal(t, d.path, q["Path"], id)
					assert.NotEmpty(t, q["Reason"], id)
					continue
				}
				eventually(t, func() bool { _, ok := one(t, s.cache, id); return ok }, "%s is in the list", id)
				w, _ := one(t, s.cache, id)
				assert.EqualValues(t, 7, w.Priority, id)
				a := get(t, s.cache+"/fetch/"+id)
				require.Equal(t, http.StatusOK, a.status, "%s: %.300s", id, a.body)
				assert.True(t, json.Valid(a.body), id)
			}
			w, _ := one(t, s.cache, "bad-bytes")
			assert.Equal(t, "a\uFFFD\uFFFDb", w.Campaign)
			eventually(t, func() bool { w, _ := one(t, s.cache, "lumis-20"); return w.Success == 5 }, "joined")
			assert.Equal(t, http.StatusOK, get(t, s.cache+"/readyz").status)
		})
	}
}

// TestADatabaseMadeAnew: the agents' database is deleted and created again with
// fewer documents, perhaps within the second of its creation: then only the number
// of documents reveals it.
func TestADatabaseMadeAnew(t *testing.T) {
	s := newCouch(t, gen.Options{Seed: 8, Workflows: 120, Lean: true, NoEdges: true})
	for i := range 400 { // tombstones count too
		id := fmt.Sprintf("passing-%d", i)
		require.NoError(t, s.couch.Put(wmstatsDB, []byte(`{"_id":"`+id+`","type":"other"}`)))
		require.True(t, s.couch.Delete(wmstatsDB, id))
	}
	s.cache = s.startCache(t).url
	served, stop := s.keepAsking(t)
	require.NoError(t, s.endpoint.Refuse())
	require.True(t, s.couch.Drop(wmstatsDB))
	require.NoError(t, s.couch.Create(wmstatsDB))
	for i, d := range s.docs {
		if d.DB == wmstatsDB && i%20 != 0 { // some documents are missing without a tombstone
			require.NoError(t, s.couch.Put(d.DB, d.JSON))
		}
	}
	require.NoError(t, s.endpoint.Accept())
	s.convergesWithFreshRead(t)
	stop()
	assert.Positive(t, served.ok.Load())
	assert.Zero(t, served.bad.Load(), "%s", served.last.Load())
}
