package requestcache

import (
	"errors"
	"fmt"
	"strings"

	"github.com/dmwm/wmstats/cacheserver/couch"
)

// Error is a failed check or read. Its kinds are those of package couch, so
// that a follower handles both in the same way. Its text contains neither URL
// nor credentials.
type Error struct {
	Op     string
	Kind   error  // one of couch's Err values, or the error of a context
	Err    error  // cause, or nil
	Public string // may be shown to every client; "": that of the kind
}

func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %v", e.Op, e.Kind)
	if e.Err != nil {
		fmt.Fprintf(&b, ": %v", e.Err)
	}
	return b.String()
}

// Unwrap returns the kind and the cause.
func (e *Error) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.Err}
}

// PublicText returns the reason in words that any client may read.
func (e *Error) PublicText() string { return e.Public }

// broken reports whether the answer itself is invalid, so that reading it
// again will not help.
func (e *Error) broken() bool {
	return errors.Is(e.Kind, couch.ErrForm) || errors.Is(e.Kind, couch.ErrCut)
}
