package schema

import (
	"regexp"
	"strings"
)

// Reasons of Detail.Unlisted.
const (
	UnlistedArchived = "archived"
	UnlistedOther    = "other" // another status than those in the lists, or not yet in them
)

// IsArchived reports whether a status is the end of a life cycle, which no list has.
func IsArchived(status string) bool { return strings.HasSuffix(status, "archived") }

// requestName is the form of the names that ReqMgr2 accepts: at most 150 letters,
// digits, dots, dashes and underscores. The first one here is a letter or a digit,
// because a path of CouchDB that begins with an underscore or a dot is not a
// document.
var requestName = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9._-]{0,149}$`)

// IsRequestName reports whether a request may have this name.
func IsRequestName(name string) bool { return requestName.MatchString(name) }

// complete is the end of the names that ReqMgr2 makes: date, time, a number.
var complete = regexp.MustCompile(`_\d{6}_\d{6}_\d{1,6}$`)

// IsWholeRequestName reports whether a text is the whole name of a request, as
// ReqMgr2 makes them, and not a part of one.
func IsWholeRequestName(text string) bool { return IsRequestName(text) && complete.MatchString(text) }
