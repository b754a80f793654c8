package load_test

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/uiserver/cacheclient"
	"github.com/dmwm/wmstats/uiserver/internal/testcache"
	"github.com/dmwm/wmstats/uiserver/load"
	"github.com/dmwm/wmstats/web"
)

// newLoader returns a loader for an address, and its log.
func newLoader(t *testing.T, address string) (*load.Loader, *bytes.Buffer) {
	t.Helper()
	client, err := cacheclient.New(cacheclient.Options{BaseURL: address, Timeout: 10 * time.Second})
	require.NoError(t, err)
	t.Cleanup(client.Close)
	var log bytes.Buffer
	l, err := load.New(load.Options{Client: client, Now: time.Now, Log: slog.New(slog.NewTextHandler(&log, nil))})
	require.NoError(t, err)
	return l, &log
}

// All requests of a round, including that for the state, are concurrent: a server
// that answers none before it has received all of them does answer.
func TestRequestsAreConcurrent(t *testing.T) {
	const questions = 5
	arrived := make(chan struct{}, questions)
	all := make(chan struct{})
	go func() {
		for range questions {
			<-arrived
		}
		close(all)
	}()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		select {
		case <-all:
		case <-r.Context().Done():
		}
		if r.URL.Path == "/pulse" || r.URL.Path == "/stats" {
			_, _ = w.Write([]byte("{}"))
			return
		}
		_, _ = w.Write([]byte("[]"))
	}))
	t.Cleanup(server.Close)
	l, _ := newLoader(t, server.URL)
	r := l.Begin(t.Context(), 0)
	r.Statuses()
	r.Sites(wire.Query{})
	r.Optional("sums").Stats(wire.Query{}, nil, nil)
	r.Apart().Logs("w")
	_, err := r.Wait()
	require.NoError(t, err)
}

// Errors of required parts fail the page, others do not.
func TestWhichErrorsFailThePage(t *testing.T) {
	refused, broken := wire.BadValue("by", "not with this server"), testcache.Broken()
	for name, c := range map[string]struct {
		fault  http.Handler
		ask    func(load.Round) error // returns the error of the answer, after Wait
		spoils bool
		logged string
	}{
		"required and refused": {testcache.Problem(refused), needed, true, ""},
		"required and broken":  {broken, needed, true, ""},
		"optional and refused": {testcache.Problem(refused), optional, false, "part=sums"},
		"optional and broken":  {broken, optional, true, ""},
		"apart and broken":     {broken, apart, false, ""},
		"too late":             {hanging(t), late, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := testcache.New(t)
			l, log := newLoader(t, f.URL)
			f.Answer("/stats", c.fault)
			r := l.Begin(t.Context(), 0)
			sites := r.Sites(wire.Query{})
			kept := c.ask(r)
			state, err := r.Wait()
			assert.Equal(t, c.spoils, err != nil, "%v", err)
			assert.Error(t, kept)
			assert.Contains(t, log.String(), c.logged)
			assert.Equal(t, c.logged == "", log.Len() == 0, log.String())
			assert.Equal(t, web.Fresh, state.Is, "the state of the server is known")
			assert.Len(t, sites.Value, len(f.Sites), "the other answers are complete")
			assert.Equal(t, len(f.Sites), sites.Meta.Total)
		})
	}
}

func stats(r load.Round, whole load.Round) error {
	a := r.Stats(wire.Query{}, nil, []string{"Failure"})
	_, _ = whole.Wait()
	return a.Err
}

func needed(r load.Round) error   { return stats(r, r) }
func optional(r load.Round) error { return stats(r.Optional("sums"), r) }
func apart(r load.Round) error    { return stats(r.Apart(), r) }
func late(r load.Round) error     { return stats(r.Apart().Within(time.Millisecond), r) }

// hanging does not answer until the test ends.
func hanging(t *testing.T) http.Handler {
	t.Helper()
	return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-t.Context().Done():
		}
	})
}

// An expired generation of a list is distinguished from other failures.
func TestExpiredAndUnreachable(t *testing.T) {
	f := testcache.New(t)
	l, _ := newLoader(t, f.URL)
	r := l.More(t.Context())
	r.List(wire.Query{Gen: "b-1"})
	_, err := r.Wait()
	assert.True(t, load.Expired(err), "%v", err)
	assert.False(t, load.Unreachable(err))
	f.Close()
	r = l.More(t.Context())
	r.List(wire.Query{})
	_, err = r.Wait()
	assert.True(t, load.Unreachable(err), "%v", err)
	assert.False(t, load.Expired(err))
	assert.False(t, load.Expired(nil))
}

// The state in every case, and the data shown if the state is unknown: the last
// known state, updated from the headers of the answer.
func TestStates(t *testing.T) {
	f := testcache.New(t)
	l, _ := newLoader(t, f.URL)
	state := func() load.State {
		s, err := l.Begin(t.Context(), 0).Wait()
		require.NoError(t, err, "a missing state does not fail the page")
		return s
	}
	assert.Equal(t, web.Fresh, state().Is)
	assert.Equal(t, f.Generation, state().Data(load.Meta{}).Generation)
	f.Tell(t, func(i *schema.CacheInfo) { i.CheckTime = time.Now().Unix() - 600 })
	assert.Equal(t, web.Ageing, state().Is)
	f.Tell(t, func(i *schema.CacheInfo) { i.Stale = true })
	assert.Equal(t, web.Stale, state().Is)
	f.Tell(t, func(i *schema.CacheInfo) { *i = schema.CacheInfo{Stale: true, StaleReason: "away"} })
	assert.Equal(t, web.Loading, state().Is, "no data yet")
	assert.Equal(t, "away", state().Info.StaleReason)
	f.Answer("/pulse", testcache.Loading(""))
	assert.Equal(t, web.Loading, state().Is)
	f.Answer("/pulse", testcache.Hanging())
	assert.Equal(t, web.Down, state().Is)
	f.Answer("/pulse", testcache.Broken())
	s := state()
	assert.Equal(t, web.Unknown, s.Is)
	assert.Equal(t, -1, s.Attention)

	assert.Equal(t, f.Generation, s.Data(load.Meta{}).Info.Generation, "the last known state")
	d := s.Data(load.Meta{Generation: "b-2", GenerationTime: time.Unix(1_760_000_000, 0)})
	assert.Equal(t, web.Unknown, d.State)
	assert.Equal(t, "b-2", d.Generation)
	assert.EqualValues(t, 1_760_000_000, d.Info.CacheTime)
	assert.Zero(t, d.Info.CheckTime, "unknown for another generation")
	d = s.Data(load.Meta{Stale: true, StaleReason: "gone"})
	assert.Equal(t, web.Stale, d.State)
	assert.Equal(t, "gone", d.Info.StaleReason)
}

func TestMissing(t *testing.T) {
	for _, p := range []*wire.Problem{wire.NotInSource("x"), wire.SourceFailed("x", nil), wire.NotReady()} {
		require.NotNil(t, load.MissingOf("jobs", "/again", p))
		assert.Equal(t, load.MissingOf("jobs", "/again", p), load.MissingPart("jobs", "/again", p))
	}
	assert.Empty(t, load.MissingOf("jobs", "/again", wire.NotInSource("x")).Again, "trying again does not help")
	assert.Nil(t, load.MissingOf("jobs", "/again", errors.New("other")))
	assert.Nil(t, load.MissingOf("jobs", "/again", nil))
	assert.Nil(t, load.MissingPart("jobs", "/again", nil))
	assert.Equal(t, "/again", load.MissingPart("jobs", "/again", errors.New("other")).Again)
}
