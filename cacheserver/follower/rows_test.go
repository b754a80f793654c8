package follower

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/join"
	"github.com/dmwm/wmstats/mock/couchfake"
)

// oddRows are the kinds of rows that lack an existing document.
func oddRows() map[string]couchfake.Fault {
	return map[string]couchfake.Fault{
		"null":       {Kind: couchfake.NullDoc},
		"none":       {Kind: couchfake.NoDoc},
		"error":      {Kind: couchfake.DocError},
		"list":       {Kind: couchfake.OddDoc},
		"text":       {Kind: couchfake.OddDoc, Text: `"w}"`},
		"empty":      {Kind: couchfake.OddDoc, Text: `{}`},
		"only error": {Kind: couchfake.OddDoc, Text: `{"error":"timeout"}`},
		"no JSON":    {Kind: couchfake.BrokenDoc},
		"another":    {Kind: couchfake.OtherDoc},
		"deleted":    {Kind: couchfake.DeletedDoc},
		"twice":      {Kind: couchfake.TwiceRow},
		"null id":    {Kind: couchfake.NullID},
		"null seq":   {Kind: couchfake.NullSeq},
	}
}

// A row of a feed or poll lacks the changed document, which is then requested by
// id. The documents of other rows and later changes are not delayed.
func TestARowWithoutItsDocument(t *testing.T) {
	for name, fault := range oddRows() {
		t.Run(name, func(t *testing.T) {
			bothWays(t, func(t *testing.T, r *rig) {
				const n = 10
				r.fill(n)
				r.start()
				r.converges(n)
				require.NoError(t, r.end.Refuse()) // the next feeds are affected
				met := map[string]*couchfake.ActiveFault{}
				for db, ids := range map[string][]string{requestDB: {"wf1", "wf3"}, wmstatsDB: {"a1-wf1", "a1", "a1-wf3"}} {
					f := fault
					f.Match.Path, f.IDs = "/"+db+"/_changes", ids
					met[db] = r.srv.Misbehave(f)
				}
				require.NoError(t, r.end.Accept())
				r.put(requestDB, requestDoc("wf1", "running-open", 777), requestDoc("wf2", "running-open", 778))
				r.put(wmstatsDB, workDoc("a1", "wf1", 99), workDoc("a1", "wf2", 98), infoDoc("a1", 7))
				require.True(t, r.srv.Delete(requestDB, "wf3"))
				require.True(t, r.srv.Delete(wmstatsDB, "a1-wf3"))
				r.converges(n)
				for db, fault := range met {
					assert.Positive(t, fault.Rows(), db)
				}
				r.eventually("nothing owed", func() bool { return len(r.follower.Quarantined()) == 0 })
				assert.Equal(t, 1, r.store.count(loads), "no full read")
			})
		})
	}
}

// A row of the full read lacks its document, for each way of reading.
func TestTheFullReadIsComplete(t *testing.T) {
	kinds := oddRows()
	kinds["turned"] = couchfake.Fault{Kind: couchfake.TurnRows}
	for way, closed := range waysOfReading() {
		for name, fault := range kinds {
			if way == "find" && name == "another" {
				continue // a row of _find is the document: nothing shows that it is another one's
			}
			t.Run(way+" "+name, func(t *testing.T) {
				r := newRig(t)
				r.fill(10)
				closed(r)
				for db, ids := range map[string][]string{requestDB: {"wf1", "old"}, wmstatsDB: {"a1-wf1", "a1"}} {
					f := fault
					f.IDs = ids
					for _, part := range []string{"/_design", "/_find", "/_changes"} {
						f.Match.Path = "/" + db + part
						r.srv.Misbehave(f)
					}
					f.Match.Path, f.Match.Method = "/"+db+"/_all_docs", "GET"
					r.srv.Misbehave(f)
				}
				r.start()
				r.converges(10)
				assert.Equal(t, 1, r.store.count(loads))
				r.eventually("nothing owed", func() bool { return len(r.follower.Quarantined()) == 0 })
			})
		}
	}
}

// waysOfReading disable all ways of reading but one.
func waysOfReading() map[string]func(r *rig) {
	gone := func(paths ...string) func(r *rig) {
		return func(r *rig) {
			for _, path := range paths {
				method, at, found := strings.Cut(path, " ")
				if !found {
					method, at = "", path
				}
				r.srv.Misbehave(couchfake.Fault{Match: couchfake.Match{Method: method, Path: at}, Kind: couchfake.FailStatus, Status: 501})
			}
		}
	}
	requestViews, wmstatsViews := "/"+requestDB+"/_design", "/"+wmstatsDB+"/_design"
	return map[string]func(r *rig){
		"view":     gone(),
		"find":     gone(requestViews),
		"selected": gone(wmstatsViews),
		"scan":     gone(requestViews, wmstatsViews, "/"+requestDB+"/_find", "POST /"+wmstatsDB+"/_changes"),
	}
}

// Rows that a re-read lacks, or that lack their documents, remove nothing;
// documents that are gone are removed.
func TestARereadRemovesOnlyDeletedDocuments(t *testing.T) {
	kinds := oddRows()
	kinds["left out"] = couchfake.Fault{Kind: couchfake.OmitRow}
	for name, fault := range kinds {
		t.Run(name, func(t *testing.T) {
			r, s, l := rereading(t)
			const n = 10
			r.fill(n)
			r.start()
			r.eventually("the first read", func() bool { return r.has(s, n) })
			met := []*couchfake.ActiveFault{}
			for db, ids := range map[string][]string{requestDB: {"wf1"}, wmstatsDB: {"a1-wf1"}} {
				f := fault
				f.Match.Path, f.IDs = "/"+db+"/_design", ids
				met = append(met, r.srv.Misbehave(f))
			}
			l.more(r, good)
			assert.True(t, r.has(s, n), "nothing is lost")
			assert.Equal(t, int64(n), s.Info().Workflows)
			if fault.Kind != couchfake.NullID && fault.Kind != couchfake.NullSeq {
				for _, fault := range met {
					assert.Positive(t, fault.Rows())
				}
			}
			// The feed hides this.
			require.NoError(t, r.end.Refuse())
			for _, db := range []string{requestDB, wmstatsDB} {
				r.srv.Misbehave(couchfake.Fault{Match: couchfake.Match{Path: "/" + db + "/_changes"}, Kind: couchfake.EmptyDB})
			}
			require.True(t, r.srv.Delete(requestDB, "wf2"))
			require.True(t, r.srv.Delete(wmstatsDB, "a1-wf2"))
			r.put(requestDB, requestDoc("wf3", "normal-archived", 1))
			require.NoError(t, r.end.Accept())
			r.eventually("the removal", func() bool { return r.has(s, n) && s.Info().Workflows == n-2 })
		})
	}
}

// A document whose type or workflow changes no longer counts for its former one.
func TestAnotherTypeDropsTheOldCounts(t *testing.T) {
	bothWays(t, func(t *testing.T, r *rig) {
		r.fill(3)
		r.start()
		r.converges(3)
		r.put(wmstatsDB, strings.Replace(workDoc("a1", "wf1", 5), `"_id":"a1-wf1"`, `"_id":"a1"`, 1)) // was agent_info
		r.put(wmstatsDB, strings.Replace(infoDoc("a9", 5), `"_id":"a9"`, `"_id":"a1-wf0"`, 1))        // was agent_request
		want := r.source(names(3)...)
		require.Contains(t, want, key(join.AgentReport, "a1"))
		require.Contains(t, want, key(join.AgentInfo, "a1-wf0"))
		if !assert.Eventually(t, func() bool { return maps.Equal(want, r.store.content()) }, time.Minute, 2*time.Millisecond) {
			require.Equal(t, want, r.store.content())
		}
	})
}

// TestAnotherWorkflowDropsTheOldCounts checks it with the real store.
func TestAnotherWorkflowDropsTheOldCounts(t *testing.T) {
	s := realStore(t)
	r := newRig(t, func(o *Options) { o.Store = OfStore(s) })
	r.fill(3)
	r.start()
	r.eventually("the first read", func() bool { return r.has(s, 3) })
	r.put(wmstatsDB, strings.Replace(workDoc("a2", "wf1", 50), `"_id":"a2-wf1"`, `"_id":"a1-wf0"`, 1))
	r.eventually("the change", func() bool { return r.has(s, 3) })
	success := func(name string) string {
		generation, _ := s.Newest()
		raw, _, _ := generation.Workflow(name)
		_, rest, _ := strings.Cut(string(raw), `"Success":`)
		count, _, _ := strings.Cut(rest, ",")
		return count
	}
	r.eventually("its document belongs to another workflow", func() bool { return success("wf0") == "0" && success("wf1") == "51" })
}
