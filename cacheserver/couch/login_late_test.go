package couch

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// overtaken is a server whose password changes during a request.
type overtaken struct {
	password atomic.Value
	sent     []string // path and password of each request
}

func (s *overtaken) RoundTrip(r *http.Request) (*http.Response, error) {
	_, password, _ := r.BasicAuth()
	s.sent = append(s.sent, r.URL.Path+" "+password)
	s.password.Store("new")
	resp := &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(`{}`)), Request: r}
	if password != "new" {
		resp.StatusCode = http.StatusUnauthorized
		resp.Body = io.NopCloser(strings.NewReader(`{"error":"unauthorized","reason":"Name or password is incorrect."}`))
	}
	return resp, nil
}

// A request that was in progress when the password changed costs one wrong
// login, and no second one for a check: several would trigger the server's
// lockout.
func TestARequestOvertakenByANewPassword(t *testing.T) {
	s := &overtaken{}
	s.password.Store("old")
	o, base, err := Options{URL: "http://couch.invalid", User: "u", PasswordNow: func() string { text, _ := s.password.Load().(string); return text }}.withDefaults()
	require.NoError(t, err)
	l := newLogin(&o, base, s)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, (&url.URL{Scheme: "http", Host: base.Host, Path: "/wmstats"}).String(), nil)
	require.NoError(t, err)
	resp, err := l.RoundTrip(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	require.Equal(t, http.StatusOK, resp.StatusCode)
	require.Equal(t, []string{"/wmstats old", "/wmstats new"}, s.sent)
}

// slow is a server that delays the answers for the paths in held: it checks the
// password at once and answers when the channel is closed, as CouchDB does for a
// view whose index is being built.
type slow struct {
	mu       sync.Mutex
	password string
	held     map[string]chan struct{}
	wrong    int // refused passwords
}

func (s *slow) RoundTrip(r *http.Request) (*http.Response, error) {
	_, password, _ := r.BasicAuth()
	s.mu.Lock()
	right, held := password == s.password, s.held[r.URL.Path]
	if !right {
		s.wrong++
	}
	s.mu.Unlock()
	resp := &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(`{}`)), Request: r}
	if !right {
		resp.StatusCode = http.StatusUnauthorized
		resp.Body = io.NopCloser(strings.NewReader(`{"error":"unauthorized","reason":"Name or password is incorrect."}`))
		return resp, nil
	}
	if held != nil {
		<-held
	}
	return resp, nil
}

// An answer to a request that was sent before the login was refused does not
// mark the login as good. Otherwise each of them would let one more wrong
// password through, up to the server's lockout.
func TestAnAnswerFromBeforeTheRefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &slow{password: "right", held: map[string]chan struct{}{}}
		o, base, err := Options{URL: "http://couch.invalid", User: "u", Password: "right"}.withDefaults()
		require.NoError(t, err)
		l := newLogin(&o, base, s)
		ask := func(path string) error {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://couch.invalid"+path, nil)
			if err != nil {
				return err
			}
			resp, err := l.RoundTrip(req)
			if err == nil {
				err = resp.Body.Close()
			}
			return err
		}
		paths := []string{"/a", "/b", "/c", "/d"}
		var under sync.WaitGroup
		for _, path := range paths {
			s.mu.Lock()
			s.held[path] = make(chan struct{})
			s.mu.Unlock()
			under.Go(func() { assert.NoError(t, ask(path)) })
			time.Sleep(time.Second)
		}
		s.mu.Lock()
		s.password = "another"
		s.mu.Unlock()
		require.ErrorIs(t, ask("/now"), ErrUnauthorized)
		said := l.state()
		require.True(t, said.Refused)
		for _, path := range paths {
			close(s.held[path])
			synctest.Wait()
			require.Equal(t, said, l.state(), "the answer to %s is older than the refusal", path)
			require.ErrorIs(t, ask("/now"), ErrUnauthorized)
		}
		under.Wait()
		require.LessOrEqual(t, s.wrong, maxRefusals)
		s.mu.Lock()
		s.password = "right"
		s.mu.Unlock()
		time.Sleep(firstWait)
		require.NoError(t, ask("/now"))
		require.Equal(t, LoginState{}, l.state())
	})
}

// The same for one resource. It stays closed for its minute, whatever was in
// progress before.
func TestAnAnswerFromBeforeAResourceIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for user, password := range map[string]string{"u": "right", "": ""} {
			s := &closingPlace{held: make(chan struct{})}
			o, base, err := Options{URL: "http://couch.invalid", User: user, Password: password}.withDefaults()
			require.NoError(t, err)
			l := newLogin(&o, base, s)
			ask := func(path string) (int, error) {
				req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://couch.invalid"+path, nil)
				if err != nil {
					return 0, err
				}
				resp, err := l.RoundTrip(req)
				if err != nil {
					return 0, err
				}
				return resp.StatusCode, resp.Body.Close()
			}
			var under sync.WaitGroup
			under.Go(func() {
				status, err := ask("/wmstats")
				assert.NoError(t, err)
				assert.Equal(t, http.StatusOK, status)
			})
			synctest.Wait()
			for range placeTries {
				status, err := ask("/wmstats")
				require.NoError(t, err)
				require.Equal(t, http.StatusForbidden, status)
			}
			close(s.held)
			under.Wait()
			_, err = ask("/wmstats")
			require.ErrorIs(t, err, ErrForbidden, "not sent")
			require.Equal(t, 1+placeTries, s.asked)
		}
	})
}

// closingPlace is a server that answers the first request for a resource when
// held is closed, and refuses all others.
type closingPlace struct {
	mu    sync.Mutex
	asked int
	held  chan struct{}
}

func (s *closingPlace) RoundTrip(r *http.Request) (*http.Response, error) {
	resp := &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(`{}`)), Request: r}
	if r.URL.Path == "/" {
		return resp, nil // the login is good
	}
	s.mu.Lock()
	s.asked++
	first := s.asked == 1
	s.mu.Unlock()
	if first {
		<-s.held
		return resp, nil
	}
	resp.StatusCode = http.StatusForbidden
	resp.Body = io.NopCloser(strings.NewReader(`{"error":"forbidden","reason":"You are not allowed to access this db."}`))
	return resp, nil
}
