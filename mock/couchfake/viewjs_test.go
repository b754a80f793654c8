package couchfake_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/dop251/goja"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tidwall/gjson"
	"github.com/tidwall/sjson"

	"github.com/dmwm/wmstats/mock/couchfake"
	"github.com/dmwm/wmstats/mock/design"
	"github.com/dmwm/wmstats/mock/gen"
)

// viewServer runs the maps of the design documents as CouchDB does.
type viewServer struct {
	vm   *goja.Runtime
	maps map[string]goja.Callable
	rows []string
}

func newViewServer(t *testing.T) *viewServer {
	t.Helper()
	s := &viewServer{vm: goja.New(), maps: map[string]goja.Callable{}}
	stringify, ok := goja.AssertFunction(s.vm.Get("JSON").ToObject(s.vm).Get("stringify"))
	require.True(t, ok)
	require.NoError(t, s.vm.Set("emit", func(key, value goja.Value) {
		row, err := stringify(nil, s.vm.NewArray(key, value))
		require.NoError(t, err)
		s.rows = append(s.rows, row.String())
	}))
	for _, v := range design.Views() {
		f, err := s.vm.RunString("(" + v.Map + ")")
		require.NoError(t, err, v.Key())
		s.maps[v.Key()], ok = goja.AssertFunction(f)
		require.True(t, ok, v.Key())
	}
	return s
}

// emit returns the rows of one document by view, as JSON texts of [key,value].
func (s *viewServer) emit(t *testing.T, body string) map[string][]string {
	t.Helper()
	parse, ok := goja.AssertFunction(s.vm.Get("JSON").ToObject(s.vm).Get("parse"))
	require.True(t, ok)
	doc, err := parse(nil, s.vm.ToValue(body))
	require.NoError(t, err, body)
	all := map[string][]string{}
	for view, emit := range s.maps {
		s.rows = nil
		_, err = emit(nil, doc)
		require.NoError(t, err, "%s throws for %s", view, body)
		all[view] = s.rows
	}
	return all
}

func decode(t *testing.T, rows []string) []any {
	t.Helper()
	out := make([]any, len(rows))
	for i, row := range rows {
		require.NoError(t, json.Unmarshal([]byte(row), &out[i]), row)
	}
	return out
}

// TestViewsEmitWhatTheirJavaScriptEmits runs both forms of each view over every
// kind of document, and over documents that differ from those in one member.
func TestViewsEmitWhatTheirJavaScriptEmits(t *testing.T) {
	server := newViewServer(t)
	views := couchfake.Views()
	require.Len(t, views, len(design.Views()), "each view of a design document has its function")
	rows := map[string]int{}
	compare := func(body string) {
		want := server.emit(t, body)
		id, rev := gjson.Get(body, "_id").String(), gjson.Get(body, "_rev").String()
		for _, v := range views {
			name := v.Design + "/" + v.Name
			got := couchfake.Emit(v, id, rev, body)
			require.Equal(t, decode(t, want[name]), decode(t, got), "%s of %s", name, body)
			rows[name] += len(got)
		}
	}
	w, err := gen.New(gen.Options{Seed: 21, Workflows: 60, Lean: true, Storable: true, JobSummaries: 6})
	require.NoError(t, err)
	generated := 0
	for d := range w.All() {
		generated++
		compare(withRev(t, string(d.JSON)))
	}
	for _, doc := range viewDocs() {
		for _, odd := range variants(t, withRev(t, doc)) {
			compare(odd)
		}
	}
	for _, v := range views {
		assert.Positive(t, rows[v.Design+"/"+v.Name], "%s emits something", v.Name)
	}
	assert.Greater(t, generated, 150)
}

// withRev adds to a document the revision that it has in a database.
func withRev(t *testing.T, body string) string {
	t.Helper()
	if gjson.Get(body, "_rev").Exists() {
		return body
	}
	body, err := sjson.Set(body, "_rev", "1-abc")
	require.NoError(t, err)
	return body
}

// variants returns copies of a document that lack one member that a view reads,
// or have another value for it.
func variants(t *testing.T, body string) (out []string) {
	t.Helper()
	values := []string{`null`, `false`, `true`, `0`, `-1.5`, `""`, `"x"`, `[]`, `[null]`, `["a"]`, `[[]]`, `[{}]`, `{}`, `{"a":null}`, `{"a":[null,1,"x",[]]}`,
		`{"a":[{"type":"b c"},{"type":"b"},{"type":"é"},{"type":"b"},{"type":null},{"type":7}],"b":[{"type":"\u20ac\n\""}],"c":3,"d":[{"type":""}]}`,
		`[{"Status":"new","UpdateTime":3},{"Status":"new"}]`, `[{"UpdateTime":3},{"UpdateTime":"4"}]`, `[{"UpdateTime":null}]`, `[{"UpdateTime":0}]`, `[{"UpdateTime":5},null]`,
		`[{"ts":1.5,"msg":"a"},{"ts":0.25}]`, `[{"ts":1},{}]`, `[{"ts":1},7]`}
	for _, field := range []string{"RequestStatus", "RequestTransition", "RequestName", "RequestType", "OriginalRequestName", "type", "workflow",
		"agent_url", "task", "state", "exitcode", "site", "acdc_url", "agent_name", "errors", "request", "identifier", "thr", "messages"} {
		without, err := sjson.Delete(body, field)
		require.NoError(t, err)
		out = append(out, without)
		for _, v := range values {
			with, err := sjson.SetRaw(body, field, v)
			require.NoError(t, err, fmt.Sprint(field, v))
			out = append(out, with)
		}
	}
	return out
}
