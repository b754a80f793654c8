package couch

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/mock/couchfake"
)

// closing is a server that closes its open connections.
type closing interface {
	http.Handler
	Close() error
}

// saying is a server without open connections.
type saying struct{ http.HandlerFunc }

func (saying) Close() error { return nil }

// inMemory serves a stand-in over pipes, in the time of the test's bubble, and
// returns a client whose password is in the pointer.
func inMemory(t *testing.T, srv closing, password *atomic.Pointer[string], change ...func(*Options)) *Client {
	t.Helper()
	network := pipes{make(chan net.Conn), make(chan struct{})}
	web := &http.Server{Handler: srv, ReadHeaderTimeout: time.Minute}
	served := make(chan struct{})
	go func() { defer close(served); _ = web.Serve(network) }()
	o := Options{URL: "http://couch.invalid:5984", Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return network.dial(ctx)
	}}
	if password != nil {
		o.User, o.PasswordNow = "wm", func() string { return *password.Load() }
	}
	for _, c := range change {
		c(&o)
	}
	c, err := New(o)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, c.Close())
		require.NoError(t, srv.Close())
		require.NoError(t, web.Close())
		<-served
	})
	return c
}

func pointer(text string) *atomic.Pointer[string] {
	p := &atomic.Pointer[string]{}
	p.Store(&text)
	return p
}

func set(p *atomic.Pointer[string], text string) { p.Store(&text) }

func secured(t *testing.T, o couchfake.Options) *couchfake.Server {
	t.Helper()
	o.User, o.BuiltinViews = "wm", true
	if o.Password == "" {
		o.Password = "right"
	}
	return filled(t, o)
}

// filled returns a stand-in with some documents, for inMemory.
func filled(t *testing.T, o couchfake.Options) *couchfake.Server {
	t.Helper()
	srv := couchfake.New(o)
	for _, db := range []string{requestDB, wmstatsDB, "wmstats_logdb"} {
		require.NoError(t, srv.Create(db))
	}
	fill(t, srv)
	return srv
}

// hammer reads concurrently in many ways until stop is called, which returns the
// last error of each reader.
func hammer(t *testing.T, c *Client) (stop func() []error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	reads := []func(ctx context.Context) error{
		func(ctx context.Context) error { _, err := c.Position(ctx, Requests); return err },
		func(ctx context.Context) error { _, err := c.Position(ctx, WMStats); return err },
		func(ctx context.Context) error { _, err := c.Detail(ctx, "r2", []string{"a1-r2"}); return err },
		func(ctx context.Context) error { _, err := c.JobErrors(ctx, "r2"); return err },
		func(ctx context.Context) error { _, err := c.LogEntries(ctx, "r2"); return err },
		func(ctx context.Context) error { _, _, err := rowsOf(ctx, c, Requests, "new"); return err },
		func(ctx context.Context) error {
			_, err := changesOf(ctx, c, WMStats, "", FeedOptions{Once: true})
			return err
		},
	}
	last := make([]error, 2*len(reads))
	var group sync.WaitGroup
	for i := range last {
		group.Go(func() {
			for ctx.Err() == nil {
				if err := reads[i%len(reads)](ctx); ctx.Err() == nil {
					last[i] = err
				}
				time.Sleep(time.Duration(1900+10*i) * time.Millisecond)
			}
		})
	}
	return func() []error { cancel(); group.Wait(); return last }
}

// However many readers ask, a server that locks after five wrong passwords in
// five minutes never locks, and is asked about once a minute; the right password
// works at once.
func TestAWrongPasswordTriggersNoLockout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := secured(t, couchfake.Options{})
		password := pointer("wrong")
		c := inMemory(t, srv, password)
		stop := hammer(t, c)
		time.Sleep(12 * time.Minute)
		assert.Zero(t, srv.Logins().Locked)
		assert.InDelta(t, 9, srv.Logins().Wrong, 3)
		state := c.Login()
		assert.True(t, state.Refused)
		assert.False(t, state.Locked)
		assert.True(t, state.Next.After(time.Now()), "%v", state)
		set(password, "wrong again")
		time.Sleep(12 * time.Minute)
		assert.Zero(t, srv.Logins().Locked)
		set(password, "right")
		time.Sleep(4 * time.Second)
		assert.Equal(t, LoginState{}, c.Login())
		for i, err := range stop() {
			require.NoError(t, err, i)
		}
		assert.Zero(t, srv.Logins().Locked)
	})
}

// Repeated changes of the password file to wrong passwords do not trigger the
// lockout either.
func TestManyWrongPasswordsTriggerNoLockout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := secured(t, couchfake.Options{})
		password := pointer("wrong")
		c := inMemory(t, srv, password)
		stop := hammer(t, c)
		for i := range 250 {
			set(password, fmt.Sprint("wrong ", i))
			time.Sleep(3 * time.Second)
		}
		stop()
		assert.Zero(t, srv.Logins().Locked)
	})
}

// The server's password changes while many read, and the file some time later.
// Readers see only refusals, nothing is locked, and nothing needs a restart.
func TestAChangedPassword(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := secured(t, couchfake.Options{})
		password := pointer("right")
		c := inMemory(t, srv, password)
		stop := hammer(t, c)
		time.Sleep(10 * time.Second)
		require.Equal(t, LoginState{}, c.Login())
		for round := range 5 {
			next := fmt.Sprint("right ", round)
			srv.SetLogin("wm", next) // CouchDB forgets earlier wrong passwords
			require.Equal(t, 0, srv.Logins().Locked)
			time.Sleep(time.Duration(round) * 80 * time.Second)
			set(password, next)
			time.Sleep(4 * time.Second)
			require.Equal(t, LoginState{}, c.Login(), "round %d", round)
			time.Sleep(lockout)
		}
		for i, err := range stop() {
			require.NoError(t, err, i)
		}
		assert.Zero(t, srv.Logins().Locked)
	})
}

// The file has the new password before the server accepts it. The previous one
// is used meanwhile, no read fails, and the new one is used as soon as the old
// one is refused.
func TestThePasswordFileIsChangedFirst(t *testing.T) {
	for _, ahead := range []time.Duration{0, time.Second, 12 * time.Second, 70 * time.Second, 11 * time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			srv := secured(t, couchfake.Options{})
			password := pointer("right")
			c := inMemory(t, srv, password)
			read := func() {
				var readers sync.WaitGroup
				for range 4 {
					readers.Go(func() {
						_, err := c.Position(t.Context(), Requests)
						assert.NoError(t, err, "%s ahead", ahead)
					})
				}
				readers.Wait()
			}
			read()
			for round := range 2 {
				next := fmt.Sprint("right ", round)
				set(password, next)
				for end := time.Now().Add(ahead); time.Now().Before(end); time.Sleep(ahead / 20) {
					read()
					require.False(t, c.Login().Before.IsZero(), "reported: the new password is refused")
				}
				srv.SetLogin("wm", next)
				read()
				read()
				require.Equal(t, LoginState{}, c.Login(), "%s ahead, round %d", ahead, round)
				time.Sleep(lockout)
			}
			assert.Zero(t, srv.Logins().Locked)
		})
	}
}

// In the end both are refused, and the lockout is still not triggered.
func TestANewPasswordThatIsNeverAccepted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := secured(t, couchfake.Options{})
		password := pointer("right")
		c := inMemory(t, srv, password)
		stop := hammer(t, c)
		time.Sleep(10 * time.Second)
		set(password, "mistyped")
		time.Sleep(6 * time.Minute)
		require.False(t, c.Login().Refused, "the previous one works")
		srv.SetLogin("wm", "another")
		time.Sleep(time.Minute)
		require.True(t, c.Login().Refused)
		set(password, "another")
		time.Sleep(lockout)
		require.Equal(t, LoginState{}, c.Login())
		stop()
		assert.Zero(t, srv.Logins().Locked)
	})
}

// The right password is refused for a moment, as by a server that starts or by
// one copy of a cluster, while many ask at once, at the start and later. It is
// sent again after ten seconds: concurrent requests do not use up the attempts
// that the lockout allows.
func TestAShortRefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := secured(t, couchfake.Options{})
		c := inMemory(t, srv, pointer("right"))
		for range 3 {
			srv.SetLogin("wm", "another")
			var readers sync.WaitGroup
			for range 10 {
				readers.Go(func() {
					_, err := c.Position(t.Context(), Requests)
					assert.ErrorIs(t, err, ErrUnauthorized)
				})
			}
			readers.Wait()
			require.True(t, c.Login().Refused)
			srv.SetLogin("wm", "right")
			time.Sleep(firstWait)
			_, err := c.Position(t.Context(), Requests)
			require.NoError(t, err)
			require.Equal(t, LoginState{}, c.Login())
			time.Sleep(lockout)
		}
		assert.Zero(t, srv.Logins().Locked)
	})
}

// A reader does not notice the refusal.
func TestThePasswordIsReadAgainWhenItIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := secured(t, couchfake.Options{})
		password := pointer("old")
		c := inMemory(t, srv, password, func(o *Options) { o.Refused = func() { set(password, "right") } })
		for range 3 {
			_, err := c.Position(t.Context(), Requests)
			require.NoError(t, err)
			rows, _, err := rowsOf(t.Context(), c, Requests, "new", "running-open")
			require.NoError(t, err)
			require.Len(t, rows, 2)
			srv.SetLogin("wm", "newer")
			c.login.reread = func() { set(password, "newer") }
		}
	})
}

// If somebody else has triggered the lockout, the right password waits for its
// end too.
func TestALockedUserWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := secured(t, couchfake.Options{})
		password := pointer("right")
		c := inMemory(t, srv, password)
		for range 5 {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
			r.RemoteAddr = "pipe"
			r.SetBasicAuth("wm", "wrong")
			srv.ServeHTTP(httptest.NewRecorder(), r)
		}
		_, err := c.Position(t.Context(), Requests)
		require.ErrorIs(t, err, ErrUnauthorized)
		assert.Equal(t, "the database server has locked the user after wrong passwords", Public(err))
		assert.True(t, c.Login().Locked)
		stop := hammer(t, c)
		time.Sleep(lockout - time.Second)
		assert.Equal(t, 1, srv.Logins().Locked)
		time.Sleep(4 * time.Second)
		for i, err := range stop() {
			require.NoError(t, err, i)
		}
		assert.Equal(t, 1, srv.Logins().Locked)
	})
}

// It is requested once a minute after the third refusal, and everything else is
// read normally.
func TestAForbiddenResource(t *testing.T) {
	for _, kind := range []couchfake.Kind{couchfake.Forbid, couchfake.Deny} {
		for _, user := range []bool{true, false} {
			t.Run(fmt.Sprint(kind, user), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					srv, password := secured(t, couchfake.Options{}), pointer("right")
					if !user {
						srv.SetLogin("", "")
						password = nil
					}
					c := inMemory(t, srv, password)
					fault := srv.Misbehave(couchfake.Fault{Match: couchfake.Match{Path: "/" + wmstatsDB}, Kind: kind})
					for range 1200 {
						_, err := c.Position(t.Context(), WMStats)
						require.Error(t, err)
						require.True(t, errors.Is(err, ErrForbidden) || errors.Is(err, ErrUnauthorized), err)
						_, err = c.Position(t.Context(), Requests)
						require.NoError(t, err)
						time.Sleep(500 * time.Millisecond)
					}
					assert.InDelta(t, 12, fault.Hits(), 1)
					assert.Equal(t, LoginState{}, c.Login())
					fault.Clear()
					time.Sleep(time.Minute)
					_, err := c.Position(t.Context(), WMStats)
					require.NoError(t, err)
				})
			})
		}
	}
}

// Errors of the server, or of a proxy without a server, say nothing about the
// login.
func TestAServerErrorIsNotARefusedLogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := secured(t, couchfake.Options{})
		password := pointer("wrong")
		c := inMemory(t, srv, password)
		_, err := c.Position(t.Context(), Requests)
		require.ErrorIs(t, err, ErrUnauthorized)
		srv.Misbehave(couchfake.Fault{Kind: couchfake.FailStatus, Status: 502})
		set(password, "right")
		_, err = c.Position(t.Context(), Requests)
		require.ErrorIs(t, err, ErrServer)
		assert.True(t, c.Login().Refused)
		srv.Behave()
		_, err = c.Position(t.Context(), Requests)
		require.NoError(t, err)
		assert.False(t, c.Login().Refused)
	})
}

// A redirect to another server gets no password.
func TestARedirectGetsNoPassword(t *testing.T) {
	stranger := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		assert.Empty(t, r.Header.Get("Authorization"))
		w.WriteHeader(http.StatusForbidden)
	}))
	t.Cleanup(stranger.Close)
	c := answers(t, func(w http.ResponseWriter, r *http.Request) {
		assert.NotEmpty(t, r.Header.Get("Authorization"))
		http.Redirect(w, r, stranger.URL, http.StatusFound)
	}, func(o *Options) { o.User, o.Password = "u", "secret" })
	_, err := c.Position(t.Context(), Requests)
	require.Error(t, err)
}
