package apiproxy

import (
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"strconv"
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

// WriteOldProblem writes a problem to a client of the old API, and returns the id
// that the client gets, for the log. To clients that are not known the old server
// says 403, without a code of its own.
func WriteOldProblem(w http.ResponseWriter, problem *wire.Problem) (id string) {
	code, detail := strconv.Itoa(problem.Status), problem.Title
	if problem.Slug() == wire.SlugUnauthorized {
		code, detail = "", "You are not allowed to access this resource."
		changed := *problem
		changed.Status, changed.Detail, changed.Challenges = http.StatusForbidden, detail, nil
		problem = &changed
	}
	id = oldError(w.Header(), code, problem.Status, detail)
	WriteProblem(w, problem)
	return id
}

// oldError sets the headers by which clients of the old API know an error, and
// returns its id.
func oldError(h http.Header, code string, status int, detail string) (id string) {
	var raw [16]byte
	_, _ = rand.Read(raw[:]) // never fails
	id = hex.EncodeToString(raw[:])
	if code != "" {
		h.Set("X-Rest-Status", code)
	}
	h.Set("X-Error-Http", strconv.Itoa(status))
	h.Set("X-Error-Id", id)
	h.Set("X-Error-Detail", detail)
	return id
}
