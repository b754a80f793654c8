// Package negotiate reads the request headers with which a client chooses
// among representations: Accept, Accept-Encoding and If-None-Match (RFC 9110,
// 12.5 and 13.1). It only compares texts: it has no handlers, writes no header
// and compresses nothing.
package negotiate

import (
	"strconv"
	"strings"
)

// Codings that can be chosen. The empty one is identity.
const (
	Identity = ""
	Gzip     = "gzip"
	Zstd     = "zstd"
)

// Media returns the offer that the Accept header prefers, the first of equals.
// Each offer is a list of names of one representation. Without the header the
// first offer is chosen. ok is false when none is acceptable.
func Media(accept string, offers [][]string) (best int, ok bool) {
	if strings.TrimSpace(accept) == "" {
		return 0, true
	}
	bestQ := 0.0
	for i, names := range offers {
		for _, name := range names {
			if q := mediaQuality(accept, name); q > bestQ {
				best, bestQ = i, q
			}
		}
	}
	return best, bestQ > 0
}

// mediaQuality returns the q of the most specific range that matches name.
func mediaQuality(accept, name string) (q float64) {
	class, _, _ := strings.Cut(name, "/")
	specific := -1
	for element := range strings.SplitSeq(accept, ",") {
		value, weight := weighted(element)
		level := -1
		switch value {
		case name:
			level = 2
		case class + "/*":
			level = 1
		case "*/*", "*":
			level = 0
		}
		if level > specific {
			specific, q = level, weight
		}
	}
	return q
}

// Coding returns the offered coding that the Accept-Encoding header prefers,
// the first of equals, or Identity.
func Coding(accept string, offers ...string) string {
	best, bestQ := Identity, 0.0
	for _, offer := range offers {
		if q := codingQuality(accept, offer); q > bestQ {
			best, bestQ = offer, q
		}
	}
	// Identity is always possible, but is preferred only if the header names
	// it.
	if q := codingQuality(accept, "identity"); q > bestQ {
		return Identity
	}
	return best
}

func codingQuality(accept, name string) (q float64) {
	wildcard := 0.0
	for element := range strings.SplitSeq(accept, ",") {
		switch value, weight := weighted(element); value {
		case name, "x-" + name:
			return weight
		case "*":
			wildcard = weight
		}
	}
	if name == "identity" {
		return 0
	}
	return wildcard
}

// weighted splits "text/csv; header=present; q=0.5". An invalid weight counts
// as 0: it is not a clear "yes".
func weighted(element string) (value string, q float64) {
	value, params, _ := strings.Cut(element, ";")
	q = 1
	for param := range strings.SplitSeq(params, ";") {
		name, text, _ := strings.Cut(param, "=")
		if strings.EqualFold(strings.TrimSpace(name), "q") {
			n, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
			if err != nil || !(n >= 0 && n <= 1) {
				n = 0
			}
			q = n
		}
	}
	return strings.ToLower(strings.TrimSpace(value)), q
}

// Matches reports whether an If-None-Match header contains the tag. The
// comparison is weak, as required for GET and HEAD.
func Matches(ifNoneMatch, tag string) bool {
	tag = strings.TrimPrefix(tag, "W/")
	rest := strings.TrimSpace(ifNoneMatch)
	if rest == "*" {
		return true
	}
	for rest != "" {
		rest = strings.TrimPrefix(strings.TrimLeft(rest, " \t,"), "W/")
		if !strings.HasPrefix(rest, `"`) {
			return false
		}
		end := strings.IndexByte(rest[1:], '"')
		if end < 0 {
			return false
		}
		if rest[:end+2] == tag {
			return true
		}
		rest = rest[end+2:]
	}
	return false
}
