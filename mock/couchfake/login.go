package couchfake

import (
	"crypto/subtle"
	"net"
	"net/http"
	"sync"
	"time"
)

// lockedText is the reason that CouchDB states while it refuses every login of
// a name from an address.
const lockedText = "Account is temporarily locked due to multiple authentication failures"

// Logins counts the logins that were refused.
type Logins struct {
	Wrong  int // with a wrong name or password
	Locked int // because there had been too many wrong ones, right or not
}

// logins knows the name and the password of the server. It counts wrong ones as
// CouchDB 3.4 and later do: by address and name, for a period that begins with
// the first.
type logins struct {
	mu             sync.Mutex
	user, password string
	wrong          map[string]*wrongLogins
	seen           Logins
}

type wrongLogins struct {
	first time.Time
	count int
}

// SetLogin changes the name and the password, as an administrator does while
// the server runs: requests with the old ones are refused from now on, open
// feeds continue. Earlier failures are forgotten, because CouchDB counts them
// by the salt of the password.
func (s *Server) SetLogin(user, password string) {
	s.logins.mu.Lock()
	defer s.logins.mu.Unlock()
	s.logins.user, s.logins.password = user, password
	clear(s.logins.wrong)
}

// Logins returns the number of logins that were refused so far.
func (s *Server) Logins() Logins {
	s.logins.mu.Lock()
	defer s.logins.mu.Unlock()
	return s.logins.seen
}

// asks reports whether requests need a login.
func (l *logins) asks() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.user != "" || l.password != ""
}

// check refuses a wrong login, and any while the name is locked for this
// address.
func (s *Server) check(r *http.Request, user, password string) error {
	l := &s.logins
	l.mu.Lock()
	defer l.mu.Unlock()
	peer, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		peer = r.RemoteAddr
	}
	key := peer + " " + user
	past := l.wrong[key]
	if past != nil && s.opts.Now().Sub(past.first) >= s.opts.LockoutTime {
		delete(l.wrong, key)
		past = nil
	}
	if past != nil && s.opts.Lockout > 0 && past.count >= s.opts.Lockout {
		l.seen.Locked++
		return &Error{http.StatusForbidden, "forbidden", lockedText}
	}
	if same(user, l.user) && same(password, l.password) {
		return nil
	}
	if past == nil {
		past = &wrongLogins{first: s.opts.Now()}
		l.wrong[key] = past
	}
	past.count++
	l.seen.Wrong++
	return unauthorized("Name or password is incorrect.")
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// authenticate accepts requests for the open pages, and all others with the
// right name and password. Wrong ones are refused everywhere.
func (s *Server) authenticate(c *call) error {
	if !s.logins.asks() {
		return nil
	}
	if user, password, sent := c.r.BasicAuth(); sent {
		return s.check(c.r, user, password)
	}
	switch c.path[0] {
	case "", "_up", "_session":
		return nil
	case "_all_dbs", "_active_tasks":
		return notAdmin()
	}
	return unauthorized("You are not authorized to access this db.")
}

// notAdmin is the answer to a request that only an administrator may send. It
// is a 401 even for clients that have logged in.
func notAdmin() error { return unauthorized("You are not a server admin.") }
