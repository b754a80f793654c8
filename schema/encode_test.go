package schema

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// standard encodes a record with encoding/json, without HTML escaping.
func standard(t testing.TB, rec any) string {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	require.NoError(t, enc.Encode(rec))
	return string(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
}

// fill sets every field of a record to a random value, lists not nil.
func fill(rnd *rand.Rand, v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(rnd, v.Field(i))
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), rnd.IntN(4), 4))
		for i := range v.Len() {
			fill(rnd, v.Index(i))
		}
	case reflect.String:
		v.SetString(randomText(rnd))
	case reflect.Bool:
		v.SetBool(rnd.IntN(2) == 0)
	case reflect.Int64:
		v.SetInt([]int64{0, -1, 7, rnd.Int64(), math.MinInt64, math.MaxInt64}[rnd.IntN(6)])
	case reflect.Float64:
		v.SetFloat([]float64{
			0, -1, 57.03, rnd.Float64() * 1e9, 1e-7, 1.5e21, 5e-324, math.MaxFloat64,
			math.Float64frombits(rnd.Uint64()&^(1<<62) | 1<<52),
		}[rnd.IntN(9)])
	}
}

func randomText(rnd *rand.Rand) string {
	parts := []string{"", "T2_CH_CERN", `a"b\c/`, "<b>&'", "\x00\x01\b\f\n\r\t\x1f\x7f", "é\u2028\u2029😀", "\xff\xfe", "\xed\xa0\x80", "plain text of some length"}
	return parts[rnd.IntN(len(parts))] + parts[rnd.IntN(len(parts))]
}

func sameBytes[T any](t *testing.T) {
	t.Helper()
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var rec T
		fill(rnd, reflect.ValueOf(&rec).Elem())
		require.Equal(t, standard(t, &rec), string(AppendJSON(nil, &rec)))
	}
	var zero T
	var keys map[string]json.RawMessage
	got := AppendJSON([]byte("x"), &zero)
	require.NoError(t, json.Unmarshal(got[1:], &keys), "after what is there")
	for key, value := range keys {
		assert.NotEqual(t, "null", string(value), "%T.%s", zero, key)
	}
	fields := Describe[T]()
	assert.Len(t, keys, len(fields))
	for i, f := range fields {
		assert.Contains(t, keys, f.Key)
		assert.Equal(t, i, f.Index)
		assert.NotEmpty(t, f.Type, "%T.%s has a type that no record may have", zero, f.Key)
	}
}

func TestAppendJSONEqualsEncodingJSON(t *testing.T) {
	t.Run("Workflow", sameBytes[Workflow])
	t.Run("WorkflowAgent", sameBytes[WorkflowAgent])
	t.Run("WorkflowSite", sameBytes[WorkflowSite])
	t.Run("WorkflowTask", sameBytes[WorkflowTask])
	t.Run("TaskSite", sameBytes[TaskSite])
	t.Run("Output", sameBytes[Output])
	t.Run("DatasetProgress", sameBytes[DatasetProgress])
	t.Run("ChainStep", sameBytes[ChainStep])
	t.Run("StatusChange", sameBytes[StatusChange])
	t.Run("PriorityChange", sameBytes[PriorityChange])
	t.Run("JobError", sameBytes[JobError])
	t.Run("JobSample", sameBytes[JobSample])
	t.Run("Site", sameBytes[Site])
	t.Run("Campaign", sameBytes[Campaign])
	t.Run("Release", sameBytes[Release])
	t.Run("Agent", sameBytes[Agent])
	t.Run("AgentDetail", sameBytes[AgentDetail])
	t.Run("StatusSummary", sameBytes[StatusSummary])
	t.Run("CacheInfo", sameBytes[CacheInfo])
	t.Run("Detail", sameBytes[Detail])
}

func TestDetailKeepsTheOrderOfKeysAndTheOuterLists(t *testing.T) {
	d := Detail{Agents: []WorkflowAgent{{Agent: "a"}}, Workflow: Workflow{Agents: []string{"hidden"}}}
	got := string(AppendDetail(nil, &d))
	assert.Contains(t, got, `"Agents":[{"Workflow":"","Agent":"a"`)
	assert.NotContains(t, got, "hidden")
	assert.Equal(t, `{"Workflow":""`, got[:14])
}

func TestAppendJSONHasNoFormForInfinity(t *testing.T) {
	for _, x := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		assert.Equal(t, "-1", string(appendFloat(nil, x)))
	}
}

func TestDecodeWorkflowIsTheInverse(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 500 {
		var w, back, std Workflow
		fill(rnd, reflect.ValueOf(&w).Elem())
		encoded := AppendJSON(nil, &w)
		require.NoError(t, DecodeWorkflow(encoded, &back))
		require.NoError(t, json.Unmarshal(encoded, &std))
		require.Equal(t, std, back)
		w = back // bad bytes were replaced when it was written: now it has none
		require.NoError(t, DecodeWorkflow(AppendJSON(nil, &w), &back))
		require.Equal(t, w, back)
	}
}

func TestDecodeWorkflowOfOtherVersions(t *testing.T) {
	w := Workflow{Team: "kept"}
	require.NoError(t, DecodeWorkflow([]byte(`{"Status":"new","Future":[{}],"Workflow":"wf1","Priority":5}`), &w))
	assert.Equal(t, Workflow{Workflow: "wf1", Status: "new", Priority: 5, Team: "kept"}, w)
	for doc, want := range map[string]string{
		`[]`:                 `decode workflow record: found [], want a record`,
		`{"Priority":"5"}`:   `decode workflow record: Priority: found "5", want int`,
		`{"Agents":null}`:    `decode workflow record: Agents: found null, want []string`,
		`{"Agents":[1]}`:     `decode workflow record: Agents: found 1, want []string`,
		`{"Workflow":"x"`:    `decode workflow record: not JSON at byte 15: want a comma or }`,
		`{"Priority":1.5}`:   `decode workflow record: Priority`,
		`{"Skipped":"true"}`: `decode workflow record: Skipped: found "true", want bool`,
	} {
		err := DecodeWorkflow([]byte(doc), &Workflow{})
		require.Error(t, err, doc)
		assert.Contains(t, err.Error(), want)
	}
}

func TestDescribe(t *testing.T) {
	fields := map[string]Field{}
	for _, f := range Describe[Workflow]() {
		fields[f.Key] = f
	}
	assert.Equal(t, Field{
		Key: "Sites", Type: List, Doc: "sites that have its jobs", From: "keys of sites", Param: "site", Index: fields["Sites"].Index,
	}, fields["Sites"])
	assert.Equal(t, "jobprogress", fields["JobProgress"].Param)
	assert.Equal(t, "%", fields["JobProgress"].Unit)
	detail := Describe[Detail]()
	assert.Equal(t, Records, detail[len(fields)-2].Type, "Agents of the workflow are replaced by the records")
}

func TestKindsAreComplete(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range Kinds() {
		assert.False(t, seen[k.Name])
		seen[k.Name] = true
		params := map[string]bool{}
		for _, f := range k.Fields {
			name := fmt.Sprintf("%s.%s", k.Name, f.Key)
			assert.NotEmpty(t, f.Type, name)
			assert.NotEmpty(t, f.Doc, name)
			assert.True(t, f.From != "" || f.Type == Records, name)
			assert.False(t, params[f.Param], "%s: two fields have the parameter %s", name, f.Param)
			params[f.Param] = true
		}
	}
}

// TestKindsQuoteTheComments checks that the descriptions of kinds are the first
// sentences of the comments.
func TestKindsQuoteTheComments(t *testing.T) {
	comments := map[string]string{}
	for _, name := range []string{"records.go", "groups.go", "jobrecords.go", "alertrecord.go", "timelinerecord.go", "jobgroup.go", "logentry.go", "hold.go", "rate.go"} {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		require.NoError(t, err)
		for _, decl := range file.Decls {
			if gen, ok := decl.(*ast.GenDecl); ok && gen.Tok == token.TYPE {
				comments[gen.Specs[0].(*ast.TypeSpec).Name.Name] = strings.Join(strings.Fields(gen.Doc.Text()), " ")
			}
		}
	}
	for _, k := range Kinds() {
		assert.True(t, strings.HasPrefix(comments[k.Name], k.Doc), "%s: %q", k.Name, comments[k.Name])
	}
}
