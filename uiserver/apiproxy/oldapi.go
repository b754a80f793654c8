package apiproxy

import (
	"net/http"
	"strings"

	"github.com/dmwm/wmstats/schema/wire"
)

// OldPrefixes are the paths below which the cache server has the REST API of the
// old server: that of production, and that of Tier-0.
func OldPrefixes() []string { return []string{"/wmstatsserver", "/t0_reqmon"} }

// IsOld reports whether a path is one of the old server's.
func IsOld(path string) bool {
	for _, prefix := range OldPrefixes() {
		if path == prefix || strings.HasPrefix(path, prefix+"/") {
			return true
		}
	}
	return false
}

// WriteOldProblem writes a problem to a client of the old API. To clients that
// are not known the old server says 403.
func WriteOldProblem(w http.ResponseWriter, problem *wire.Problem) {
	if problem.Slug() == wire.SlugUnauthorized {
		changed := *problem
		changed.Status, changed.Detail, changed.Challenges = http.StatusForbidden, "You are not allowed to access this resource.", nil
		problem = &changed
	}
	WriteProblem(w, problem)
}

// oldError sets the headers by which clients of the old API know an error.
func oldError(h http.Header, code, status, detail string) {
	h.Set("X-Rest-Status", code)
	h.Set("X-Error-Http", status)
	h.Set("X-Error-Detail", detail)
}
