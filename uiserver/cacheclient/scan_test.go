package cacheclient_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/uiserver/cacheclient"
)

// collect reads a sequence of workflows to its end or its error.
func collect(seq func(func(schema.Workflow, error) bool)) (names []string, err error) {
	for w, err := range seq {
		if err != nil {
			return names, err
		}
		names = append(names, w.Workflow)
	}
	return names, nil
}

func serve(t *testing.T, handler http.HandlerFunc) *cacheclient.Client {
	t.Helper()
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	c, err := cacheclient.New(cacheclient.Options{BaseURL: s.URL, Token: func() string { return "mine" }})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

func refuse(w http.ResponseWriter, p string, status int) {
	w.Header().Set("Content-Type", wire.MediaProblem)
	w.WriteHeader(status)
	fmt.Fprint(w, p)
}

// All pages are of one generation; if it expires, the remaining workflows are read
// by name from the newest one.
func TestWorkflowsContinueOnTheNewestGeneration(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, "Bearer mine", r.Header.Get("Authorization"))
		q := r.URL.Query()
		switch {
		case q.Get("after") == "b":
			fmt.Fprint(w, `[{"Workflow":"c"}]`)
		case q.Get("idx") == "2":
			refuse(w, `{"type":"/problems/generation-expired","status":410,"continue":"/api/fetch?after=b&limit=1"}`, 410)
		case q.Get("idx") == "1":
			w.Header().Set("Link", `</api/fetch?gen=a-1&idx=2&last=b&limit=1>; rel="next"`)
			fmt.Fprint(w, `[{"Workflow":"b"}]`)
		default:
			assert.Equal(t, "1", q.Get("limit"))
			w.Header().Set("Link", `</api/fetch?gen=a-1&idx=1&last=a&limit=1>; rel="next"`)
			fmt.Fprint(w, `[{"Workflow":"a"}]`)
		}
	})
	got, err := collect(c.Workflows(t.Context(), wire.Query{Limit: 1}))
	require.NoError(t, err)
	assert.Equal(t, []string{"a", "b", "c"}, got)
	n := 0
	for range c.Workflows(t.Context(), wire.Query{Limit: 1}) {
		n++
		break
	}
	assert.Equal(t, 1, n, "the caller may stop")
}

func TestWorkflowsReportErrors(t *testing.T) {
	for _, c := range []struct{ link, problem string }{
		{`</fetch?gen=a-1&idx=1>; rel="next"`, `{"type":"/problems/generation-expired","status":410,"restart":"/fetch"}`},
		{`<http://elsewhere/other?idx=1>; rel="next"`, ""},
	} {
		got, err := collect(serve(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Get("idx") != "" {
				refuse(w, c.problem, 410)
				return
			}
			w.Header().Set("Link", c.link)
			fmt.Fprint(w, `[{"Workflow":"a"}]`)
		}).Workflows(t.Context(), wire.Query{}))
		require.Error(t, err)
		assert.Equal(t, []string{"a"}, got)
	}
}

// A whole list is read from one answer; a truncated answer is an error.
func TestStream(t *testing.T) {
	var cut atomic.Bool
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, []string{"all", "ndjson"}, []string{r.URL.Query().Get("limit"), r.URL.Query().Get("format")})
		for i := range 500 {
			fmt.Fprintf(w, "{\"Workflow\":\"w%d\"}\n", i)
		}
		if cut.Load() {
			panic(http.ErrAbortHandler)
		}
	})
	got, err := collect(c.Stream(t.Context(), wire.Query{}))
	require.NoError(t, err)
	assert.Len(t, got, 500)
	cut.Store(true)
	_, err = collect(c.Stream(t.Context(), wire.Query{}))
	assert.ErrorIs(t, err, cacheclient.ErrUnreachable)
	limited := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, `{"type":"/problems/rate-limited","status":429}`, 429)
	})
	_, err = collect(limited.Stream(t.Context(), wire.Query{}))
	assert.Equal(t, wire.SlugRateLimited, wire.ProblemOf(err).Slug())
}

// Each change is yielded once; polls without changes yield nothing.
func TestFollow(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		assert.Equal(t, []string{"longpoll", "failed"}, []string{q.Get("feed"), q.Get("status")})
		n, _ := strconv.Atoi(q.Get("since"))
		if n == 5 {
			refuse(w, `{"type":"/problems/not-ready","status":503}`, 503)
			return
		}
		fmt.Fprintf(w, `{"Event":"generation","Generation":"%d","Added":%d,"Workflows":["w%d"]}`, n+1, n%2, n)
	})
	var got []string
	var last error
	q := wire.Query{Terms: []wire.Term{{Field: "Status", Op: wire.In, Values: []string{"failed"}}}}
	for change, err := range c.Follow(t.Context(), q, "") {
		if last = err; err == nil {
			got = append(got, change.Generation)
		}
	}
	assert.Equal(t, []string{"2", "4"}, got)
	assert.Equal(t, wire.SlugNotReady, wire.ProblemOf(last).Slug())
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for _, err := range c.Follow(ctx, q, "1") {
		require.NoError(t, err)
		cancel()
	}
}
