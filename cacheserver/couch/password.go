package couch

// This file decides which password is sent and when: the newest; the previous
// one while the new one is refused; and none if another wrong one could trigger
// the lockout.

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// refusedNew is the newest password while the server refuses it and still
// accepts the previous one: often the file is changed first. It is sent again
// when the previous one is refused, or when the lockout period has passed.
type refusedNew struct {
	password string
	at       time.Time
}

// atOnce returns how many requests with an unconfirmed login may be in progress:
// simultaneous readers must not use up all attempts that the lockout allows. The
// caller holds the lock.
func (l *login) atOnce(now time.Time) int {
	if now.Sub(l.good) > goodFor {
		return 1
	}
	return max(1, maxRefusals-len(l.sent))
}

// takeNew reads the current password; the caller holds the lock.
func (l *login) takeNew() {
	now := l.password()
	if l.refusal != nil && now == l.refusal.password && time.Since(l.refusal.at) < lockout {
		return
	}
	l.refusal = nil
	if now != l.current {
		l.current, l.untried = now, l.inRow > 0
		l.good, l.turned = time.Time{}, l.step() // one request checks it first
		clear(l.places)                          // the new user may be allowed to read more
	}
}

// other switches to a password that may be good when the current one is refused:
// from a new one to the previous one, and back when that is refused too. The
// caller holds the lock.
func (l *login) other() (changed bool) {
	switch {
	case l.proven == nil:
		return false
	case *l.proven != l.current: // a new one
		l.refusal = &refusedNew{l.current, time.Now()}
		l.log.Warn("CouchDB refuses the new password; using the previous one while it is accepted", "user", l.user)
		l.current = *l.proven
	case l.refusal != nil: // the previous one
		l.current, l.refusal = l.refusal.password, nil
		l.proven = nil
	default:
		l.proven = nil
		return false
	}
	l.good = time.Time{}
	return true
}

// nextTry returns when the login may be tried again; the caller holds the lock.
func (l *login) nextTry() time.Time {
	n := len(l.sent)
	switch {
	case l.untried && n <= maxRefusals:
		return time.Time{}
	case l.untried:
		return l.sent[n-maxRefusals-1].at.Add(lockout)
	case strings.Contains(l.why.Reason, lockedReason):
		return l.last.Add(lockout)
	}
	next := l.last.Add(refusedWait)
	if l.inRow == 1 {
		next = l.last.Add(firstWait)
	}
	if n >= maxRefusals && l.sent[n-maxRefusals].at.Add(lockout).After(next) {
		next = l.sent[n-maxRefusals].at.Add(lockout)
	}
	return next
}

// held returns the error of a request that is not sent; the caller holds the
// lock.
func (l *login) held() *Error {
	e := *l.why
	e.Err = fmt.Errorf("not tried again before %s", l.nextTry().UTC().Format(time.TimeOnly)) //nolint:err113 // for people
	return &e
}

// wrongLogin reports whether a refusal is one of the login rather than of the
// resource. It ends the turn.
func (l *login) wrongLogin(ctx context.Context, t *turn, password string, why *Error) bool {
	if strings.Contains(why.Reason, lockedReason) {
		l.refused(t, password, why)
		return true
	}
	if l.look(password) { // sent before the password was changed: a check would be one more wrong attempt
		l.refused(t, password, why)
		return true
	}
	l.mu.Lock()
	t.finish()
	this := &refusal{time.Now()}
	l.sent = append(l.sent, this)
	var question *turn
	if l.inRow == 0 && len(l.sent)+l.unsure < maxRefusals {
		question = l.begin()
	}
	l.mu.Unlock()
	if question != nil {
		err := l.ask(ctx, question, password)
		var said *Error
		switch {
		case err == nil:
			l.mu.Lock()
			defer l.mu.Unlock()
			l.sent = slices.DeleteFunc(l.sent, func(r *refusal) bool { return r == this })
			return false
		case errors.As(err, &said) && errors.Is(said.Kind, ErrUnauthorized):
			return true // ask has recorded it
		}
	}
	// The server can't be asked; its error text decides.
	if !strings.Contains(why.Reason, "assword") {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.note(password, why)
	return true
}

// refused records that a password was sent and not accepted.
func (l *login) refused(t *turn, password string, why *Error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t.finish()
	if !strings.Contains(why.Reason, lockedReason) {
		l.sent = append(l.sent, &refusal{time.Now()})
	}
	l.note(password, why)
}

// note records that the login is not good; the caller holds the lock.
func (l *login) note(password string, why *Error) {
	if password != l.current {
		return // a password that is no longer in use
	}
	l.turned = l.step()
	begins := l.inRow == 0
	if begins && !strings.Contains(why.Reason, lockedReason) && l.other() {
		return
	}
	now := time.Now()
	if begins {
		l.since = now
	}
	if begins || now.Sub(l.last) > surelyKnown { // otherwise it was in progress together with the previous one
		l.inRow++
	}
	l.last, l.why, l.untried = now, why, false
	if begins {
		l.log.Warn("CouchDB refuses the user or the password", "user", l.user, "next_try", l.nextTry(), "err", why)
	}
}

// accepted records that the login is good, unless the request is older than the
// last refusal: the server may answer long after it has checked the password.
func (l *login) accepted(t *turn, password string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if password != l.current || t.step < l.turned {
		return
	}
	l.good = time.Now()
	if l.proven == nil || *l.proven != password {
		l.proven = &password
	}
	if l.inRow == 0 {
		return
	}
	l.log.Info("CouchDB accepts the password again", "user", l.user, "refused_for", time.Since(l.since).Round(time.Second))
	l.inRow, l.untried, l.why = 0, false, nil
}

// look reads the password again and reports whether it has changed.
func (l *login) look(password string) (changed bool) {
	if l.reread != nil {
		l.reread()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.takeNew()
	return l.current != password
}

// state returns the LoginState.
func (l *login) state() LoginState {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.user != "" {
		l.takeNew()
	}
	if l.inRow == 0 {
		s := LoginState{}
		if l.refusal != nil {
			s.Before = l.refusal.at
		}
		return s
	}
	return LoginState{Refused: true, Locked: strings.Contains(l.why.Reason, lockedReason), Since: l.since, Next: l.nextTry()}
}
