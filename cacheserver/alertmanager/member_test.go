package alertmanager_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/alertmanager"
)

// A member that fails, or does not answer, holds up no other. It gets the
// newest set when it works again; each change of its state is logged once.
func TestMembersThatFail(t *testing.T) {
	for name, answer := range map[string]func(*http.Request) (*http.Response, error){
		"an error":      func(*http.Request) (*http.Response, error) { return respond(500, "out of \"disk\""), nil },
		"a redirect":    func(*http.Request) (*http.Response, error) { return respond(302, ""), nil },
		"no connection": func(*http.Request) (*http.Response, error) { return nil, errors.New("connection refused") },
		"no answer": func(req *http.Request) (*http.Response, error) {
			<-req.Context().Done()
			return nil, req.Context().Err()
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, r *rig) {
				var tries atomic.Int64
				r.members.respondWith("b", func(req *http.Request) (*http.Response, error) { tries.Add(1); return answer(req) })
				r.load(r.workflow("w1", "failed", "A"))
				r.run("a", "b")
				r.pass(5 * every)
				assert.Len(t, r.members.of("a"), 6)
				assert.Empty(t, r.members.of("b"))
				assert.Greater(t, tries.Load(), int64(7), "it is tried again")
				assert.Less(t, tries.Load(), int64(20), "with growing waits")
				r.apply(r.workflow("w1", "completed", "A"), r.workflow("w2", "failed", "A"))
				r.pass(every)
				r.members.respondWith("b", nil)
				r.pass(every)
				got := r.members.of("b")
				require.NotEmpty(t, got)
				assert.Equal(t, []string{"failed w2"}, names(got[0].holding()), "the newest set first")
				assert.Equal(t, []string{"failed w1"}, names(got[0].over()))
				r.pass(3 * every)
				r.stop()
				assert.Equal(t, 1, countOf(r.log.String(), "does not accept alerts"), r.log)
				assert.Equal(t, 1, countOf(r.log.String(), "accepts alerts again"), r.log)
				assert.EqualValues(t, tries.Load(), r.results[false])
				assert.Equal(t, len(r.members.of("a"))+len(r.members.of("b")), r.results[true])
			})
		})
	}
}

// Run ends at once, whatever a member does. That does not count as a failure.
func TestStopDuringAPost(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.members.respondWith("a", func(req *http.Request) (*http.Response, error) {
			<-req.Context().Done()
			return nil, req.Context().Err()
		})
		r.load(r.workflow("w1", "failed", "A"))
		r.run()
		stopped := time.Now()
		r.stop()
		synctest.Wait()
		assert.Equal(t, stopped, time.Now())
		assert.Empty(t, r.log.String())
		assert.Empty(t, r.results)
	})
}

// Credentials do not follow a redirect.
func TestNoRedirects(t *testing.T) {
	var followed atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/elsewhere" {
			followed.Store(true)
		}
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	}))
	defer server.Close()
	client := alertmanager.NewClient(nil)
	defer client.CloseIdleConnections()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, http.NoBody)
	require.NoError(t, err)
	resp, err := client.Do(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	assert.Equal(t, http.StatusTemporaryRedirect, resp.StatusCode)
	assert.False(t, followed.Load())
}

func TestCheckURL(t *testing.T) {
	for at, want := range map[string]string{
		"http://am:9093": "", "https://am.cern.ch/alerts/": "",
		"": "want http", "am:9093": "want http", "ftp://am": "want http", "http://": "want http", "http://am?x=1": "want http", "http://am/%zz": "want http",
		"https://reader:s3cret@am": "without user", "https://s3cret@am": "without user",
	} {
		err := alertmanager.CheckURL(at)
		if want == "" {
			assert.NoError(t, err, at)
			continue
		}
		require.ErrorContains(t, err, want, at)
		assert.NotContains(t, err.Error(), "s3cret")
	}
}
