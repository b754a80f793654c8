package simulate

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

var (
	seeds   = flag.Int("seeds", seedsHere, "number of seeds that TestSeeds runs; TestClusterSeeds runs a fifth")
	first   = flag.Uint64("first", 1, "first seed")
	hours   = flag.Float64("hours", 1, "simulated hours per seed")
	shrink  = flag.Duration("shrink", 30*time.Second, "time to shrink a plan that breaks a promise; 0: do not shrink")
	keep    = flag.String("keep", "", "folder for such plans and their traces")
	workers = flag.Int("workers", 0, "seeds that run at once; 0: one per processor, at most 4")
	only    = flag.String("only", "", "kinds of faults to keep, separated by commas; empty: all")
	without = flag.String("without", "", "kinds of events and of the stand-in's faults to leave out, separated by commas")
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestSeeds runs the plans of many seeds. A plan that breaks a promise is shrunk and
// printed, with a trace of its faults and requests; saved in testdata it becomes a
// test of TestPlans.
func TestSeeds(t *testing.T) { runSeeds(t, *seeds, NewPlan) }

// TestClusterSeeds does the same with several servers that answer as one.
func TestClusterSeeds(t *testing.T) { runSeeds(t, max(1, *seeds/5), NewClusterPlan) }

func runSeeds(t *testing.T, seeds int, plan func(seed uint64, hours float64) Plan) {
	t.Helper()
	var mu sync.Mutex
	next, ran, broken := *first, 0, 0
	take := func() (uint64, bool) {
		mu.Lock()
		defer mu.Unlock()
		next++
		return next - 1, next-1 < *first+uint64(seeds) //nolint:gosec // positive
	}
	var work sync.WaitGroup
	for range atOnce() {
		work.Go(func() {
			for seed, more := take(); more; seed, more = take() {
				p := plan(seed, *hours)
				p.Events = slices.DeleteFunc(p.Events, leftOut)
				b, trace := Run(t, p)
				mu.Lock()
				if ran++; b != nil {
					broken++
				}
				if ran%20 == 0 { // a long run reports its progress
					t.Logf("%d seeds have run, from %d on; %d broke a promise", ran, *first, broken)
				}
				mu.Unlock()
				if b != nil {
					tell(t, p, b, trace)
				}
			}
		})
	}
	work.Wait()
	t.Logf("%d seeds of %v hours, %d broke a promise", ran, *hours, broken)
}

// leftOut reports whether the flags leave an event out.
func leftOut(e Event) bool {
	named := func(list string) bool {
		kinds := strings.Split(list, ",")
		return slices.Contains(kinds, string(e.Kind)) || e.Fault != "" && slices.Contains(kinds, e.Fault)
	}
	return named(*without) || *only != "" && e.isFault() && !named(*only)
}

// tell shrinks a plan that broke a promise, and prints it.
func tell(t *testing.T, p Plan, b *Broken, trace string) {
	t.Helper()
	t.Errorf("seed %d: %v", p.Seed, b)
	if *shrink > 0 {
		p, b, trace = Shrink(t, p, b, trace, *shrink)
		t.Logf("seed %d, shrunk: %v", p.Seed, b)
	}
	text := fmt.Sprintf("# seed %d: %s\n%s", p.Seed, strings.ReplaceAll(b.String(), "\n", "\n# "), p)
	if *keep == "" {
		t.Logf("%s\n%s", text, trace)
		return
	}
	name := filepath.Join(*keep, fmt.Sprintf("seed-%d-%s", p.Seed, b.Promise))
	require.NoError(t, os.WriteFile(name+".plan", []byte(text), 0o600))
	require.NoError(t, os.WriteFile(name+".trace", []byte(trace), 0o600))
	t.Logf("written to %s.plan", name)
}

// TestPlans runs the plans of testdata, each of which once broke a promise.
func TestPlans(t *testing.T) {
	files, err := filepath.Glob("testdata/*.plan")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".plan"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			p, err := ParsePlan(string(text))
			require.NoError(t, err)
			if b, trace := Run(t, p); b != nil {
				t.Fatalf("%v\n%s", b, trace)
			}
		})
	}
}

// TestWithoutFaults: documents change, and no fault occurs.
func TestWithoutFaults(t *testing.T) {
	for seed := range uint64(5) {
		p := NewPlan(1_000_000+seed, 3)
		p.Events = slices.DeleteFunc(p.Events, func(e Event) bool { return e.isFault() })
		if b, trace := Run(t, p); b != nil {
			t.Fatalf("seed %d: %v\n%s", p.Seed, b, trace)
		}
	}
}

// atOnce is how many seeds run at once.
func atOnce() int {
	if *workers > 0 {
		return *workers
	}
	return min(4, runtime.GOMAXPROCS(0))
}
