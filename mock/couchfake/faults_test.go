package couchfake_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tidwall/gjson"

	"github.com/dmwm/wmstats/mock/couchfake"
)

// read requests a path and returns what arrived until the end or the cut.
func (s *server) read(ctx context.Context, path string) (status int, body string, err error) {
	resp, err := s.open(ctx, http.MethodGet, path, "")
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	all, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(all), err
}

func TestFaultsThatBreakTheAnswer(t *testing.T) {
	s := start(t, couchfake.Options{})
	s.put("db", numbered(50)...)
	_, whole := s.do("GET", "/db/_all_docs", "")
	tenth := strings.Index(whole, `{"id":"d010"`)
	for _, tc := range []struct {
		fault couchfake.Fault
		check func(t *testing.T, body string)
	}{
		{couchfake.Fault{Kind: couchfake.Cut, Bytes: 300}, func(t *testing.T, body string) { assert.Equal(t, whole[:300], body) }},
		{couchfake.Fault{Kind: couchfake.Cut}, func(t *testing.T, body string) { assert.Empty(t, body) }},
		{couchfake.Fault{Kind: couchfake.CutInRow, Rows: 10}, func(t *testing.T, body string) {
			assert.Greater(t, len(body), tenth)
			assert.Equal(t, whole[:len(body)], body)
			assert.NotContains(t, body[tenth:], "}")
		}},
	} {
		t.Run(fmt.Sprint(tc.fault.Kind, tc.fault.Bytes), func(t *testing.T) {
			active := s.Misbehave(tc.fault)
			_, body, err := s.read(t.Context(), "/db/_all_docs")
			require.ErrorIs(t, err, io.ErrUnexpectedEOF)
			tc.check(t, body)
			assert.Equal(t, 1, active.Hits())
			active.Clear()
			active.Clear()
			_, body, err = s.read(t.Context(), "/db/_all_docs")
			require.NoError(t, err)
			assert.Equal(t, whole, body)
		})
	}
}

func TestFaultsThatFreeze(t *testing.T) {
	s := start(t, couchfake.Options{})
	s.put("db", numbered(50)...)
	_, whole := s.do("GET", "/db/_all_docs", "")
	for _, fault := range []couchfake.Fault{
		{Kind: couchfake.Freeze},
		{Kind: couchfake.FreezeAfter, Bytes: 300},
		{Kind: couchfake.FreezeInRow, Rows: 10},
	} {
		t.Run(string(fault.Kind), func(t *testing.T) {
			active := s.Misbehave(fault)
			ctx, cancel := context.WithCancel(t.Context())
			go func() { // cancels once the answer is frozen
				for active.Hits() == 0 && ctx.Err() == nil {
					runtime.Gosched()
				}
				cancel()
			}()
			_, body, err := s.read(ctx, "/db/_all_docs")
			require.ErrorIs(t, err, context.Canceled)
			assert.True(t, strings.HasPrefix(whole, body))
			assert.Less(t, len(body), len(whole))

			thawed := make(chan string)
			go func() {
				_, body, _ := s.read(context.Background(), "/db/_all_docs")
				thawed <- body
			}()
			require.Eventually(t, func() bool { return active.Hits() == 2 }, patience, time.Millisecond)
			active.Clear()
			assert.Equal(t, whole, <-thawed, "a frozen answer continues when the fault is cleared")
		})
	}
}

func TestFaultsThatAnswerOtherwise(t *testing.T) {
	s := start(t, couchfake.Options{})
	s.put("db", numbered(4)...)
	for _, tc := range []struct {
		fault  couchfake.Fault
		status int
		reason string
	}{
		{couchfake.Fault{Kind: couchfake.FailStatus}, 500, "made to fail"},
		{couchfake.Fault{Kind: couchfake.FailStatus, Status: 503}, 503, "made to fail"},
		{couchfake.Fault{Kind: couchfake.Deny}, 401, "Name or password is incorrect."},
		{couchfake.Fault{Kind: couchfake.NoDatabase}, 404, "Database does not exist."},
		{couchfake.Fault{Kind: "unheard-of"}, 500, `fault kind \"unheard-of\": unknown`},
		{couchfake.Fault{Kind: couchfake.Slow}, 500, "at least 1 a second"},
		{couchfake.Fault{Kind: couchfake.ForgetSeqs}, 200, "d003"},
	} {
		active := s.Misbehave(tc.fault)
		status, body := s.do("GET", "/db/_changes", "")
		assert.Equal(t, tc.status, status, tc.fault.Kind)
		assert.Contains(t, body, tc.reason)
		active.Clear()
	}
}

func TestFaultMatchesAndCounts(t *testing.T) {
	s := start(t, couchfake.Options{})
	s.put("db", numbered(1)...)
	s.put("other", numbered(1)...)
	active := s.Misbehave(couchfake.Fault{Kind: couchfake.FailStatus, Skip: 1, Times: 2,
		Match: couchfake.Match{Method: "GET", Path: "/db/_changes", Feed: "normal"}})
	var got []int
	for range 5 {
		status, _ := s.do("GET", "/db/_changes", "")
		got = append(got, status)
		for _, path := range []string{"/other/_changes", "/db/_all_docs", "/db/_changes?feed=longpoll"} {
			status, _ = s.do("GET", path, "")
			assert.Equal(t, 200, status)
		}
	}
	assert.Equal(t, []int{200, 500, 500, 200, 200}, got)
	assert.Equal(t, 2, active.Hits())
	s.Misbehave(couchfake.Fault{Kind: couchfake.Deny})
	s.Behave()
	status, _ := s.do("GET", "/db", "")
	assert.Equal(t, 200, status)
}

func TestErrorRow(t *testing.T) {
	s := start(t, couchfake.Options{BuiltinViews: true})
	s.put("db", viewDocs()...)
	for _, path := range []string{"/db/_all_docs", "/db/_design/WMStats/_view/latestRequest", "/db/_changes"} {
		rows := func() []gjson.Result {
			a := s.get(path)
			return append(a.Get("rows").Array(), a.Get("results").Array()...)
		}
		n := len(rows())
		s.Misbehave(couchfake.Fault{Kind: couchfake.ErrorRow, Rows: 2})
		with := rows()
		require.Len(t, with, n+1, path)
		assert.Equal(t, "timeout", with[2].Get("error").String())
		s.Behave()
		s.Misbehave(couchfake.Fault{Kind: couchfake.ErrorRow, Rows: 2, Stop: true})
		assert.Len(t, rows(), 3, path)
		s.Behave()
	}
}

func TestFaultsOfTheFeed(t *testing.T) {
	s := start(t, couchfake.Options{})
	s.put("db", numbered(10)...)
	rows := s.get("/db/_changes").Get("results").Array()
	since := "/db/_changes?since=" + rows[5].Get("seq").String()
	ids := func(path string) []string { return texts(s.get(path).Get("results.#.id")) }
	with := func(f couchfake.Fault, check func(t *testing.T)) {
		t.Run(string(f.Kind), func(t *testing.T) {
			defer s.Misbehave(f).Clear()
			check(t)
		})
	}
	with(couchfake.Fault{Kind: couchfake.Replay, Rows: 3}, func(t *testing.T) {
		assert.Equal(t, []string{"d003", "d004", "d005", "d006", "d007", "d008", "d009"}, ids(since))
	})
	with(couchfake.Fault{Kind: couchfake.ForgetSeqs}, func(t *testing.T) {
		status, body := s.do("GET", since, "")
		assert.Equal(t, 400, status)
		assert.Contains(t, body, "Malformed sequence")
		assert.Len(t, ids("/db/_changes?since=0"), 10)
		assert.Empty(t, ids("/db/_changes?since=now"))
	})
	with(couchfake.Fault{Kind: couchfake.RewindSeqs}, func(t *testing.T) { assert.Len(t, ids(since), 10) })
	with(couchfake.Fault{Kind: couchfake.EndFeed, Rows: 2}, func(t *testing.T) {
		f := s.follow("/db/_changes?feed=continuous&heartbeat=1000", "")
		var got []gjson.Result
		for row, ok := f.next(); ok; row, ok = f.next() {
			got = append(got, row)
		}
		require.Len(t, got, 3)
		assert.True(t, got[2].Get("last_seq").Exists())
		assert.EqualValues(t, 8, got[2].Get("pending").Int())
	})
}

// TestReorderLosesNothing stops a reordered feed after every row, resumes from
// that row's seq, and expects each document that was not seen before.
func TestReorderLosesNothing(t *testing.T) {
	s := start(t, couchfake.Options{})
	s.put("db", numbered(10)...)
	plain := texts(s.get("/db/_changes").Get("results.#.id"))
	s.Misbehave(couchfake.Fault{Kind: couchfake.Reorder})
	all := s.get("/db/_changes")
	turned := texts(all.Get("results.#.id"))
	require.NotEqual(t, plain, turned)
	require.ElementsMatch(t, plain, turned)
	for i, row := range all.Get("results").Array() {
		rest := texts(s.get("/db/_changes?since=" + row.Get("seq").String()).Get("results.#.id"))
		for _, id := range turned[i+1:] {
			assert.Contains(t, rest, id, "resumed after row %d", i)
		}
	}
	last := s.get("/db/_changes?since=" + all.Get("last_seq").String())
	assert.Empty(t, last.Get("results").Array())
}

func TestShrunkDatabase(t *testing.T) {
	s := start(t, couchfake.Options{BuiltinViews: true})
	s.put("db", numbered(100)...)
	s.put("db", viewDocs()...)
	count := func(path, list string) int { return len(s.get(path).Get(list).Array()) }
	for _, tc := range []struct {
		kind     couchfake.Kind
		min, max int
	}{{couchfake.HalveDB, 35, 75}, {couchfake.EmptyDB, 0, 0}} {
		active := s.Misbehave(couchfake.Fault{Kind: tc.kind, Match: couchfake.Match{Path: "/db"}})
		n := count("/db/_all_docs", "rows")
		assert.True(t, n >= tc.min && n <= tc.max, "%s: %d", tc.kind, n)
		assert.Equal(t, n, count("/db/_changes", "results"))
		assert.EqualValues(t, n, s.get("/db").Get("doc_count").Int())
		assert.EqualValues(t, n, s.get("/db/_all_docs?limit=0").Get("total_rows").Int())
		left := texts(s.get("/db/_all_docs").Get("rows.#.id"))
		for _, id := range texts(s.get("/db/_design/ReqMgr/_view/byrequest").Get("rows.#.id")) {
			assert.Contains(t, left, id)
		}
		status, _ := s.do("GET", "/db/d000", "")
		assert.Equal(t, slices.Contains(left, "d000"), status == 200)
		active.Clear()
	}
	assert.Equal(t, 110, count("/db/_all_docs", "rows"))
}

func TestDelayAndSlow(t *testing.T) {
	s := start(t, couchfake.Options{})
	s.put("db", numbered(100)...)
	_, whole := s.do("GET", "/db/_all_docs", "")
	for _, f := range []couchfake.Fault{{Kind: couchfake.Delay, Wait: time.Hour}, {Kind: couchfake.Slow, Bytes: 50}} {
		active := s.Misbehave(f)
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		_, body, err := s.read(ctx, "/db/_all_docs")
		require.ErrorIs(t, err, context.DeadlineExceeded, f.Kind)
		assert.Less(t, len(body), len(whole)/2)
		cancel()
		active.Clear()
	}
	s.Misbehave(couchfake.Fault{Kind: couchfake.Delay, Wait: time.Millisecond})
	s.Misbehave(couchfake.Fault{Kind: couchfake.Slow, Bytes: 1 << 20})
	_, body, err := s.read(t.Context(), "/db/_all_docs")
	require.NoError(t, err)
	assert.Equal(t, whole, body, "late and slow, but complete")
}

func TestRefuseConnections(t *testing.T) {
	s := start(t, couchfake.Options{})
	s.put("db", numbered(3)...)
	f := s.follow("/db/_changes?feed=continuous&heartbeat=1000", "")
	for range 3 {
		_, ok := f.next()
		require.True(t, ok)
	}
	url := s.URL()
	require.NoError(t, s.Refuse())
	require.NoError(t, s.Refuse())
	_, ok := f.next()
	assert.False(t, ok)
	require.Error(t, f.lines.Err(), "the feed was cut, not ended")
	_, _, err := s.read(t.Context(), "/db")
	require.ErrorContains(t, err, "connection refused")
	require.NoError(t, s.Accept())
	assert.Equal(t, url, s.URL())
	assert.EqualValues(t, 3, s.get("/db").Get("doc_count").Int())
}

// TestAPortThatAnotherHasIsWaitedFor: while connections are refused, the port may
// be given to a program that asks for any.
func TestAPortThatAnotherHasIsWaitedFor(t *testing.T) {
	s := start(t, couchfake.Options{})
	s.put("db", numbered(3)...)
	url := s.URL()
	require.NoError(t, s.Refuse())
	other, err := net.Listen("tcp", s.Addr())
	require.NoError(t, err)
	time.AfterFunc(50*time.Millisecond, func() { assert.NoError(t, other.Close()) })
	require.NoError(t, s.Accept())
	assert.Equal(t, url, s.URL())
	assert.EqualValues(t, 3, s.get("/db").Get("doc_count").Int())
}

// TestAbsences: each of them is a fault that works.
func TestAbsences(t *testing.T) {
	s := start(t, couchfake.Options{BuiltinViews: true})
	s.put("db", `{"_id":"a","RequestStatus":"new"}`)
	view := "/db/_design/ReqMgr/_view/bystatus"
	for _, a := range couchfake.Absences() {
		if a.Fault.Kind == couchfake.Freeze {
			continue // TestFaultsThatFreeze has it
		}
		t.Run(a.Name, func(t *testing.T) {
			a.Fault.Match.Path = view
			active := s.Misbehave(a.Fault)
			defer active.Clear()
			_, body, err := s.read(t.Context(), view)
			assert.Equal(t, 1, active.Hits())
			assert.NotContains(t, body, `"key":"new"`)
			assert.NotContains(t, body, "bad_fault")
			require.NoError(t, err)
			s.get("/db")
		})
	}
}
