package follower

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/couch"
	"github.com/dmwm/wmstats/cacheserver/join"
)

// Users of whole request documents get each with its change, even if the store
// knows the content, and even if no record could be made of it. Documents of
// agents are not passed on.
func TestWholeRequestDocumentsArePassedOn(t *testing.T) {
	s := newStoreFake()
	o, err := Options{Source: struct{ Source }{}, Store: s}.withDefaults()
	require.NoError(t, err)
	d := newDecoder(o, newQuarantine(10), newSourceState(time.Now, s.SetSource, time.Minute))
	decode := func(db couch.Database, id, doc string, m mode) []join.Change {
		return d.document(nil, db, couch.Row{ID: id, Doc: []byte(doc)}, m)
	}
	const known = `{"_id":"w","_rev":"1-a","RequestName":"w","RequestStatus":"assigned"}`
	changes := decode(couch.Requests, "w", known, mode{})
	require.Len(t, changes, 1)
	require.NotNil(t, changes[0].Workflow)
	require.Equal(t, known, string(changes[0].Doc))

	s.Apply(changes)
	changes = decode(couch.Requests, "w", known, mode{fullRead: true})
	require.Len(t, changes, 1)
	require.Nil(t, changes[0].Workflow)
	require.Equal(t, known, string(changes[0].Doc))

	const nameless = `{"_id":"  ","_rev":"1-a","RequestStatus":"assigned"}`
	for _, m := range []mode{{}, {fullRead: true}} {
		changes = decode(couch.Requests, "  ", nameless, m)
		require.Len(t, changes, 1)
		require.True(t, changes[0].Stands)
		require.Equal(t, nameless, string(changes[0].Doc))
	}
	changes = decode(couch.Requests, "w", `{"_id":"w","_rev":"1-a","RequestStatus":"normal-archived"}`, mode{})
	require.Len(t, changes, 1)
	require.True(t, changes[0].Deleted)
	require.Nil(t, changes[0].Doc)

	for _, c := range decode(couch.WMStats, "a-w", `{"_id":"a-w","_rev":"1-a","type":"agent_request","workflow":"w","agent_url":"a","status":{}}`, mode{}) {
		require.Nil(t, c.Doc)
		require.True(t, c.Idle)
	}
}

// A row of a re-read that a feed has overtaken does not pass on its document
// either, even if its content is known.
func TestARereadKeepsTheFeedsDocument(t *testing.T) {
	s := newStoreFake()
	m := newMeeting()
	m.begin()
	m.apply(s, nil, []join.Change{{Kind: join.Request, ID: "touched", Doc: []byte(`new`)}})
	got := &takenLoad{}
	c := &comparing{Load: got, meeting: &m, found: map[quarantineKey]bool{}}
	c.Add([]join.Change{
		{Kind: join.Request, ID: "touched", Hash: 1, Doc: []byte(`old`)},
		{Kind: join.Request, ID: "quiet", Hash: 1, Doc: []byte(`old`)},
		{Kind: join.Request, ID: "touched", Stands: true, Doc: []byte(`bad`)},
	})
	require.Equal(t, []join.Change{
		{Kind: join.Request, ID: "touched", Stands: true},
		{Kind: join.Request, ID: "quiet", Hash: 1, Doc: []byte(`old`)},
		{Kind: join.Request, ID: "touched", Stands: true},
	}, got.changes)
	require.Empty(t, c.found, "nothing to repair")
}

type takenLoad struct {
	Load

	changes []join.Change
}

func (g *takenLoad) Add(changes []join.Change) { g.changes = append(g.changes, changes...) }

func TestOwedFor(t *testing.T) {
	q := newQuarantine(10)
	for _, d := range []Quarantined{{ID: "b", Database: "requests"}, {ID: "a", Database: "requests"}, {ID: "c", Database: "wmstats"}} {
		q.owe(d)
	}
	require.Equal(t, []string{"a", "b"}, q.owedFor(couch.Requests, 0))
	require.Empty(t, q.owedFor(couch.Requests, time.Hour))
}

// addedDocs is a Load that notes the documents of the changes that it gets.
type addedDocs struct {
	Load

	docs []string
}

func (a *addedDocs) Add(changes []join.Change) {
	for _, c := range changes {
		a.docs = append(a.docs, string(c.Doc))
	}
}

// The whole documents of a full read are used before the memory that they are in
// has the next ones.
func TestWholeDocumentsOfReusedParcels(t *testing.T) {
	r := newRig(t)
	full, free, ended := make(chan *parcel), make(chan *parcel, 1), make(chan error, 1)
	var into addedDocs
	go func() { ended <- r.follower.decodeParcels(t.Context(), full, free, &into, mode{fullRead: true}) }()
	p := &parcel{db: couch.Requests}
	var want []string
	for i := range 3 * loadBatch / 2 {
		doc := requestDoc(fmt.Sprint("wf", i), "assigned", i)
		want = append(want, doc)
		p.add(couch.Row{ID: fmt.Sprint("wf", i), Doc: []byte(doc)})
		if i%10 == 9 || i == 3*loadBatch/2-1 {
			p.seal()
			full <- p
			p = <-free
		}
	}
	close(full)
	require.NoError(t, <-ended)
	require.Equal(t, want, into.docs)
}
