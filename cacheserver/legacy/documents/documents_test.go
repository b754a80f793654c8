package documents

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/checkpoint"
)

var statuses = []string{"new", "assigned", "running-open"}

func newDocuments(t testing.TB) *Documents {
	t.Helper()
	d, err := New(Options{Statuses: statuses})
	require.NoError(t, err)
	return d
}

func doc(id, status string, more ...string) Change {
	text := fmt.Sprintf(`{"_id":%q,"_rev":"1-x","RequestName":%q,"RequestStatus":%q,"RequestType":"ReReco"%s}`, id, id, status, strings.Join(more, ""))
	return Change{ID: id, Doc: []byte(text)}
}

func never() bool { return false }

// content returns all documents of a snapshot by id, and checks that all methods of
// reading agree.
func content(t testing.TB, d *Documents) map[string]string {
	t.Helper()
	s, ok := d.Snapshot()
	require.True(t, ok)
	all, last, r := map[string]string{}, "", s.Reader()
	for _, b := range s.Blocks {
		require.NoError(t, r.Open(b))
		require.NotZero(t, b.Len())
		for i := range b.Len() {
			id := b.ID(i)
			require.Greater(t, id, last)
			last = id
			all[id] = string(r.Document(i))
			require.Len(t, all[id], int(b.TextBytes(i)))
			found, at, ok := s.Find(id)
			require.True(t, ok)
			require.Equal(t, b, found)
			require.Equal(t, i, at)
			require.True(t, json.Valid(r.Document(i)))
			require.Contains(t, all[id], fmt.Sprintf(`"RequestStatus":%q`, s.StatusName(b.Mark(i).Status)))
		}
	}
	require.Len(t, all, s.Len())
	return all
}

func load(t testing.TB, d *Documents, changes ...Change) {
	t.Helper()
	r := d.BeginRead()
	r.Add(changes)
	require.NoError(t, r.Commit(nil, never))
}

func TestNothingBeforeTheFirstRead(t *testing.T) {
	d := newDocuments(t)
	r := d.BeginRead()
	r.Add([]Change{doc("b", "new"), doc("a", "assigned"), doc("gone", "new"), doc("archived", "normal-archived"), doc("swept", "new")})
	d.Apply([]Change{doc("a", "running-open"), {ID: "gone", Deleted: true}})
	_, ok := d.Snapshot()
	require.False(t, ok)
	require.NoError(t, r.Commit([]string{"swept"}, never))
	require.Equal(t, map[string]string{
		"a": `{"_id":"a","RequestName":"a","RequestStatus":"running-open","RequestType":"ReReco"}`,
		"b": `{"_id":"b","RequestName":"b","RequestStatus":"new","RequestType":"ReReco"}`,
	}, content(t, d))
	<-d.Complete()
}

func TestAReadThatIsGivenUpLeavesNothing(t *testing.T) {
	d := newDocuments(t)
	r := d.BeginRead()
	r.Add([]Change{doc("a", "new")})
	require.NoError(t, r.Commit(nil, func() bool { return true }))
	_, ok := d.Snapshot()
	require.False(t, ok)
	load(t, d, doc("b", "new"))
	require.Len(t, content(t, d), 1)
}

// TestALossDuringAReadLeavesNothing: the documents that the read delivered before are
// lost too, so its end must not publish the others as if they were all.
func TestALossDuringAReadLeavesNothing(t *testing.T) {
	d := newDocuments(t)
	load(t, d, doc("a", "new"), doc("b", "new"))
	r := d.BeginRead()
	r.Add([]Change{doc("a", "new")})
	s, _ := d.Snapshot()
	s.Blocks[0].packed = []byte("unreadable")
	d.Apply([]Change{doc("a", "assigned")})
	_, ok := d.Snapshot()
	require.False(t, ok)
	r.Add([]Change{doc("b", "new")})
	require.ErrorIs(t, r.Commit(nil, never), errLost)
	_, ok = d.Snapshot()
	require.False(t, ok)
	load(t, d, doc("a", "assigned"), doc("c", "new"))
	require.Len(t, content(t, d), 2)
	require.Contains(t, content(t, d)["a"], `"assigned"`)
}

func TestAnEmptySourceIsASnapshotToo(t *testing.T) {
	d := newDocuments(t)
	load(t, d)
	require.Empty(t, content(t, d))
	d.Apply([]Change{doc("a", "new")})
	require.Len(t, content(t, d), 1)
	d.Apply([]Change{{ID: "a", Deleted: true}})
	require.Empty(t, content(t, d))
}

// TestRandomChanges: after random changes the content equals that of a map, and
// unchanged blocks are shared with the previous snapshot.
func TestRandomChanges(t *testing.T) {
	for seed := range uint64(2) {
		rng := rand.New(rand.NewPCG(seed, 1))
		want := map[string]string{}
		d := newDocuments(t)
		random := func(n int) (changes []Change) {
			for range n {
				id := fmt.Sprintf("w%04d", rng.IntN(600))
				c := doc(id, statuses[rng.IntN(3)], fmt.Sprintf(`,"Text":%q`, strings.Repeat("x", rng.IntN(300))), fmt.Sprintf(`,"N":%d`, rng.IntN(1000)))
				switch rng.IntN(6) {
				case 0:
					c = Change{ID: id, Deleted: true}
				case 1:
					c = doc(id, "aborted-archived")
				}
				if delete(want, id); c.Doc != nil && !strings.Contains(string(c.Doc), "archived") {
					want[id] = strings.Replace(string(c.Doc), `"_rev":"1-x",`, "", 1)
				}
				changes = append(changes, c)
			}
			return changes
		}
		r := d.BeginRead()
		for range 10 {
			r.Add(random(100))
		}
		require.NoError(t, r.Commit(nil, never))
		require.Equal(t, want, content(t, d))
		for range 15 {
			before, _ := d.Snapshot()
			d.Apply(random(1 + rng.IntN(40)))
			require.Equal(t, want, content(t, d))
			after, _ := d.Snapshot()
			serials := map[uint64]*Block{}
			for _, b := range before.Blocks {
				serials[b.Serial()] = b
			}
			for _, b := range after.Blocks {
				if old := serials[b.Serial()]; old != nil {
					require.Same(t, old, b)
				}
			}
		}
		for id := range want { // all blocks disappear
			d.Apply([]Change{{ID: id, Deleted: true}})
		}
		require.Empty(t, content(t, d))
	}
}

// TestRunsOfAFullRead: a later version of a document counts, even if the earlier one
// is compressed already.
func TestRunsOfAFullRead(t *testing.T) {
	d := newDocuments(t)
	r := d.BeginRead()
	d.runBytes = 256 << 10
	large := strings.Repeat("y", 2<<10)
	want := map[string]string{}
	for i := range 600 { // two and a half times runBytes
		id := fmt.Sprintf("w%03d", i*7%400)
		c := doc(id, "new", fmt.Sprintf(`,"Text":"%s%d"`, large, i))
		if i%11 == 0 {
			c = Change{ID: id, Deleted: true}
		}
		r.Add([]Change{c})
		if delete(want, id); !c.Deleted {
			want[id] = strings.Replace(string(c.Doc), `"_rev":"1-x",`, "", 1)
		}
	}
	require.NotEmpty(t, d.gather.runs)
	require.NoError(t, r.Commit(nil, never))
	require.Equal(t, want, content(t, d))
	s, _ := d.Snapshot()
	for _, b := range s.Blocks {
		require.LessOrEqual(t, b.ends[b.Len()-1], uint32(blockText+len(large)+1000), "large documents make short blocks")
	}
}

func TestTheSameDocumentChangesNothing(t *testing.T) {
	d := newDocuments(t)
	load(t, d, doc("a", "new"), doc("b", "new"))
	before, _ := d.Snapshot()
	c := doc("a", "new")
	c.Doc = []byte(strings.Replace(string(c.Doc), "1-x", "2-y", 1))
	d.Apply([]Change{c, {ID: "b", Stands: true}, {ID: "unknown", Deleted: true}})
	after, _ := d.Snapshot()
	require.Same(t, before, after, "only the revision is another one")
}

func TestMarks(t *testing.T) {
	d := newDocuments(t)
	load(t, d, doc("a", "new"), doc("b", "new", `,"TaskChain":1,"Task1":{"RequestStatus":"x","RequestType":"y","RequestName":"z"}`),
		Change{ID: "c", Doc: []byte(`{"_id":"c","RequestStatus":"assigned","RequestType":["x"],"RequestName":"other"}`)},
		Change{ID: "d", Doc: []byte(`{"_id":"d","RequestStatus":["new"]}`)}, Change{ID: "e", Doc: []byte(`[]`)})
	s, _ := d.Snapshot()
	require.Equal(t, 3, s.Len(), "a status is a text")
	kind, ok := s.Type("ReReco")
	require.True(t, ok)
	_, ok = s.Type("unknown")
	require.False(t, ok)
	for id, want := range map[string]Mark{
		"a": {0, kind, PlainStatus | PlainType | PlainName}, "b": {0, otherType, 0}, "c": {1, otherType, PlainStatus},
	} {
		b, i, ok := s.Find(id)
		require.True(t, ok)
		require.Equal(t, want, b.Mark(i), id)
	}
}

// TestUnusable: a document without a record is stored, beside an earlier version if
// there is one; a full read that delivers it removes neither.
func TestUnusable(t *testing.T) {
	d := newDocuments(t)
	unusable := func(c Change) Change { c.Unusable, c.Stands = true, true; return c }
	load(t, d, doc("known", "new"), unusable(doc("alone", "new")))
	d.Apply([]Change{unusable(doc("known", "assigned", `,"N":2`)), unusable(Change{ID: "broken", Doc: []byte(`{"InputDataset":"/a"`)})})
	require.Contains(t, content(t, d)["known"], `"new"`)
	require.Contains(t, content(t, d), "alone")
	s, _ := d.Snapshot()
	require.Len(t, s.Unusable(), 2)
	require.Equal(t, Unusable{"broken", []byte(`{"InputDataset":"/a"`), false, false}, s.Unusable()[0])
	require.True(t, s.Unusable()[1].Known && s.Unusable()[1].Whole)

	d.Apply([]Change{unusable(doc("alone", "assigned"))})
	require.Contains(t, content(t, d)["alone"], `"assigned"`, "there is nothing else that could stand")

	r := d.BeginRead()
	r.Add([]Change{{ID: "known", Stands: true}, unusable(doc("alone", "assigned")), {ID: "broken", Stands: true}})
	require.NoError(t, r.Commit(nil, never))
	s, _ = d.Snapshot()
	require.Len(t, s.Unusable(), 2)
	require.Len(t, content(t, d), 2)

	r = d.BeginRead()
	r.Add([]Change{doc("known", "assigned")})
	require.NoError(t, r.Commit(nil, never))
	s, _ = d.Snapshot()
	require.Empty(t, s.Unusable())
	require.Len(t, content(t, d), 1)
}

func TestUnusableAreBounded(t *testing.T) {
	d := newDocuments(t)
	load(t, d)
	var changes []Change
	for i := range mostUnusable + 5 {
		changes = append(changes, Change{ID: fmt.Sprint("u", i), Doc: []byte(`{`), Unusable: true})
	}
	d.Apply(changes)
	s, _ := d.Snapshot()
	require.Len(t, s.Unusable(), len(changes), "none is forgotten")
}

func TestSection(t *testing.T) {
	frames := func(d *Documents) *checkpoint.Frames {
		write, err := d.Section().Capture()
		require.NoError(t, err)
		var all [][]byte
		require.NoError(t, write(func(frame []byte) error { all = append(all, slices.Clone(frame)); return nil }))
		return checkpoint.FramesOf(t.Context(), all)
	}
	restore := func(f *checkpoint.Frames) *Documents {
		d := newDocuments(t)
		commit, err := d.Section().Restore(f)
		require.NoError(t, err)
		commit()
		return d
	}
	_, ok := restore(frames(newDocuments(t))).Snapshot()
	require.False(t, ok, "nothing had been read")

	d := newDocuments(t)
	var changes []Change
	for i := range 500 {
		changes = append(changes, doc(fmt.Sprint("w", i), "new", fmt.Sprintf(`,"T":%q`, strings.Repeat("z", i*8))))
	}
	load(t, d, append(changes, Change{ID: "alone", Doc: doc("alone", "new").Doc, Unusable: true})...)
	d.Apply([]Change{{ID: "broken", Doc: []byte(`{`), Unusable: true}})
	again := restore(frames(d))
	require.Equal(t, content(t, d), content(t, again))
	a, _ := d.Snapshot()
	b, _ := again.Snapshot()
	require.Equal(t, a.Unusable(), b.Unusable())
	kind, ok := b.Type("ReReco")
	require.True(t, ok)
	require.Equal(t, kind, b.Blocks[0].Mark(0).Type)
	again.Apply([]Change{doc("w7", "assigned"), doc("v", "new")})
	require.Len(t, content(t, again), 502)
	require.NoError(t, again.BeginRead().Commit(nil, never))
	require.NotContains(t, content(t, again), "alone")

	other, err := New(Options{Statuses: statuses[:2]})
	require.NoError(t, err)
	commit, err := other.Section().Restore(frames(d))
	require.NoError(t, err)
	commit()
	_, ok = other.Snapshot()
	require.False(t, ok, "it has requests in other statuses")
}

// FuzzSection: any content of a file is an error or can be read.
func FuzzSection(f *testing.F) {
	d := newDocuments(f)
	load(f, d, doc("a", "new"), doc("b", "assigned"))
	write, err := d.Section().Capture()
	require.NoError(f, err)
	var all [][]byte
	require.NoError(f, write(func(frame []byte) error { all = append(all, slices.Clone(frame)); return nil }))
	f.Add(all[0], all[1])
	f.Fuzz(func(t *testing.T, head, blocks []byte) {
		d := newDocuments(t)
		commit, err := d.Section().Restore(checkpoint.FramesOf(t.Context(), [][]byte{head, blocks}))
		if err != nil {
			return
		}
		commit()
		if s, ok := d.Snapshot(); ok {
			r := s.Reader()
			for _, b := range s.Blocks {
				if r.Open(b) == nil {
					r.Document(b.Len() - 1)
				}
			}
		}
	})
}
