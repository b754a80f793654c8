package gen_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/mock/gen"
)

// long reports whether each edge case is combined with each variant: `make
// test-long`. With the race detector that takes a minute, and nothing here runs
// concurrently.
func long() bool { return os.Getenv("WMSTATS_LONG_SEEDS") != "" }

// kinds is the number of variants of each place in a document.
const kinds = 6

// degenerates returns a document, and every document that has one object, list,
// text or number of it, at any depth, removed or replaced by a value of each
// kind.
func degenerates(t *testing.T, doc gen.Doc) (out []gen.Doc) {
	t.Helper()
	var whole any
	require.NoError(t, json.Unmarshal(doc.JSON, &whole))
	replace := func(at any, set func(v any), remove func()) {
		for _, v := range []any{nil, 7, "text", []any{nil, "x", map[string]any{}}, map[string]any{}} {
			set(v)
			raw, err := json.Marshal(whole)
			require.NoError(t, err)
			out = append(out, gen.Doc{DB: doc.DB, ID: doc.ID, JSON: raw})
		}
		remove()
		raw, err := json.Marshal(whole)
		require.NoError(t, err)
		out = append(out, gen.Doc{DB: doc.DB, ID: doc.ID, JSON: raw})
		set(at)
	}
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for _, k := range slices.Sorted(maps.Keys(v)) {
				at := v[k]
				replace(at, func(x any) { v[k] = x }, func() { delete(v, k) })
				walk(at)
			}
		case []any:
			for i := range v {
				at := v[i]
				replace(at, func(x any) { v[i] = x }, func() {})
				walk(at)
			}
		}
	}
	walk(whole)
	replace(whole, func(v any) { whole = v }, func() {})
	return out
}

// TestEdgesBendAnyDocument: no edge case assumes a part that a document may
// lack, and each leaves a document that CouchDB can store.
func TestEdgesBendAnyDocument(t *testing.T) {
	t.Parallel()
	w := world(t, gen.Options{Seed: 7, Workflows: 30, Lean: true, NoEdges: true})
	var request, agent gen.Doc
	for i := range 30 {
		st := w.Initial(i)
		docs := w.Docs(i, &st)
		whole := len(st.Agents) > 0 && bytes.Contains(docs[1].JSON, []byte(`"dataset":{"`))
		if whole && (agent.JSON == nil || len(docs[1].JSON) < len(agent.JSON)) { // small, but nothing is missing
			request, agent = docs[0], docs[1]
		}
	}
	requests, agents := degenerates(t, request), degenerates(t, agent)
	require.Zero(t, len(requests)%kinds)
	require.Greater(t, len(requests), 150)
	require.Greater(t, len(agents), 150)
	for n, e := range gen.EdgeCases() {
		for _, docs := range [][]gen.Doc{requests, agents} {
			for i, doc := range docs {
				if e.Name == "large document" && i%50 != 0 {
					continue // a megabyte each
				}
				if e.Name != "large document" && !long() && i%kinds != (i/kinds+n)%kinds {
					continue // each case changes each place once, with a variant that depends on the place and the case
				}
				func() {
					defer func() {
						if r := recover(); r != nil {
							require.Fail(t, "panic", "%s on %s: %v", e.Name, doc.JSON, r)
						}
					}()
					if !json.Valid(gen.Bend(e.Name, doc).JSON) {
						require.Fail(t, "no JSON", "%s on %s", e.Name, doc.JSON)
					}
				}()
			}
		}
	}
}

// TestEdgesOnAnyState: documents can be generated of a workflow with an edge
// case in each status that it can reach, with agents and without. One workflow
// covers each status; `make test-long` combines all of them with all.
func TestEdgesOnAnyState(t *testing.T) {
	t.Parallel()
	const workflows = 12
	for n, e := range gen.EdgeCases() {
		w := world(t, gen.Options{Seed: 3, Workflows: workflows, Lean: true, Edge: e.Name})
		for i := range w.Units() {
			for status := gen.NewRequest; status <= gen.RejectedArchived; status++ {
				if (i+int(status))%workflows != 0 && !long() {
					continue
				}
				st := w.Initial(i)
				agents := [][]gen.AgentState{st.Agents, nil, {{}}, {{Host: 0}, {Host: 1, Done: gen.Ended}}}
				st.Agents = agents[(i/3+n+int(status))%len(agents)]
				st.Transitions = append(st.Transitions[:1:1], gen.Transition{Status: status, Time: st.Created() + 60})
				require.NotPanics(t, func() {
					docs := w.Docs(i, &st)
					require.NotEmpty(t, docs)
					w.Request(i, &st)
					for k := range st.Agents {
						w.Agent(i, &st, k)
						w.AgentID(i, &st, k)
					}
				}, fmt.Sprintf("%s, %s, %d agents", e.Name, status, len(st.Agents)))
			}
		}
	}
	_, err := gen.New(gen.Options{Edge: "no such case"})
	assert.ErrorContains(t, err, "no such case")
}
