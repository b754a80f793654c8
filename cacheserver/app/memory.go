package app

import (
	"context"
	"log/slog"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"
	"time"
)

const (
	// gcPercent is the GOGC of the server. Nearly all of the heap is
	// long-lived records with few pointers, so a collection is cheap, while
	// the usual 100 would double the memory. Measured with 50 changes/s,
	// resident memory is 1.5 times the records at 20 and 2.5 times at 100, for
	// the same number of requests.
	gcPercent = 20
	// loadHeadroom is the minimum growth of the heap between two collections
	// of the first full read. With 20 % alone a heap that grows from nothing
	// is collected some twenty times, for a sixth of all processor time.
	loadHeadroom = 24 << 20
	// restorePercent is gcPercent while a checkpoint is read. Nearly all of
	// that stays, so there is little to collect: with 100 000 workflows there
	// are 30 collections at 20 and 16 at 100, for a sixth more memory at the
	// peak.
	restorePercent = 100
	// headroomEvery is how often the heap is checked meanwhile; it grows by at
	// most some 100 MB a second.
	headroomEvery = 20 * time.Millisecond
)

// TuneMemory sets the garbage collector unless the environment does. In a
// container the memory limit makes the collector act before the kernel kills
// the process.
func TuneMemory(o *Options, getenv func(string) string, log *slog.Logger) {
	if getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
		o.Headroom = loadHeadroom
	}
	if getenv("GOMEMLIMIT") != "" {
		return
	}
	o.Ceiling = math.MaxInt64
	text, err := os.ReadFile("/sys/fs/cgroup/memory.max")
	if err != nil {
		return // no container, no limit
	}
	if limit, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil && limit > 0 {
		o.Ceiling = limit / 10 * 9
		debug.SetMemoryLimit(o.Ceiling)
		log.Info("memory limit set to 90 % of the container's", "container", limit)
	}
}

// loadInHeadroom lets the heap grow by o.Headroom between collections until
// loaded is closed, and by more until restored is closed. Then it returns the
// unused memory of the first full read.
func (a *App) loadInHeadroom(ctx context.Context, restored, loaded <-chan struct{}) {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}} // as of the last collection
	usual := debug.SetGCPercent(gcPercent)
	ticker := time.NewTicker(headroomEvery)
	defer ticker.Stop()
	for now := usual; ; {
		metrics.Read(live)
		least := restorePercent
		select {
		case <-restored:
			least = usual
		default:
		}
		if percent := headroomPercent(least, a.o.Headroom, live[0].Value.Uint64()); percent != now {
			debug.SetGCPercent(percent) // stops all goroutines for a moment
			now = percent
		}
		select {
		case <-ticker.C:
			continue
		case <-loaded:
		case <-ctx.Done():
		}
		debug.SetGCPercent(usual)
		runtime.GC() // pools release their buffers at the second collection
		debug.FreeOSMemory()
		return
	}
}

// headroomPercent returns the GOGC at which a live heap may grow by headroom,
// or by usual if that is more. All values are bytes, except usual, which is a
// GOGC too.
func headroomPercent(usual int, headroom int64, live uint64) int {
	const least = 4 << 20                                        // the runtime treats a smaller heap like one of this size
	return max(usual, int(100*headroom/int64(max(live, least)))) //nolint:gosec // memory fits in 63 bits
}

// The planned memory of a server, as in docs/how-to/size.md: bytes, and bytes
// a workflow; of the budget a quarter more. The program's own text is not part
// of the runtime's memory.
const (
	plannedFloor    = 40e6
	plannedWorkflow = 7.8e3
	plannedOfBudget = 1.25
	// leastRoom is the minimum room of the runtime beyond the live heap: with
	// less it would collect all the time. At GOGC=20 it collects before that.
	leastRoom = 1.3
	// planEvery is how often the plan is computed.
	planEvery = 5 * time.Second
)

// keepToPlan lets the runtime return memory to the system when it would exceed
// the planned memory of a server of this size: otherwise the runtime keeps a
// tenth more than it needs. It ends with ctx.
func (a *App) keepToPlan(ctx context.Context) error {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	ticker := time.NewTicker(planEvery)
	defer ticker.Stop()
	now := int64(0)
	for {
		metrics.Read(live)
		limit := planned(a.records.Info().Workflows, a.o.Memory, live[0].Value.Uint64(), a.o.Ceiling)
		if limit != now {
			debug.SetMemoryLimit(limit)
			now = limit
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// planned returns the limit of the runtime's memory, in bytes: none before
// there are workflows, and never above the ceiling.
func planned(workflows, budget int64, live uint64, ceiling int64) int64 {
	if workflows == 0 {
		return ceiling
	}
	plan := plannedFloor + plannedWorkflow*float64(workflows) + plannedOfBudget*float64(budget)
	return min(ceiling, int64(max(plan, leastRoom*float64(live))))
}
