package couch

// Which password is sent, and when: the newest, the one before it while the new
// one is refused, and none where another wrong one could trip the lockout.

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// refusedNew is the newest password while the server does not take it yet, and
// still takes the one before: the file is often changed first. It is sent again
// when the one before is refused, or when the lockout has forgotten it.
type refusedNew struct {
	password string
	at       time.Time
}

// atOnce is how many requests may be under way whose login may be refused yet:
// readers who come at the same time must not use up all that the lockout allows.
// The caller has the lock.
func (l *login) atOnce(now time.Time) int {
	if now.Sub(l.good) > goodFor {
		return 1
	}
	return max(1, maxRefusals-len(l.sent))
}

// takeNew takes the password as it is now; the caller has the lock.
func (l *login) takeNew() {
	now := l.password()
	if l.refusal != nil && now == l.refusal.password && time.Since(l.refusal.at) < lockout {
		return
	}
	l.refusal = nil
	if now != l.current {
		l.current, l.untried = now, l.inRow > 0
		l.good, l.turned = time.Time{}, l.step() // one request asks first
		clear(l.places)                          // it may be of somebody who may read more
	}
}

// other changes to the password that may be good where the current one is
// refused: from a new one to the one before it, and back when that is refused
// too. The caller has the lock.
func (l *login) other() (changed bool) {
	switch {
	case l.proven == nil:
		return false
	case *l.proven != l.current: // a new one
		l.refusal = &refusedNew{l.current, time.Now()}
		l.log.Warn("CouchDB refuses the new password; using the previous one while it is accepted", "user", l.user)
		l.current = *l.proven
	case l.refusal != nil: // the one before
		l.current, l.refusal = l.refusal.password, nil
		l.proven = nil
	default:
		l.proven = nil
		return false
	}
	l.good = time.Time{}
	return true
}

// nextTry is when the login may be tried again; the caller has the lock.
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

// held is the error of a request that is not sent; the caller has the lock.
func (l *login) held() *Error {
	e := *l.why
	e.Err = fmt.Errorf("not tried again before %s", l.nextTry().UTC().Format(time.TimeOnly)) //nolint:err113 // for people
	return &e
}

// wrongLogin says whether a refusal is one of the login, not of the resource. It
// ends the turn.
func (l *login) wrongLogin(ctx context.Context, t *turn, password string, why *Error) bool {
	if strings.Contains(why.Reason, lockedReason) {
		l.refused(t, password, why)
		return true
	}
	if l.look(password) { // sent before the password was changed: to ask with it would be one more wrong one
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
			return true // ask has noted it
		}
	}
	// The server can't be asked: its words have to do.
	if !strings.Contains(why.Reason, "assword") {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.note(password, why)
	return true
}

// refused notes that a password was sent and not taken.
func (l *login) refused(t *turn, password string, why *Error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t.finish()
	if !strings.Contains(why.Reason, lockedReason) {
		l.sent = append(l.sent, &refusal{time.Now()})
	}
	l.note(password, why)
}

// note notes that the login is not good; the caller has the lock.
func (l *login) note(password string, why *Error) {
	if password != l.current {
		return // of one that is not in use any more
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
	if begins || now.Sub(l.last) > surelyKnown { // else it was under way with the one before
		l.inRow++
	}
	l.last, l.why, l.untried = now, why, false
	if begins {
		l.log.Warn("CouchDB refuses the user or the password", "user", l.user, "next_try", l.nextTry(), "err", why)
	}
}

// accepted notes that the login is good, unless the request is older than the
// last refusal: the server may answer long after it has looked at the password.
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

// look has the password read again and says whether it is another one.
func (l *login) look(password string) (changed bool) {
	if l.reread != nil {
		l.reread()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.takeNew()
	return l.current != password
}

// state is what people are told.
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
