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
	"strconv"
	"strings"
	"sync"
	"time"
)

// CouchDB 3.4 and later lock a name for an address for five minutes after five
// wrong passwords, counted from the first, and then refuse the right one as
// well. So at most three are sent in that time, and a fourth if the password has
// changed meanwhile.
const (
	maxRefusals  = 3
	lockout      = 5*time.Minute + 10*time.Second
	firstWait    = 10 * time.Second       // after the first consecutive refusal
	refusedWait  = time.Minute            // minimum wait after the others
	surelyKnown  = 500 * time.Millisecond // a login that was not refused within this time is good
	goodFor      = surelyKnown / 5        // after this time one request checks the login again before others are sent
	placeTries   = 3                      // after so many consecutive refusals, a resource is requested once per refusedWait
	lockedReason = "temporarily locked"
	adminReason  = "not a server admin"
)

// LoginState describes whether the server accepts the user and the password.
type LoginState struct {
	Refused bool
	Locked  bool      // the server refuses every password for some minutes
	Since   time.Time // first consecutive refusal
	Next    time.Time // no attempt before, unless the password changes
	Before  time.Time // since when the previous password is used because the newest is refused; zero: the newest is used
}

// login sends requests with the current user and password. All requests of the
// client go through it, so that a refused password is not sent by every reader:
// one request checks whether it is accepted by now, at times that the server's
// lockout allows; the others fail without being sent.
//
// A refusal of one resource is not one of the login: the server's session page
// tells them apart.
type login struct {
	user     string
	password func() string // current password
	reread   func()        // called when it was refused
	token    func() string // current bearer token, without a user; nil: none
	number   func() int    // changes with the certificate
	base     *url.URL
	next     http.RoundTripper
	log      *slog.Logger
	name     func(path string) string // of a resource

	mu      sync.Mutex
	shown   string        // token and number that the places are about
	current string        // the password that the fields below describe
	proven  *string       // the last one that was accepted; nil: none
	refusal *refusedNew   // nil: current is the newest
	sent    []*refusal    // those within lockout, for any password
	inRow   int           // refusals since the login was last good
	since   time.Time     // of the first of them
	last    time.Time     // of the last of them
	why     *Error        // of the last of them
	steps   int           // counter that orders requests and refusals
	turned  int           // step of the last refusal or password change
	untried bool          // current has not been sent since the last refusal
	unsure  int           // requests in progress whose login may still be refused
	good    time.Time     // when the login was last known to be good
	moved   chan struct{} // closed when one of them has finished
	places  map[string]*place
}

// refusal is a request whose password the server did not accept.
type refusal struct{ at time.Time }

// place is a resource that was refused although the login is good.
type place struct {
	inRow int
	last  time.Time
	step  int // of the last one
	why   *Error
}

func newLogin(o *Options, base *url.URL, next http.RoundTripper) *login {
	l := &login{
		user: o.User, password: o.PasswordNow, reread: o.Refused, token: o.Token, number: o.TLS.Number, base: base, next: next, log: o.Log, name: o.resource,
		moved: make(chan struct{}), places: map[string]*place{},
	}
	if l.password == nil {
		l.password = func() string { return o.Password }
	}
	l.current = l.password()
	return l
}

// RoundTrip sends a request unless it would be refused.
func (l *login) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Host != l.base.Host || req.URL.Scheme != l.base.Scheme {
		return l.next.RoundTrip(req) //nolint:wrapcheck // a redirect to another server, which gets no password
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

// try sends a request once. changed means that the login was refused and that
// there is another password now.
func (l *login) try(req *http.Request) (resp *http.Response, changed bool, err error) {
	what := req.Method + " " + l.name(req.URL.Path)
	l.lookAtCredentials()
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
		return resp, false, err // an answer of the server or a proxy that says nothing about the login
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
	_ = resp.Body.Close() // the body has been read
	return nil, l.look(password), why
}

// lookAtCredentials allows requests for refused resources again when the token or
// the certificate has changed: the new one may be allowed to read more.
func (l *login) lookAtCredentials() {
	now := strconv.Itoa(l.number())
	if l.token != nil {
		now += " " + l.token()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if now != l.shown {
		l.shown = now
		clear(l.places)
	}
}

// failUnsent returns the error of a request that is not sent.
func failUnsent(req *http.Request, err error) error {
	if req.Body != nil {
		_ = req.Body.Close() // as a transport does
	}
	return err
}

// readRefusal reads the error in an answer and leaves the body readable.
func readRefusal(resp *http.Response) *Error {
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10)) // an unreadable body has no error text
	_ = resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(body))
	var said struct{ Error, Reason string }
	if json.Unmarshal(body, &said) != nil {
		said.Error, said.Reason = "", ""
	}
	return &Error{Op: "log in", Kind: ErrUnauthorized, Status: resp.StatusCode, Code: said.Error, Reason: said.Reason}
}

func (l *login) send(req *http.Request, password string) (*http.Response, error) {
	switch {
	case l.user != "":
		req = req.Clone(req.Context())
		req.SetBasicAuth(l.user, password)
	case l.token != nil:
		req = req.Clone(req.Context())
		req.Header.Set("Authorization", "Bearer "+l.token())
	}
	return l.next.RoundTrip(req) //nolint:wrapcheck // a round tripper returns the error as it is
}

// turn is a request in progress whose login may still be refused. login.mu
// guards its fields.
type turn struct {
	of    *login // nil: a request without a login
	step  int    // when it was sent
	over  bool
	timer *time.Timer
}

// begin counts a request; the caller holds the lock.
func (l *login) begin() *turn {
	t := &turn{of: l, step: l.step()}
	l.unsure++
	t.timer = time.AfterFunc(surelyKnown, t.known)
	return t
}

// step returns the number of the current event; the caller holds the lock.
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

// end ends the turn: whether the login is good is known, or will not be. It may
// be called again.
func (t *turn) end() {
	if t.of != nil {
		t.of.mu.Lock()
		defer t.of.mu.Unlock()
		t.finish()
	}
}

// finish is end for a caller that holds the lock.
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

// enter waits until a request may be sent: few may be in progress while the
// login may still be refused.
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
			return "", nil, ctx.Err() //nolint:wrapcheck // the caller checks its context
		}
	}
}

// ask checks the login at the server's session page, and ends its turn.
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
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) // so that the connection can be reused
	if resp.StatusCode >= http.StatusInternalServerError {
		return ofStatus("log in", resp.StatusCode, "", "")
	}
	l.accepted(t, password)
	return nil
}

// closedPlace returns the error of a resource that has been refused repeatedly.
func (l *login) closedPlace(what string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.places[what]
	if p == nil || p.inRow < placeTries || time.Since(p.last) >= refusedWait {
		return nil
	}
	e := *p.why
	e.Kind, e.Err = kindOfRefusal(e.Status), fmt.Errorf("not requested again before %s", p.last.Add(refusedWait).UTC().Format(time.TimeOnly)) //nolint:err113 // for people
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

// placeOpen records that a resource was answered, unless the request is older
// than its last refusal.
func (l *login) placeOpen(t *turn, what string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if p := l.places[what]; p != nil && t.step > p.step {
		delete(l.places, what)
	}
}
