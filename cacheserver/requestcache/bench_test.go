package requestcache_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/couch"
	"github.com/dmwm/wmstats/cacheserver/requestcache"
	"github.com/dmwm/wmstats/mock/design"
	"github.com/dmwm/wmstats/mock/gen"
)

// BenchmarkLook reads an answer of 1 000 workflows, from its file to the
// temporary one, and reports the memory that remains per document.
func BenchmarkLook(b *testing.B) {
	path := filepath.Join(b.TempDir(), "requestcache.json")
	size, documents := dump(b, path)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.GC() // pools release their content at the second one
	runtime.ReadMemStats(&before)
	b.SetBytes(int64(size))
	var s *requestcache.Source
	var err error
	for b.Loop() {
		if s != nil {
			require.NoError(b, s.Close())
		}
		s, err = requestcache.New(requestcache.Options{From: path, Dir: b.TempDir()})
		require.NoError(b, err)
		_, err = s.Position(b.Context(), couch.Requests)
		require.NoError(b, err)
	}
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(int64(after.HeapAlloc)-int64(before.HeapAlloc))/float64(documents), "kept-B/document")
	b.ReportMetric(float64(size)/1e6, "MB")
	require.NoError(b, s.Close())
}

// BenchmarkJSONDecoder parses the same answer with the tokens of
// encoding/json, as earlier versions did, and keeps nothing.
func BenchmarkJSONDecoder(b *testing.B) {
	path := filepath.Join(b.TempDir(), "requestcache.json")
	size, _ := dump(b, path)
	b.SetBytes(int64(size))
	for b.Loop() {
		file, err := os.Open(path)
		require.NoError(b, err)
		d := json.NewDecoder(file)
		var value json.RawMessage
		token := func() json.Token {
			t, err := d.Token()
			require.NoError(b, err)
			return t
		}
		token() // {
		token() // result
		token() // [
		token() // {
		for d.More() {
			token() // the workflow
			token() // {
			for d.More() {
				if token() != "AgentJobInfo" {
					require.NoError(b, d.Decode(&value))
					continue
				}
				token() // {
				for d.More() {
					token() // the agent
					require.NoError(b, d.Decode(&value))
				}
				token() // }
			}
			token() // }
		}
		require.NoError(b, file.Close())
	}
}

// dump writes an answer and returns its bytes and the number of its documents.
func dump(b *testing.B, path string) (size, documents int) {
	b.Helper()
	world, err := gen.New(gen.Options{Seed: 1, Workflows: 1000, NoEdges: true, JobSummaries: -1})
	require.NoError(b, err)
	all := map[string]map[string]json.RawMessage{}
	agents := map[string]map[string]json.RawMessage{}
	for d := range world.All() {
		var h head
		if d.DB == design.RequestDB {
			var members map[string]json.RawMessage
			require.NoError(b, json.Unmarshal(d.JSON, &members))
			all[d.ID] = members
			documents++
		} else if json.Unmarshal(d.JSON, &h) == nil && h.Workflow != "" {
			if agents[h.Workflow] == nil {
				agents[h.Workflow] = map[string]json.RawMessage{}
			}
			agents[h.Workflow][h.Agent] = d.JSON
			documents++
		}
	}
	for name, infos := range agents {
		if all[name] != nil {
			all[name]["AgentJobInfo"], err = json.Marshal(infos)
			require.NoError(b, err)
		}
	}
	text, err := json.Marshal(map[string]any{"result": []any{all}})
	require.NoError(b, err)
	require.NoError(b, os.WriteFile(path, text, 0o600))
	return len(text), documents
}
