package replica

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/klauspost/compress/s2"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/couch"
	"github.com/dmwm/wmstats/cacheserver/follower"
	"github.com/dmwm/wmstats/cacheserver/join"
	"github.com/dmwm/wmstats/cacheserver/store"
	"github.com/dmwm/wmstats/schema"
)

// everything is an input with a value in each part.
func everything() *input {
	w := schema.Workflow{
		Workflow: "wf1", Status: "new", Priority: -1,
		Campaigns: []string{"a", "b"}, Sites: []string{}, Releases: []string{},
	}
	packed := string(schema.AppendPacked(nil, &w))
	if err := new(schema.Unpacker).Unpack(packed, &w); err != nil { // no list is nil
		panic(err)
	}
	return &input{
		kind: changed, moment: time.Unix(1795000000, 123),
		changes: []join.Change{
			{Kind: join.Request, ID: "wf1", Rev: "1-a", Hash: 7, Time: -5, Doc: []byte(`{"a":1}`), Workflow: &w},
			{Kind: join.Request, ID: "wf2", Stands: true, Doc: []byte{}},
			{Kind: join.AgentReport, ID: "agent-wf1", Idle: true, Report: &schema.AgentReport{Workflow: "wf1", Agent: "vocms1", Tasks: []uint64{1, 2}}},
			{Kind: join.AgentInfo, ID: "info", Info: &schema.AgentDetail{Agent: schema.Agent{Agent: "vocms1"}}},
			{Kind: join.AgentReport, ID: "gone", Deleted: true},
		},
		rest: rest{
			By: "a", Gone: []join.Document{{Kind: join.Request, ID: "x"}}, Undelivered: []string{"y"}, Rules: []byte(`{}`),
			Source: &store.SourceState{Source: "s", Stale: true, Reason: "r"},
			Shared: follower.Shared{Positions: map[string]couch.Position{"wmstats": {Seq: "12-x"}}},
			Notes:  []follower.Note{{Database: "wmstats", ID: "q", Document: &follower.Quarantined{ID: "q", Count: 2}}, {Database: "wmstats", ID: "r"}},
		},
	}
}

func TestAnInputComesBack(t *testing.T) {
	in := everything()
	for _, in.kind = range []kind{changed, read, swept, ticked, ruled, reported, began} {
		body, err := encodeInput(in)
		require.NoError(t, err)
		got, err := readInput(body)
		require.NoError(t, err)
		require.True(t, in.moment.Equal(got.moment))
		got.moment = in.moment
		require.Equal(t, *in, got)
	}
}

// assemble reads entries whose first one has a number.
func assemble(t *testing.T, p *parts, entries [][]byte, number uint64) (bodies [][]byte) {
	t.Helper()
	for i, entry := range entries {
		body, err := p.add(entry, number+uint64(i))
		require.NoError(t, err)
		if body != nil {
			bodies = append(bodies, body)
		}
	}
	return bodies
}

func TestALongInputTakesSeveralEntries(t *testing.T) {
	for _, size := range []int{1, mostEntry - 33, mostEntry - 32, mostEntry - 31, 3 * mostEntry} {
		body := bytes.Repeat([]byte("x"), size)
		entries := split(body, 9, mostEntry)
		for _, entry := range entries {
			require.LessOrEqual(t, len(entry), mostEntry)
		}
		require.Equal(t, [][]byte{body}, assemble(t, new(parts), entries, 9), "%d bytes", size)
	}
}

// A server that dies leaves an input without its end. The next input begins again.
func TestAnUnfinishedInputIsIgnored(t *testing.T) {
	long, short := bytes.Repeat([]byte("x"), 2*mostEntry), []byte("short")
	unfinished := split(long, 5, mostEntry)[:2]
	p := new(parts)
	require.Empty(t, assemble(t, p, unfinished, 5))
	require.Equal(t, [][]byte{short}, assemble(t, p, split(short, 7, mostEntry), 7))
	// A reader that begins in the middle of one ignores the rest of it.
	require.Empty(t, assemble(t, new(parts), split(long, 1, mostEntry)[1:], 2))
}

// Repetitive text is compressed more than a thousand times.
func TestAnInputOfManyEqualBytes(t *testing.T) {
	in := &input{kind: changed, changes: []join.Change{{Kind: join.Request, ID: "a", Doc: bytes.Repeat([]byte("a"), 8<<20)}}}
	body, err := encodeInput(in)
	require.NoError(t, err)
	got, err := readInput(body)
	require.NoError(t, err)
	require.True(t, bytes.Equal(in.changes[0].Doc, got.changes[0].Doc))
}

func TestEntriesThatMustNotBeApplied(t *testing.T) {
	entry := split([]byte("body"), 3, mostEntry)[0]
	for name, c := range map[string]struct {
		change func(e []byte) []byte
		number uint64
		want   error
	}{
		"another version": {func(e []byte) []byte { e[0]++; return e }, 3, errVersion},
		"another number":  {func(e []byte) []byte { return e }, 4, errNumber},
		"unknown flags":   {func(e []byte) []byte { e[1] |= 8; return e }, 3, errEntry},
		"cut":             {func(e []byte) []byte { return e[:2] }, 3, errEntry},
		"empty":           {func([]byte) []byte { return nil }, 3, errVersion},
	} {
		_, err := new(parts).add(c.change(bytes.Clone(entry)), c.number)
		require.ErrorIs(t, err, c.want, name)
	}
}

// A decoder of entries accepts any bytes, and what it accepts has one meaning.
func FuzzInput(f *testing.F) {
	body, err := encodeInput(everything())
	require.NoError(f, err)
	f.Add(body)
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, body []byte) {
		if n, err := s2.DecodedLen(body); err == nil && n > 1<<20 {
			t.Skip("memory of that size takes longer than it finds")
		}
		in, err := readInput(body)
		if err != nil {
			require.ErrorIs(t, err, errEntry)
			return
		}
		again, err := encodeInput(&in)
		require.NoError(t, err)
		out, err := readInput(again)
		require.NoError(t, err)
		require.Equal(t, fmt.Sprint(in.kind, in.moment, len(in.changes)), fmt.Sprint(out.kind, out.moment, len(out.changes)))
	})
}

func FuzzEntry(f *testing.F) {
	for _, entry := range split(bytes.Repeat([]byte("x"), mostEntry), 300, mostEntry) {
		f.Add(entry, uint64(300))
	}
	f.Fuzz(func(_ *testing.T, entry []byte, number uint64) {
		p := new(parts)
		_, _ = p.add(entry, number)
		_, _ = p.add(entry, number+1)
	})
}
