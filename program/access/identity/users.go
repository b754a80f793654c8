package identity

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/netip"
	"strings"
	"sync"

	"golang.org/x/crypto/bcrypt"

	"github.com/dmwm/wmstats/schema/wire"
)

// users has the names and bcrypt hashes of an htpasswd file, and the Authorization
// headers already verified: bcrypt is slow on purpose, and a browser sends the same
// header with every request.
type users struct {
	hashes map[string][]byte
	decoy  []byte // hash compared for an unknown user, so that it takes as long

	salt     [sha256.Size]byte // of this process, so that the keys of verified are useless outside it
	mu       sync.RWMutex
	verified map[[sha256.Size]byte]string
}

// mostVerified limits the number of verified headers.
const mostVerified = 10_000

// parseUsers parses an htpasswd file. It accepts only bcrypt: the other hashes of
// htpasswd can be cracked too fast.
func parseUsers(text string) (*users, error) {
	u := &users{hashes: map[string][]byte{}, verified: map[[sha256.Size]byte]string{}}
	_, _ = rand.Read(u.salt[:]) // never fails
	var faults []error
	highest := 0
	for n, line := range lines(text) {
		name, hash, _ := strings.Cut(line, ":")
		hash = strings.TrimSpace(hash)
		cost, err := bcrypt.Cost([]byte(hash))
		switch {
		case !goodName(name):
			faults = append(faults, fmt.Errorf("line %d: want a name before the first colon", n))
		case err != nil:
			faults = append(faults, fmt.Errorf("line %d: the password of %q is not hashed with bcrypt (htpasswd -B)", n, name))
		case u.hashes[name] != nil:
			faults = append(faults, fmt.Errorf("line %d: %q is there twice", n, name))
		default:
			u.hashes[name] = []byte(hash)
			if cost > highest {
				highest, u.decoy = cost, []byte(hash)
			}
		}
	}
	return u, errors.Join(faults...)
}

// user verifies a Basic header. A header verified before costs a hash and a lookup;
// verifications of others are limited per address and in total.
func (c *Checker) user(r *http.Request, header string, from netip.Addr) (string, error) {
	all := c.users.Value()
	key := all.key(header)
	if name, ok := all.known(key); ok {
		return name, nil
	}
	name, password, ok := r.BasicAuth()
	if !ok {
		return "", c.refuse("The Basic Authorization header is invalid.")
	}
	if wait, ok := c.failures.Take(from, c.now()); !ok {
		p := wire.RateLimited("Too many wrong passwords were sent from this address.")
		p.RetryAfter = int(math.Ceil(wait.Seconds()))
		return "", p
	}
	select {
	case c.busy <- struct{}{}:
		defer func() { <-c.busy }()
	case <-r.Context().Done():
		return "", c.refuse("The client disconnected.")
	}
	if name, ok := all.known(key); ok {
		return name, nil // a concurrent request of the same client verified it
	}
	if !all.verify(name, password) {
		return "", c.refuse("Wrong user or password.")
	}
	all.keep(key, name)
	return name, nil
}

// key returns the key of a header in verified.
func (u *users) key(header string) [sha256.Size]byte {
	var room [sha256.Size + longest]byte // keeps the copy off the heap
	return sha256.Sum256(append(append(room[:0], u.salt[:]...), header...))
}

func (u *users) known(key [sha256.Size]byte) (name string, ok bool) {
	u.mu.RLock()
	defer u.mu.RUnlock()
	name, ok = u.verified[key]
	return name, ok
}

func (u *users) keep(key [sha256.Size]byte, name string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.verified) >= mostVerified {
		clear(u.verified) // headers are verified again when needed
	}
	u.verified[key] = name
}

// verify checks a password. It takes as long for an unknown user. bcrypt uses only 72
// bytes, so a longer password is refused instead of truncated.
func (u *users) verify(name, password string) bool {
	const most = 72
	hash, there := u.hashes[name]
	if !there {
		hash = u.decoy
	}
	if hash == nil {
		return false
	}
	err := bcrypt.CompareHashAndPassword(hash, []byte(password[:min(len(password), most)]))
	return err == nil && there && len(password) <= most
}
