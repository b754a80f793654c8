package cacheclient_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
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
