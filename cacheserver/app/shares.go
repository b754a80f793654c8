package app

import (
	"context"
	"fmt"
	"runtime"
	runtimemetrics "runtime/metrics"

	"github.com/dmwm/wmstats/cacheserver/api"
	"github.com/dmwm/wmstats/cacheserver/cache"
	"github.com/dmwm/wmstats/cacheserver/store"
	"github.com/dmwm/wmstats/program/settings"
	"github.com/dmwm/wmstats/schema/wire"
)

const (
	usualBudget    = 256 << 20 // bytes
	smallestBudget = 16 << 20
)

// Shares of the budget. The rest belongs to the store: superseded generations
// and compressed blocks, which it divides itself. When promised generations
// need more, they take most of the cache's share.
const (
	cacheShare    = 4 // in 16
	answerShare   = 1 // in 16
	timelineShare = 2 // in 16
)

// shares are the parts of --memory, in bytes.
type shares struct{ cache, answers, timeline, store int64 }

func (o *Options) shares() shares {
	b := shares{cache: o.Memory / 16 * cacheShare, answers: o.Memory / 16 * answerShare, timeline: o.Memory / 16 * timelineShare}
	if o.CacheBytes != nil {
		b.cache = min(b.cache, *o.CacheBytes)
	}
	b.store = o.Memory - b.cache - b.answers - b.timeline
	return b
}

func (o *Options) validateMemory(f *settings.Faults) {
	if o.Memory < smallestBudget {
		f.Add("--memory %q: want at least %s", settings.FormatBytes(o.Memory), settings.FormatBytes(smallestBudget))
	}
	if o.CacheBytes != nil && *o.CacheBytes < 0 {
		f.Add("--cache-bytes %q: want 0 or more", settings.FormatBytes(*o.CacheBytes))
	}
}

// newCache returns the cache of answers and details; nil, which keeps nothing,
// if it is disabled.
func (a *App) newCache() (*cache.Cache, error) {
	if a.o.CacheBytes != nil {
		a.Log.Warn("--cache-bytes is an older option: it only bounds the part of --memory for cached answers and details", "memory", a.o.Memory, "cache", a.o.shares().cache)
		if *a.o.CacheBytes == 0 {
			return nil, nil
		}
	}
	c, err := cache.New(a.o.shares().cache)
	if err != nil {
		return nil, fmt.Errorf("set up the cache: %w", err)
	}
	a.OnStop("cache", func(context.Context) error { c.Close(); return nil })
	return c, nil
}

// loan is the part of the cache that promised generations may take when their
// own part is full: cached values can be computed again.
func (a *App) loan() store.Loan {
	limit := a.cache.Limit()
	lent := limit / 8 * 7
	return store.Loan{Bytes: lent, Take: func(taken bool) {
		if taken {
			a.cache.SetLimit(limit - lent)
		} else {
			a.cache.SetLimit(limit)
		}
	}}
}

// memory tells the API the memory limits and usage of the process.
func (a *App) memory() api.MemoryOptions {
	return api.MemoryOptions{Budget: a.o.Memory, Answers: a.o.shares().answers, Parts: a.memoryParts}
}

// memoryParts counts everything that is held, except what the API holds.
func (a *App) memoryParts() []wire.MemoryPart {
	s := a.records.Account()
	segments, kept := a.records.Bounds()
	values, own := a.cache.Bytes()
	quarantined, documents := a.follower.QuarantineBytes()
	legacy := wire.MemoryPart{Part: "legacy"}
	if a.documents != nil {
		bytes, n := a.documents.Bytes()
		legacy.Bytes, legacy.Count = bytes, int64(n)
	}
	return []wire.MemoryPart{
		{Part: "records", Bytes: s.Records, Count: int64(s.Workflows)},
		{Part: "index", Bytes: s.Index, Count: int64(s.Workflows)},
		{Part: "documents", Bytes: s.Documents, Count: int64(s.DocumentCount)},
		{Part: "sums", Bytes: s.Sums, Count: int64(s.SumCount)},
		{Part: "differences", Bytes: s.Changes, Count: int64(s.ChangeCount)},
		{Part: "heard", Bytes: s.Heard, Count: int64(s.HeardCount)},
		{Part: "segments", Bytes: s.Segments, Limit: segments, Count: int64(s.SegmentCount)},
		{Part: api.PartGenerations, Bytes: s.Kept, Limit: kept, Count: int64(s.KeptCount)},
		{Part: "cache", Bytes: values, Limit: a.cache.Limit(), Count: 0},
		{Part: "timeline", Bytes: a.timeline.Bytes(), Limit: a.timeline.Limit(), Count: int64(a.timeline.Len())},
		legacy,
		{Part: "quarantine", Bytes: quarantined, Count: int64(documents)},
		{Part: "program", Bytes: a.program + own + a.journal.Bytes()},
	}
}

// measureProgram measures the memory in use before anything is read: the
// program itself.
func (a *App) measureProgram() {
	runtime.GC()
	sample := []runtimemetrics.Sample{{Name: "/gc/heap/live:bytes"}}
	runtimemetrics.Read(sample)
	if sample[0].Value.Kind() == runtimemetrics.KindUint64 {
		a.program = int64(sample[0].Value.Uint64()) //nolint:gosec // memory fits in 63 bits
	}
}
