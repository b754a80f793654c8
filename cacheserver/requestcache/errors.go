package requestcache

import (
	"errors"
	"fmt"
	"strings"

	"github.com/dmwm/wmstats/cacheserver/couch"
)

// Error is a failed look or read. Its kinds are those of package couch, so that
// a follower acts on both alike. Its text holds neither URL nor credentials.
type Error struct {
	Op     string
	Kind   error  // one of couch's Err values, or the error of a context
	Err    error  // cause, or nil
	Public string // for everybody; "": that of the kind
}

func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %v", e.Op, e.Kind)
	if e.Err != nil {
		fmt.Fprintf(&b, ": %v", e.Err)
	}
	return b.String()
}

// Unwrap gives the kind and the cause.
func (e *Error) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.Err}
}

// PublicText says why in words fit for everybody.
func (e *Error) PublicText() string { return e.Public }

// broken tells whether the answer itself is at fault, so that reading the same
// again will not help.
func (e *Error) broken() bool {
	return errors.Is(e.Kind, couch.ErrForm) || errors.Is(e.Kind, couch.ErrCut)
}
