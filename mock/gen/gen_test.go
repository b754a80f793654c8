package gen_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/mock/gen"
)

var update = flag.Bool("update", false, "write golden files")

func world(t testing.TB, opts gen.Options) *gen.World {
	t.Helper()
	w, err := gen.New(opts)
	require.NoError(t, err)
	return w
}

// digest is a hash over the first n documents.
func digest(docs iter.Seq[gen.Doc], n int) string {
	h := sha256.New()
	for d := range docs {
		if n--; n < 0 {
			break
		}
		h.Write([]byte(d.DB + "\x00" + d.ID + "\x00"))
		h.Write(d.JSON)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// TestSameSeedSameBytes compares the bytes of the first documents of seed 1
// with a recorded hash, so that a change of the generator, or of the machine,
// is noticed.
func TestSameSeedSameBytes(t *testing.T) {
	got := digest(world(t, gen.Options{Seed: 1, Workflows: 2000}).All(), 1500)
	golden := filepath.Join("testdata", "seed-1.sha256")
	if *update {
		require.NoError(t, os.WriteFile(golden, []byte(got+"\n"), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	assert.Equal(t, string(want), got+"\n")
	assert.NotEqual(t, got, digest(world(t, gen.Options{Seed: 2, Workflows: 2000}).All(), 1500))
}

func TestParallelGivesTheSameOrder(t *testing.T) {
	w := world(t, gen.Options{Seed: 3, Workflows: 300})
	assert.Equal(t, digest(w.All(), 1<<30), digest(w.AllParallel(), 1<<30))
	for range w.AllParallel() {
		break // a reader that stops early stops the work
	}
}

func TestWorkflowCanBeMadeAlone(t *testing.T) {
	w := world(t, gen.Options{Seed: 4, Workflows: 200})
	var all []gen.Doc
	for i := range w.Units() {
		st := w.Initial(i)
		all = append(all, w.Docs(i, &st)...)
	}
	other := world(t, gen.Options{Seed: 4, Workflows: 200})
	for _, i := range []int{199, 7, 120} {
		st := other.Initial(i)
		for _, d := range other.Docs(i, &st) {
			at := slices.IndexFunc(all, func(o gen.Doc) bool { return o.ID == d.ID && o.DB == d.DB })
			require.GreaterOrEqual(t, at, 0)
			assert.Equal(t, string(all[at].JSON), string(d.JSON))
		}
	}
}

func TestIDsAreDistinctAndInTheDocument(t *testing.T) {
	ids := map[string]bool{}
	for d := range world(t, gen.Options{Seed: 5, Workflows: 1200, Lean: true}).AllParallel() {
		require.False(t, ids[d.DB+"/"+d.ID], "%s twice", d.ID)
		ids[d.DB+"/"+d.ID] = true
		var head struct {
			ID string `json:"_id"`
		}
		require.NoError(t, json.Unmarshal(d.JSON, &head))
		require.Equal(t, d.ID, head.ID)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for _, opts := range []gen.Options{{Workflows: -1}, {Now: -5}, {Workflows: 1 << 40}} {
		_, err := gen.New(opts)
		assert.Error(t, err)
	}
}

func TestEmptyWorldHasAgentsOnly(t *testing.T) {
	n := 0
	for d := range world(t, gen.Options{Seed: 1}).All() {
		n++
		assert.Contains(t, string(d.JSON), `"type":"agent_info"`)
	}
	assert.Equal(t, 16, n, "13 agents and 3 services")
}

// TestStreamingKeepsNothing reads a world whose documents take far more memory
// than the test allows to grow.
func TestStreamingKeepsNothing(t *testing.T) {
	w := world(t, gen.Options{Seed: 6, Workflows: 1500, NoEdges: true})
	var before, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	most, total, n := uint64(0), 0, 0
	for d := range w.All() {
		total += len(d.JSON)
		if n++; n%500 == 0 {
			runtime.GC()
			runtime.ReadMemStats(&now)
			most = max(most, now.HeapAlloc)
		}
	}
	assert.Greater(t, total, 20<<20)
	assert.Less(t, most, before.HeapAlloc+6<<20)
}

func BenchmarkRaw(b *testing.B) {
	w := world(b, gen.Options{Seed: 1, Workflows: 20000})
	b.ReportAllocs()
	bytes, docs := 0, 0
	for i := 0; b.Loop(); i++ {
		st := w.Initial(i % 20000)
		for _, d := range w.Docs(i%20000, &st) {
			bytes += len(d.JSON)
			docs++
		}
	}
	b.ReportMetric(float64(bytes)/1e6/b.Elapsed().Seconds(), "MB/s")
	b.ReportMetric(float64(docs)/b.Elapsed().Seconds(), "docs/s")
}

func TestTasksAreCountedRight(t *testing.T) {
	for _, lean := range []bool{false, true} {
		w := world(t, gen.Options{Seed: 7, Workflows: 400, Lean: lean})
		for i := range w.Units() {
			st := w.Initial(i)
			sk := w.Sketch(i, st.Created())
			require.Equal(t, gen.TasksMade(w, sk), w.TaskCount(sk), sk.Name)
		}
	}
}

// TestNobodysLogin: requestors are services and invented people. Their names
// are part of the names of workflows, in tests, in the demo and in screenshots.
func TestNobodysLogin(t *testing.T) {
	w := world(t, gen.Options{Seed: 1, Workflows: 3000, Lean: true})
	seen := map[string]bool{}
	for i := range w.Units() {
		st := w.Initial(i)
		seen[w.Sketch(i, st.Created()).Requestor] = true
	}
	assert.Equal(t, []string{"cmsunified", "opsalpha", "opsbravo", "opscharlie", "opsdelta", "opsecho", "pdmvserv", "relval"}, slices.Sorted(maps.Keys(seen)))
}
