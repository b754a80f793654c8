package follower

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/couch"
	"github.com/dmwm/wmstats/cacheserver/store"
	"github.com/dmwm/wmstats/mock/couchfake"
	"github.com/dmwm/wmstats/mock/gen"
)

// realStore returns a store whose clock is set to the world's present.
func realStore(t testing.TB) *store.Store {
	s, err := store.New(store.Options{Process: "t", Now: func() time.Time { return time.Unix(gen.DefaultNow, 0) }})
	require.NoError(t, err)
	return s
}

// TestRealStore follows a generated world into the real store, over HTTP and
// with reused buffers, and compares every record with that of a second store
// that received the documents directly.
func TestRealStore(t *testing.T) {
	world, err := gen.New(gen.Options{Seed: 3, Workflows: 400, Lean: true, Storable: true})
	require.NoError(t, err)
	followed := realStore(t)
	r := newRig(t, func(o *Options) { o.Store = OfStore(followed) })
	names := map[string][]string{}
	for doc := range world.All() {
		require.NoError(t, r.srv.Put(doc.DB, doc.JSON))
		if !slices.Contains(names[doc.DB], doc.ID) {
			names[doc.DB] = append(names[doc.DB], doc.ID)
		}
	}
	r.start()
	r.eventually("the first generation", func() bool { _, ok := followed.Newest(); return ok })

	// Half of the agents' documents change, every fourth request is archived.
	for i, id := range names[wmstatsDB] {
		if doc, ok := r.srv.Doc(wmstatsDB, id); ok && i%2 == 0 {
			r.put(wmstatsDB, string(bytes.Replace(doc, []byte(`"success":`), []byte(`"canceled":3,"success":1`), 1)))
		}
	}
	for i, id := range names[requestDB] {
		if i%4 == 0 {
			r.put(requestDB, requestDoc(id, "normal-archived", 1))
		}
	}

	direct := realStore(t)
	load := direct.BeginLoad()
	d := newDecoder(Options{Store: newStoreFake(), Now: time.Now, Log: r.follower.o.Log, Statuses: r.follower.o.Statuses}, newQuarantine(10), r.follower.state)
	for db, kind := range map[string]couch.Database{requestDB: couch.Requests, wmstatsDB: couch.WMStats} {
		for _, id := range names[db] {
			if doc, ok := r.srv.Doc(db, id); ok {
				load.Add(d.document(nil, kind, couch.Row{ID: id, Doc: doc}, mode{fullRead: true}))
			}
		}
	}
	_, err = load.Commit()
	require.NoError(t, err)
	want, _ := direct.Newest()
	require.Greater(t, want.Total(), 200)
	same := func() (all bool, differs string) {
		got, _ := followed.Newest()
		if got.Total() != want.Total() {
			return false, fmt.Sprintf("%d workflows, want %d", got.Total(), want.Total())
		}
		for _, id := range names[requestDB] {
			a, _, okA := got.Workflow(id)
			b, _, okB := want.Workflow(id)
			if okA != okB || !bytes.Equal(a, b) {
				return false, fmt.Sprintf("%s\n%s\n%s", id, a, b)
			}
		}
		return true, ""
	}
	if !assert.Eventually(t, func() bool { ok, _ := same(); return ok }, time.Minute, 5*time.Millisecond) {
		_, differs := same()
		t.Fatal(differs)
	}
	r.eventually("fresh", func() bool { return followed.Source().Complete && !followed.Source().Stale })
	got, _ := followed.Newest()
	assert.Equal(t, want.Statuses(), got.Statuses())
	assert.Equal(t, want.Sites(), got.Sites())

	// A change of only revision and time does not create a generation.
	before := got.ID()
	for _, id := range names[wmstatsDB] {
		if doc, ok := r.srv.Doc(wmstatsDB, id); ok && !bytes.Contains(doc, []byte("agent_info")) {
			require.NoError(t, r.srv.Put(wmstatsDB, doc))
		}
	}
	r.eventually("the end of the feed", func() bool {
		left := 0
		for _, err := range r.client.Changes(t.Context(), couch.WMStats, r.follower.Positions()[couch.WMStats].Seq, couch.FeedOptions{Once: true}) {
			if err != nil {
				return false // the rig's deadlines are short: requested again
			}
			left++
		}
		return left <= 1 // the end itself
	})
	got, _ = followed.Newest()
	assert.Equal(t, before, got.ID())
}

// The follower handles the real store's guard.
func TestRealStoreHoldsBack(t *testing.T) {
	s := realStore(t)
	r := newRig(t, func(o *Options) { o.Store = OfStore(s) })
	r.fill(20)
	r.start()
	r.eventually("the first generation", func() bool { _, ok := s.Newest(); return ok })
	require.NoError(t, r.end.Refuse())
	forget := r.srv.Misbehave(couchfake.Fault{Match: couchfake.Match{Path: "/" + requestDB + "/_changes"}, Kind: couchfake.ForgetSeqs, Times: 1})
	empty := r.srv.Misbehave(couchfake.Fault{Kind: couchfake.EmptyDB})
	require.NoError(t, r.end.Accept())
	r.eventually("held back", func() bool { return s.Source().Reason == heldBackText+": 20 of 20 requests were missing" })
	generation, _ := s.Newest()
	assert.Equal(t, 20, generation.Total())
	forget.Clear()
	empty.Clear()
	r.eventually("fresh again", func() bool { return !s.Source().Stale })
	generation, _ = s.Newest()
	assert.Equal(t, 20, generation.Total())
}
