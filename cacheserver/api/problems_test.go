package api

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/budget"
	"github.com/dmwm/wmstats/cacheserver/failures"
	"github.com/dmwm/wmstats/cacheserver/ondemand"
	"github.com/dmwm/wmstats/cacheserver/store"
	"github.com/dmwm/wmstats/cacheserver/table"
	"github.com/dmwm/wmstats/cacheserver/timeline"
	"github.com/dmwm/wmstats/schema/wire"
)

// samples has one error of each row of the table, and its answer.
var samplesOfKinds = map[string]struct {
	err    error
	status int
	slug   wire.Slug
}{
	"schema/wire.Problem":                     {wire.NotFound("site", "T9", nil), 404, wire.SlugNotFound},
	"cacheserver/budget.ExceededError":        {&budget.ExceededError{Time: time.Second}, 422, wire.SlugTooExpensive},
	"cacheserver/table.TooManyGroupsError":    {&table.TooManyGroupsError{Max: 7}, 422, wire.SlugTooExpensive},
	"cacheserver/table.ArgumentError":         {&table.ArgumentError{Field: "Status", Want: "no"}, 400, wire.SlugBadValue},
	"cacheserver/failures.TooManyGroupsError": {&failures.TooManyGroupsError{Max: 7}, 422, wire.SlugTooExpensive},
	"cacheserver/failures.ErrTooMany":         {failures.ErrTooMany, 422, wire.SlugTooExpensive},
	"cacheserver/timeline.TooManyError":       {&timeline.TooManyError{Points: 7}, 422, wire.SlugTooExpensive},
	"cacheserver/timeline.ErrNotFollowed":     {timeline.ErrNotFollowed, 404, wire.SlugNotFound},
	"cacheserver/ondemand.ErrAbsent":          {ondemand.ErrAbsent, 404, wire.SlugNotInSource},
	"cacheserver/ondemand.ErrBusy":            {ondemand.ErrBusy, 429, wire.SlugRateLimited},
	"cacheserver/ondemand.ErrBackoff":         {ondemand.ErrBackoff, 502, wire.SlugSourceFailed},
	"net/http.MaxBytesError":                  {&http.MaxBytesError{Limit: 7}, 413, wire.SlugTooLarge},
}

// noAnswer lists the errors without a row, and why. A new error in a package
// needs a decision here: an answer of its own, or a reason why there is none.
var noAnswer = map[string]string{
	"cacheserver/api.errDropped":         "the reader of a feed is gone: no answer is possible",
	"cacheserver/api.panicError":         "a bug of the server: 500",
	"cacheserver/cache.errSmall":         "only at the start, when the cache is created",
	"cacheserver/ondemand.PanicError":    "a bug of the server: 500",
	"cacheserver/api/render.ErrForm":     "a damaged record in the store: 500",
	"cacheserver/table.errField":         "wire rejects unknown fields first: a bug of the server, 500",
	"cacheserver/table.errByName":        "the store does not use it: a bug of the server, 500",
	"cacheserver/replica/halfopen.":      "of tests",
	"cacheserver/store.errMaker":         "stands for a panic, and is never returned",
	"cacheserver/store.errNoSegments":    "only in formats that no handler uses: a bug of the server, 500",
	"cacheserver/store.errNoGeneration":  "of checkpoints, which no handler writes",
	"cacheserver/join.ErrReadEnded":      "of full reads, which no handler does",
	"cacheserver/join.ShrunkError":       "of full reads, which no handler does",
	"cacheserver/join/report.errDamaged": "of full reads and checkpoints",
	"cacheserver/timeline.errBroken":     "damaged counts over time: 500",
	"cacheserver/onewrite.errNotHeader":  "of connections, below handlers",
	"program/filewatch.":                 "files of secrets and thresholds: no handler reads one",
	"program/tlsclient.":                 "of the source, on demand: demandProblem makes it source-failed",
	"schema/raw.DocError":                "of documents, on demand: demandProblem makes it source-failed",
	"schema.errPacked":                   "damaged packed records: 500",
	"schema/jsonscan.ErrTooLong":         "of what the source sends, on demand: demandProblem makes it source-failed",
	"schema/jsonscan.SyntaxError":        "of documents, on demand: demandProblem makes it source-failed",
	"cacheserver/couch.":                 "of the source, on demand: demandProblem makes it source-failed",
	"cacheserver/requestcache.":          "of the source, on demand: demandProblem makes it source-failed",
	"cacheserver/follower.":              "the follower answers no request",
	"cacheserver/checkpoint.":            "no handler reads or writes a checkpoint",
	"cacheserver/replica.":               "of the log, which no handler reads or writes",
	"cacheserver/legacy.":                "of the old API, which answers in its own format",
	"cacheserver/legacy/documents.":      "of the old API, which answers in its own format",
	"cacheserver/app.errNoDocuments":     "of the old API, which answers that the source could not be read",
	"cacheserver/app.errNoJobs":          "of the old API, which answers that the source could not be read",
}

// Each error of the packages below the handlers has an answer, or a reason why
// there is none.
func TestEachErrorHasItsProblem(t *testing.T) {
	records, err := store.New(store.Options{Process: "t"})
	require.NoError(t, err)
	a, err := New(Options{Store: records})
	require.NoError(t, err)
	var rows []string
	for _, kind := range a.errorKinds() {
		rows = append(rows, kind.name)
	}
	c := a.echo.NewContext(httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/stats", http.NoBody), httptest.NewRecorder())
	for _, row := range rows {
		sample, there := samplesOfKinds[row]
		require.True(t, there, "no sample of %s", row)
		for _, err := range []error{sample.err, fmt.Errorf("in a handler: %w", fmt.Errorf("below it: %w", sample.err))} {
			p := a.problemOf(c, err)
			assert.Equal(t, sample.status, p.Status, "%s: %v", row, err)
			assert.Equal(t, sample.slug, p.Slug(), row)
			assert.NotEmpty(t, p.Detail, row)
		}
	}
	assert.Len(t, samplesOfKinds, len(rows), "a sample without a row")

	found := errorsOfTheProgram(t)
	for _, must := range []string{"cacheserver/table.TooManyGroupsError", "cacheserver/failures.ErrTooMany", "cacheserver/api/render.ErrForm"} {
		require.Contains(t, found, must, "the search misses it")
	}
	used := map[string]bool{}
	for _, name := range found {
		folder := name[:strings.LastIndex(name, ".")+1]
		switch {
		case slices.Contains(rows, name):
		case noAnswer[name] != "":
			used[name] = true
		case noAnswer[folder] != "":
			used[folder] = true
		default:
			t.Errorf("%s is in no row of errorKinds, and noAnswer has no reason for that", name)
		}
	}
	for name := range noAnswer {
		assert.True(t, used[name], "%s is in noAnswer, but there is no such error", name)
	}
}

// An error without a row is a bug of the server.
func TestUnknownErrorsAreFaults(t *testing.T) {
	records, err := store.New(store.Options{Process: "t"})
	require.NoError(t, err)
	a, err := New(Options{Store: records})
	require.NoError(t, err)
	c := a.echo.NewContext(httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody), httptest.NewRecorder())
	for _, err := range []error{errors.New("something"), &panicError{value: "x"}} {
		assert.Equal(t, wire.SlugInternal, a.problemOf(c, err).Slug())
	}
	assert.Equal(t, 404, a.problemOf(c, echo.ErrNotFound).Status)
}

// errorsOfTheProgram returns all types with a method Error, and all variables
// created with errors.New or fmt.Errorf, of the packages that handlers use.
func errorsOfTheProgram(t *testing.T) (names []string) {
	t.Helper()
	const root = "../.."
	for _, folder := range []string{"cacheserver", "schema", "program"} {
		err := filepath.WalkDir(filepath.Join(root, folder), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			dir, err := filepath.Rel(root, filepath.Dir(path))
			if err != nil || strings.HasPrefix(dir, "cacheserver/cmd") || dir == "cacheserver/sourcetest" || dir == "cacheserver/replica/memlog" {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			for _, name := range errorsOf(file) {
				names = append(names, filepath.ToSlash(dir)+"."+name)
			}
			return nil
		})
		require.NoError(t, err)
	}
	return names
}

func errorsOf(file *ast.File) (names []string) {
	for _, decl := range file.Decls {
		switch decl := decl.(type) {
		case *ast.FuncDecl:
			if decl.Recv == nil || decl.Name.Name != "Error" || decl.Type.Params.NumFields() > 0 {
				continue
			}
			receiver := decl.Recv.List[0].Type
			if star, ok := receiver.(*ast.StarExpr); ok {
				receiver = star.X
			}
			if id, ok := receiver.(*ast.Ident); ok {
				names = append(names, id.Name)
			}
		case *ast.GenDecl:
			for _, spec := range decl.Specs {
				vars, ok := spec.(*ast.ValueSpec)
				if !ok || decl.Tok != token.VAR {
					continue
				}
				for i, v := range vars.Values {
					if i < len(vars.Names) && makesError(v) {
						names = append(names, vars.Names[i].Name)
					}
				}
			}
		}
	}
	return names
}

func makesError(v ast.Expr) bool {
	call, ok := v.(*ast.CallExpr)
	if !ok {
		return false
	}
	made, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	of, ok := made.X.(*ast.Ident)
	return ok && (of.Name == "errors" && made.Sel.Name == "New" || of.Name == "fmt" && made.Sel.Name == "Errorf")
}
