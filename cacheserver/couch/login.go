package couch

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// CouchDB 3.4 and later lock a name for an address for five minutes after five
// wrong passwords, counted from the first, and then refuse the right one too. So
// no more than three are sent in that time, and a fourth when the password has
// changed meanwhile.
const (
	maxRefusals  = 3
	lockout      = 5*time.Minute + 10*time.Second
	firstWait    = 10 * time.Second       // after the first refusal in a row
	refusedWait  = time.Minute            // after the others, at least
	surelyKnown  = 500 * time.Millisecond // a login that was not refused in this time is good
	goodFor      = surelyKnown / 5        // after that one request asks again whether it is, before others are sent
	placeTries   = 3                      // a resource that was refused so often in a row is asked for once in refusedWait
	lockedReason = "temporarily locked"
	adminReason  = "not a server admin"
)

// LoginState says whether the server takes the user and the password.
type LoginState struct {
	Refused bool
	Locked  bool      // the server refuses every password for some minutes
	Since   time.Time // of the first refusal in a row
	Next    time.Time // not tried again before, unless the password changes
	Before  time.Time // since then the password before the newest one is used, which is refused; zero: the newest is
}

// login sends requests with the user and the password as they are now. All that
// the client sends goes through it, so that a password that is refused once is
// not sent by every reader: only one request asks whether it is good by now, at
// times that the server's lockout allows; the others fail without being sent.
//
// A refusal of one resource is not one of the login: the server's own page tells
// them apart.
type login struct {
	user     string
	password func() string // as it is now
	reread   func()        // told that it was refused
	base     *url.URL
	next     http.RoundTripper
	log      *slog.Logger
	name     func(path string) string // of a resource

	mu      sync.Mutex
	current string        // the password that the rest is about
	proven  *string       // the last one that was taken; nil: none
	refusal *refusedNew   // nil: current is the newest
	sent    []*refusal    // those within lockout, of any password
	inRow   int           // refusals since the login was good
	since   time.Time     // of the first of them
	last    time.Time     // of the last of them
	why     *Error        // of the last of them
	steps   int           // numbers requests and refusals, in their order
	turned  int           // the step of the last refusal or change of the password
	untried bool          // current has not been sent since the last refusal
	unsure  int           // requests under way whose login may be refused yet
	good    time.Time     // when the login was known to be good the last time
	moved   chan struct{} // closed when one of them is through
	places  map[string]*place
}

// refusal is a request with a password that the server did not take.
type refusal struct{ at time.Time }

// place is a resource that was refused though the login is good.
type place struct {
	inRow int
	last  time.Time
	step  int // of the last of them
	why   *Error
}

func newLogin(o *Options, base *url.URL, next http.RoundTripper) *login {
	l := &login{
		user: o.User, password: o.PasswordNow, reread: o.Refused, base: base, next: next, log: o.Log, name: o.resource,
		moved: make(chan struct{}), places: map[string]*place{},
	}
	if l.password == nil {
		l.password = func() string { return o.Password }
	}
	l.current = l.password()
	return l
}

// RoundTrip sends a request unless it is known to be refused.
func (l *login) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Host != l.base.Host || req.URL.Scheme != l.base.Scheme {
		return l.next.RoundTrip(req) //nolint:wrapcheck // a redirect to a stranger, who gets no password
	}
	for again := false; ; again = true {
		resp, changed, err := l.try(req)
		if !changed || again || req.Body != nil && req.Body != http.NoBody && req.GetBody == nil {
			return resp, err
		}
		if req.GetBody != nil {
			body, err := req.GetBody()
			if err != nil {
				return nil, fmt.Errorf("send a request again: %w", err)
			}
			req = req.Clone(req.Context())
			req.Body = body
		}
	}
}

// try sends a request once. changed says that the login was refused and that
// there is another password by now.
func (l *login) try(req *http.Request) (resp *http.Response, changed bool, err error) {
	what := req.Method + " " + l.name(req.URL.Path)
	if err := l.closedPlace(what); err != nil {
		return nil, false, failUnsent(req, err)
	}
	password, turn, err := l.enter(req.Context())
	if err != nil {
		return nil, false, failUnsent(req, err)
	}
	defer turn.end()
	resp, err = l.send(req, password)
	if err != nil || resp.StatusCode >= http.StatusInternalServerError {
		return resp, false, err // the server's word, or a proxy's: it says nothing of the login
	}
	if resp.StatusCode != http.StatusUnauthorized && resp.StatusCode != http.StatusForbidden {
		l.accepted(turn, password)
		l.placeOpen(turn, what)
		return resp, false, nil
	}
	why := readRefusal(resp)
	switch {
	case strings.Contains(why.Reason, adminReason):
		return resp, false, nil
	case l.user == "" || !l.wrongLogin(req.Context(), turn, password, why):
		l.placeRefused(what, why)
		return resp, false, nil
	}
	_ = resp.Body.Close() // it has been read
	return nil, l.look(password), why
}

// failUnsent is the error of a request that is not sent.
func failUnsent(req *http.Request, err error) error {
	if req.Body != nil {
		_ = req.Body.Close() // as a transport does
	}
	return err
}

// readRefusal reads what an answer says and leaves it readable.
func readRefusal(resp *http.Response) *Error {
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10)) // what can't be read says nothing
	_ = resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(body))
	var said struct{ Error, Reason string }
	if json.Unmarshal(body, &said) != nil {
		said.Error, said.Reason = "", ""
	}
	return &Error{Op: "log in", Kind: ErrUnauthorized, Status: resp.StatusCode, Code: said.Error, Reason: said.Reason}
}

func (l *login) send(req *http.Request, password string) (*http.Response, error) {
	if l.user != "" {
		req = req.Clone(req.Context())
		req.SetBasicAuth(l.user, password)
	}
	return l.next.RoundTrip(req) //nolint:wrapcheck // a round tripper passes on what it gets
}

// turn is a request under way whose login may be refused yet. Its fields are
// guarded by login.mu.
type turn struct {
	of    *login // nil: a request without a login
	step  int    // when it was sent
	over  bool
	timer *time.Timer
}

// begin counts a request; the caller has the lock.
func (l *login) begin() *turn {
	t := &turn{of: l, step: l.step()}
	l.unsure++
	t.timer = time.AfterFunc(surelyKnown, t.known)
	return t
}

// step is the number of what happens now; the caller has the lock.
func (l *login) step() int {
	l.steps++
	return l.steps
}

// known is end for a login that was not refused in time.
func (t *turn) known() {
	t.of.mu.Lock()
	defer t.of.mu.Unlock()
	if !t.over && t.of.inRow == 0 && t.step > t.of.turned {
		t.of.good = time.Now()
	}
	t.finish()
}

// end says that the request's login is known to be good, or not. It may be
// called again.
func (t *turn) end() {
	if t.of != nil {
		t.of.mu.Lock()
		defer t.of.mu.Unlock()
		t.finish()
	}
}

// finish is end for a caller who has the lock.
func (t *turn) finish() {
	if t.over {
		return
	}
	t.over = true
	t.timer.Stop()
	t.of.unsure--
	close(t.of.moved)
	t.of.moved = make(chan struct{})
}

// enter waits until a request may be sent: few are under way whose login may be
// refused.
func (l *login) enter(ctx context.Context) (password string, t *turn, err error) {
	if l.user == "" {
		l.mu.Lock()
		defer l.mu.Unlock()
		return "", &turn{step: l.step()}, nil
	}
	for {
		l.mu.Lock()
		l.takeNew()
		now := time.Now()
		l.sent = slices.DeleteFunc(l.sent, func(r *refusal) bool { return now.Sub(r.at) >= lockout })
		moved := l.moved
		switch {
		case l.inRow == 0 && l.unsure < l.atOnce(now):
			password, t := l.current, l.begin()
			l.mu.Unlock()
			return password, t, nil
		case l.inRow > 0 && now.Before(l.nextTry()):
			err := l.held()
			l.mu.Unlock()
			return "", nil, err
		case l.inRow > 0 && l.unsure == 0:
			password, t := l.current, l.begin()
			l.mu.Unlock()
			if err := l.ask(ctx, t, password); err != nil {
				return "", nil, err
			}
			continue
		}
		l.mu.Unlock()
		select {
		case <-moved:
		case <-ctx.Done():
			return "", nil, ctx.Err() //nolint:wrapcheck // the caller looks at its context
		}
	}
}

// ask asks the server's own page whether the login is good, and ends its turn.
func (l *login) ask(ctx context.Context, t *turn, password string) error {
	defer t.end()
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(l.base.String(), "/")+"/", http.NoBody)
	if err != nil {
		return &Error{Op: "log in", Kind: ErrRefused, Err: plain(err)}
	}
	resp, err := l.send(req, password)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusForbidden {
		why := readRefusal(resp)
		l.refused(t, password, why)
		return why
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) // so that the connection can be used again
	if resp.StatusCode >= http.StatusInternalServerError {
		return ofStatus("log in", resp.StatusCode, "", "")
	}
	l.accepted(t, password)
	return nil
}

// closedPlace is the error of a resource that has been refused often.
func (l *login) closedPlace(what string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.places[what]
	if p == nil || p.inRow < placeTries || time.Since(p.last) >= refusedWait {
		return nil
	}
	e := *p.why
	e.Kind, e.Err = kindOfRefusal(e.Status), fmt.Errorf("not asked for again before %s", p.last.Add(refusedWait).UTC().Format(time.TimeOnly)) //nolint:err113 // for people
	return &e
}

func (l *login) placeRefused(what string, why *Error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := cmp.Or(l.places[what], &place{})
	p.inRow++
	p.last, p.step, p.why = time.Now(), l.step(), why
	l.places[what] = p
}

// placeOpen notes that a resource was answered, unless the request is older than
// its last refusal.
func (l *login) placeOpen(t *turn, what string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if p := l.places[what]; p != nil && t.step > p.step {
		delete(l.places, what)
	}
}
