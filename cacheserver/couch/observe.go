package couch

import (
	"net/http"
	"path"
	"strings"
	"time"
)

// observed calls o.Answered for each answer that comes through next.
func (o *Options) observed(next http.RoundTripper) http.RoundTripper {
	if o.Answered == nil {
		return next
	}
	return observer{o, next}
}

type observer struct {
	o    *Options
	next http.RoundTripper
}

// RoundTrip measures the time to the header of the answer. A request without an
// answer is a failure, which is reported elsewhere.
func (b observer) RoundTrip(r *http.Request) (*http.Response, error) {
	began := time.Now()
	resp, err := b.next.RoundTrip(r)
	if err == nil {
		b.o.Answered(b.o.resource(r.URL.Path), time.Since(began))
	}
	return resp, err //nolint:wrapcheck // a round tripper returns the error as it is
}

// resource names the resource of a path without the parts that differ between
// documents, so that there are few names: "wmstats _all_docs", "requests
// _view/bystatus", "wmstats a document".
func (o *Options) resource(at string) string {
	for db, name := range map[Database]string{Requests: o.RequestDB, WMStats: o.WMStatsDB, LogDB: o.LogDB} {
		_, rest, found := strings.Cut(at+"/", "/"+name+"/")
		if !found {
			continue
		}
		rest = strings.Trim(rest, "/")
		switch {
		case rest == "":
			return db.String() + " state"
		case strings.HasPrefix(rest, "_design/") && strings.Contains(rest, "/_view/"):
			return db.String() + " _view/" + path.Base(rest)
		case strings.HasPrefix(rest, "_design/"):
			return db.String() + " _design"
		case strings.HasPrefix(rest, "_"):
			first, _, _ := strings.Cut(rest, "/")
			return db.String() + " " + first
		}
		return db.String() + " a document"
	}
	return "server"
}
