package importcheck

import (
	"bytes"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/dmwm/wmstats/"

// rule: packages under dir must import nothing of banned (a package, or a
// folder with /...). Test files are free: they may compare and drive.
type rule struct {
	dir    string
	banned []string
	why    string
}

var rules = []rule{
	{"schema/...", []string{"net", "net/http", "os", "log", "log/slog"}, "schema is pure: bytes in, records out"},
	{"schema/...", []string{module + "cacheserver/...", module + "uiserver/...", module + "mock/...", module + "web/...", module + "static/..."}, "everything stands on schema"},
	{"access/...", []string{module + "cacheserver/...", module + "uiserver/...", module + "mock/...", module + "web/...", module + "static/...", "github.com/labstack/echo/v4"}, "the gate serves both servers and knows neither"},
	{"access/filewatch/...", []string{module + "..."}, "a file that is read again is the same for all"},
	{"access/serving/...", []string{module + "..."}, "how a server serves depends on nothing that it serves"},
	{"web/...", []string{"net/http", module + "cacheserver/...", module + "uiserver/...", module + "mock/...", "github.com/labstack/echo/v4"}, "components know no HTTP and no client"},
	{"static/...", []string{module + "..."}, "assets know nothing"},
	{"uiserver/...", []string{module + "cacheserver/...", module + "mock/..."}, "the UI server speaks to the cache server over HTTP only"},
	{"cacheserver/...", []string{module + "uiserver/...", module + "web/...", module + "static/..."}, "the cache server knows no pages"},
	{"cacheserver/store/...", []string{"net/http", module + "cacheserver/couch/...", module + "cacheserver/api/...", module + "cacheserver/follower/...", module + "cacheserver/app/..."}, "the store knows neither HTTP nor CouchDB"},
	{"cacheserver/join/...", []string{"net/http", "math/rand", "math/rand/v2", "os", module + "cacheserver/store", module + "cacheserver/couch/...", module + "cacheserver/api/...", module + "cacheserver/follower/...", module + "cacheserver/app/..."}, "the writer is a state machine: what it makes depends on its inputs alone"},
	{"cacheserver/couch/...", []string{module + "cacheserver/store/...", module + "cacheserver/api/...", module + "cacheserver/app/..."}, "reading knows no storing"},
	{"cacheserver/cache/...", []string{"net/http", module + "..."}, "the cache knows nothing of what it keeps"},
	{"cacheserver/checkpoint/...", []string{"net/http", module + "..."}, "the container of a checkpoint knows nothing of what is in it"},
	{"cacheserver/budget/...", []string{"net/http", module + "..."}, "budget bounds work of any kind"},
	{"cacheserver/history/...", []string{"net/http", module + "cacheserver/api/...", module + "cacheserver/app/..."}, "history knows generations alone"},
	{"cacheserver/follower/...", []string{"net/http", module + "cacheserver/api/...", module + "cacheserver/app/..."}, "the follower is wired by app"},
	{"cacheserver/api/...", []string{module + "cacheserver/couch/...", module + "cacheserver/follower/...", module + "cacheserver/app/..."}, "the API reads through interfaces of its own"},
	{"cacheserver/...", []string{module + "mock/..."}, "mock data never reach the program, only its tests"},
	{"mock/gen/...", []string{module + "schema/..."}, "a wrong field name would agree with itself"},
	{"mock/couchfake/...", []string{module + "schema/..."}, "a wrong field name would agree with itself"},
	{"mock/live/...", []string{module + "schema/..."}, "a wrong field name would agree with itself"},
	{"mock/load/...", []string{module + "schema/..."}, "a wrong field name would agree with itself"},
}

// except names packages of a rule's folder that have a reason to be free of it.
var except = map[string]string{
	module + "schema/cmd/schemadoc":      "the generator of docs/schema.md writes a file",
	module + "schema/internal/schemadoc": "the generator of docs/schema.md writes a file",
	module + "schema/internal/gen":       "the generator of docs/schema.md writes a file",
}

func TestImportRules(t *testing.T) {
	for _, r := range rules {
		for pkg, imports := range importsOf(t, r.dir) {
			if _, free := except[pkg]; free {
				continue
			}
			for _, imp := range imports {
				if slices.ContainsFunc(r.banned, func(b string) bool { return matches(imp, b, pkg) }) {
					t.Errorf("%s imports %s: %s", pkg, imp, r.why)
				}
			}
		}
	}
}

// TestRulesHaveSubjects keeps a rule from passing because its folder is gone.
func TestRulesHaveSubjects(t *testing.T) {
	for _, r := range rules {
		require.NotEmpty(t, importsOf(t, r.dir), "no package under %s", r.dir)
	}
}

func matches(imp, banned, importer string) bool {
	if prefix, ok := strings.CutSuffix(banned, "/..."); ok {
		inside := imp == prefix || strings.HasPrefix(imp, prefix+"/")
		// A folder banned as a whole means the other folders, not one's own.
		return inside && !strings.HasPrefix(importer, folderOf(imp)+"/") && importer != folderOf(imp)
	}
	return imp == banned
}

// folderOf is the top-level folder (module) of one of our packages.
func folderOf(pkg string) string {
	rest := strings.TrimPrefix(pkg, module)
	folder, _, _ := strings.Cut(rest, "/")
	if strings.HasPrefix(rest, "cacheserver/") || strings.HasPrefix(rest, "mock/") {
		parts := strings.SplitN(rest, "/", 3)
		folder = strings.Join(parts[:min(2, len(parts))], "/")
	}
	return module + folder
}

func importsOf(t *testing.T, dir string) map[string][]string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, module+dir)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, "go list %s: %s", dir, stderr.String())
	found := map[string][]string{}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		if len(fields) > 0 {
			found[fields[0]] = fields[1:]
		}
	}
	return found
}
