// Package basepath serves a program below a path, such as /wmstats, of a host that it
// shares with others. Handlers inside see addresses without that path; Seen
// returns what they have to put before an address so that clients find it. The package
// makes no links itself, and changes no answers.
package basepath

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/dmwm/wmstats/schema/wire"
)

// longest is the length of the longest accepted path in bytes.
const longest = 128

// plain matches a path of plain segments: it can neither break out of the attribute or
// header that it is written to nor point to another server.
var plain = regexp.MustCompile(`^(/[A-Za-z0-9_~][A-Za-z0-9._~-]*)+$`)

// Parse returns the base path that an option names, without a slash at its end; "" is
// the root of the host.
func Parse(text string) (string, error) {
	base := strings.TrimSuffix(text, "/")
	switch {
	case base == "" && len(text) < 2: // "" or "/"
		return "", nil
	case !strings.HasPrefix(text, "/"):
		return "", errors.New("want a path that begins with a slash, such as /wmstats")
	case strings.Contains(text, "//"):
		return "", errors.New("a part between two slashes is empty; want a path such as /wmstats")
	case len(base) > longest:
		return "", fmt.Errorf("the path has more than %d bytes", longest)
	case !plain.MatchString(base):
		return "", errors.New("each part of the path may have letters, digits and . _ ~ - and must begin with a letter, a digit, _ or ~")
	}
	return base, nil
}

// Forwarded returns the path below which a front end shows this server, from
// X-Forwarded-Prefix. ok is false without one, with several, and if it is not plain.
func Forwarded(h http.Header) (path string, ok bool) {
	given := h[wire.HeaderPrefix]
	if len(given) != 1 || given[0] == "" {
		return "", false
	}
	path, err := Parse(given[0])
	return path, err == nil
}

// AtRoot reports whether a path is that of a health check or of the metrics. These are
// also served at the root: their clients talk to this server without a front end.
func AtRoot(path string) bool {
	return path == "/livez" || path == "/healthz" || path == "/readyz" || path == "/metrics"
}

// Options of Handler.
type Options struct {
	Base     string                   // from Parse; "": the root
	Beside   func(path string) bool   // paths that are served at the root too, in addition to those of AtRoot; nil: none
	Believes func(*http.Request) bool // whose X-Forwarded-Prefix replaces Base in Seen; nil: nobody's
}

// Handler passes requests below the base path on to inside, without that path. A
// request for the base path itself, or for the root, is redirected to the first page.
// Any other is 404.
func Handler(o Options, inside http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen := o.Base
		if o.Believes != nil && o.Believes(r) {
			if path, ok := Forwarded(r.Header); ok {
				seen = path
			}
		}
		if seen == "" && o.Base == "" {
			inside.ServeHTTP(w, r)
			return
		}
		path, rawPath, below := cut(r.URL, o.Base)
		switch {
		case below && path == "", !below && r.URL.Path == "/":
			redirect(w, r, seen+"/")
			return
		case below:
		case AtRoot(r.URL.Path), o.Beside != nil && o.Beside(r.URL.Path):
			path, rawPath = r.URL.Path, r.URL.RawPath
		default:
			outside(w, r, o.Base)
			return
		}
		within := r.WithContext(context.WithValue(r.Context(), key{}, seen))
		within.URL = new(url.URL)
		*within.URL = *r.URL
		within.URL.Path, within.URL.RawPath = path, rawPath
		inside.ServeHTTP(w, within)
	})
}

// cut returns the path of an address below a base path.
func cut(u *url.URL, base string) (path, rawPath string, ok bool) {
	path, ok = strings.CutPrefix(u.Path, base)
	rawPath, rawOK := strings.CutPrefix(u.RawPath, base)
	ok = ok && (rawOK || u.RawPath == "") && (path == "" || path[0] == '/')
	return path, rawPath, ok
}

func redirect(w http.ResponseWriter, r *http.Request, to string) {
	if r.URL.RawQuery != "" {
		to += "?" + r.URL.RawQuery
	}
	w.Header().Set("X-Content-Type-Options", "nosniff")
	http.Redirect(w, r, to, http.StatusTemporaryRedirect)
}

// outside answers a request that is not below the base path.
func outside(w http.ResponseWriter, r *http.Request, base string) {
	problem := wire.NotFound("resource", r.URL.Path, []string{base + "/"})
	problem.Detail += " This server is below " + base + "/."
	body, err := json.Marshal(problem)
	if err != nil { // it has texts only
		body = []byte("{}")
	}
	h := w.Header()
	h.Set("Content-Type", wire.MediaProblem)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(problem.Status)
	_, _ = w.Write(append(body, '\n')) // an error here is a client that left
}

// key is that of the value in the context of a request.
type key struct{}

// Seen returns the path that clients see before the addresses of this server: the base
// path, or what a front end named instead; "" for the root.
func Seen(ctx context.Context) string {
	seen, _ := ctx.Value(key{}).(string)
	return seen
}
