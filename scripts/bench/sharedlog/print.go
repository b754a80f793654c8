package sharedlog

import (
	"fmt"
	"io"
	"time"

	"github.com/dmwm/wmstats/scripts/bench/figures"
)

// Print prints the result, a line for each figure.
func (r *Result) Print(out io.Writer) {
	line := func(name string, value float64, unit string) {
		figures.Line(out, fmt.Sprintf("%d: %s", r.Workflows, name), value, unit, "")
	}
	took := func(name string, d time.Duration) { line(name, d.Seconds(), "s") }
	late := func(name string, d time.Duration) { line(name, float64(d.Microseconds())/1e3, "ms") }
	size := func(name string, bytes uint64) { line(name, float64(bytes)/1e6, "MB") }
	count := func(name string, n int) { line(name, float64(n), "") }

	took("first read, leader", r.FirstRead)
	took("first read, independent server", r.FirstReadAlone)
	took("first snapshot stored, after the read", r.FirstSnapshot)
	took("followers ready, after the read", r.AllReady)
	size("first snapshot", r.SnapshotBytes)
	size("largest snapshot", r.LargestSnapshot)
	count("snapshots stored during the changes", r.Snapshots)
	count("snapshots kept", r.SnapshotsKept)
	if n := len(r.Pauses); n > 0 {
		late(fmt.Sprintf("nothing applied because of a snapshot, median of %d", n), r.Pauses[n/2])
		late("nothing applied because of a snapshot, longest", r.Pauses[n-1])
	}
	took("start of a follower until ready", r.Started)
	count("entries that it applied", r.Replayed)
	count("entries", r.Entries)
	line("entry, p50", float64(r.EntryBytes)/1e3, "KB")
	line("entry, largest", float64(r.LargestEntry)/1e3, "KB")
	late("from an entry's moment until applied, p50", r.LagP50)
	late("from an entry's moment until applied, p99", r.LagP99)
	for _, of := range []struct {
		where string
		Times
	}{{"all replicas", r.All}, {"the independent server", r.Alone}} {
		late("change to visible on "+of.where+", p50", of.P50)
		late("change to visible on "+of.where+", p90", of.P90)
		late("change to visible on "+of.where+", p99", of.P99)
		late("change to visible on "+of.where+", slowest", of.Max)
	}
	count("takeovers", r.Takeovers)
	for _, of := range []struct {
		who string
		Requests
	}{{"replicas", r.Shared}, {"the independent server", r.Independent}} {
		count("requests of "+of.who+": full reads", of.FirstReads)
		count("requests of "+of.who+": feeds opened", of.Feeds)
		count("requests of "+of.who+": feeds of one database at once", of.AtOnce)
		count("requests of "+of.who+": checks of a read", of.Checks)
		count("requests of "+of.who+": documents", of.Documents)
		size("bytes to "+of.who, uint64(of.Bytes)) //nolint:gosec // not negative
	}
	size("engine: stored", r.EngineDisk)
	size("highest resident memory, engine", r.EngineMemory)
	size("highest resident memory, leader", r.LeaderMemory)
	size("highest resident memory, follower", r.FollowerMemory)
	size("highest resident memory, follower started again", r.RestartedMemory)
	size("highest resident memory, independent server", r.IndependentMemory)
}
