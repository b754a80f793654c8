package legacy

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// Media types of the old API.
const (
	mediaJSON  = "application/json"
	mediaPlain = "text/plain;charset=utf-8"
)

// accepted is one entry of an Accept or Accept-Encoding header.
type accepted struct {
	name string // in lower case, without parameters
	q    float64
}

// ranges parses a header and sorts its entries: by q, then the more specific first.
func ranges(header []string) (list []accepted) {
	for part := range strings.SplitSeq(strings.Join(header, ","), ",") {
		name, params, _ := strings.Cut(part, ";")
		a := accepted{strings.ToLower(strings.TrimSpace(name)), 1}
		if a.name == "" {
			continue
		}
		for p := range strings.SplitSeq(params, ";") {
			if key, value, _ := strings.Cut(strings.TrimSpace(p), "="); strings.EqualFold(key, "q") {
				q, err := strconv.ParseFloat(value, 64)
				if err != nil || q < 0 || q > 1 {
					q = 0
				}
				a.q = q
			}
		}
		list = append(list, a)
	}
	slices.SortStableFunc(list, func(a, b accepted) int {
		return cmp.Or(cmp.Compare(b.q, a.q), cmp.Compare(strings.Count(a.name, "*"), strings.Count(b.name, "*")))
	})
	return list
}

// chooseMedia returns the media type of an answer; not ok if the client accepts
// none. If the call supports text/plain, */* selects it, as in the old server. A
// missing Accept counts as */*.
func chooseMedia(accept []string, plain bool) (media string, ok bool) {
	offers := []accepted{{mediaJSON, 0}}
	if plain {
		offers = []accepted{{mediaPlain, 0}, {mediaJSON, 0}}
	}
	wanted := ranges(accept)
	if len(wanted) == 0 {
		return offers[0].name, true
	}
	refused := map[string]bool{}
	for _, a := range wanted {
		if a.q == 0 {
			refused[a.name] = true
		}
	}
	for _, a := range wanted {
		for _, offer := range offers {
			name, _, _ := strings.Cut(offer.name, ";")
			kind, _, _ := strings.Cut(name, "/")
			if a.q > 0 && !refused[name] && (a.name == name || a.name == kind+"/*" || a.name == "*/*") {
				return offer.name, true
			}
		}
	}
	return "", false
}

// takesGzip reports whether the client accepts gzip.
func takesGzip(header []string) bool {
	takes := false
	for _, a := range ranges(header) {
		switch a.name {
		case "gzip", "x-gzip":
			return a.q > 0
		case "*":
			takes = a.q > 0
		}
	}
	return takes
}
