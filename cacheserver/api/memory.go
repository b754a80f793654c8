package api

import (
	runtimemetrics "runtime/metrics"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/dmwm/wmstats/schema/wire"
)

// Parts of the memory that the API holds.
const (
	PartAnswers  = "answers" // the answer cache
	PartFailures = "failures"
)

// PartGenerations is the part for kept superseded generations:
// wire.AboutMemory also states it separately.
const PartGenerations = "kept"

// memoryParts counts the live objects.
func (a *API) memoryParts() []wire.MemoryPart {
	c := &a.counted
	c.mu.Lock()
	defer c.mu.Unlock()
	now, generation := time.Now(), a.o.Store.Info().Generation
	if c.parts != nil && generation == c.generation && now.Sub(c.at) < goodFor {
		return c.parts
	}
	parts := []wire.MemoryPart{}
	if a.o.Memory.Parts != nil {
		parts = append(parts, a.o.Memory.Parts()...)
	}
	answers, n := a.sender.Held()
	failures, tables := a.failing.held()
	parts = append(parts,
		wire.MemoryPart{Part: PartAnswers, Bytes: answers, Limit: a.o.Memory.Answers, Count: n},
		wire.MemoryPart{Part: PartFailures, Bytes: failures, Count: tables})
	c.at, c.generation, c.parts = now, generation, parts
	return parts
}

// memory returns the memory of the process; it reads the runtime's figures
// without stopping the world.
func (a *API) memory() wire.AboutMemory {
	samples := []runtimemetrics.Sample{
		{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"},
		{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/gc/heap/live:bytes"},
	}
	runtimemetrics.Read(samples)
	of := func(i int) int64 {
		if samples[i].Value.Kind() != runtimemetrics.KindUint64 {
			return 0
		}
		return int64(samples[i].Value.Uint64()) //nolint:gosec // memory fits in 63 bits
	}
	m := wire.AboutMemory{
		System: of(0) - of(1), Heap: of(2), Live: of(3), Records: a.o.Store.Info().Bytes,
		Budget: a.o.Memory.Budget, Parts: a.memoryParts(),
	}
	if i := slices.IndexFunc(m.Parts, func(p wire.MemoryPart) bool { return p.Part == PartGenerations }); i >= 0 {
		m.Kept = m.Parts[i].Bytes
	}
	return m
}

// memoryMetric reports the same at /metrics.
type memoryMetric struct {
	a                             *API
	bytes, limit, entries, budget *prometheus.Desc
	age, broken                   *prometheus.Desc
}

func newMemoryMetric(a *API) *memoryMetric {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, nil)
	}
	return &memoryMetric{
		a:       a,
		bytes:   desc("wmstats_memory_bytes", "Live memory by part; the sum explains the live heap.", "part"),
		limit:   desc("wmstats_memory_limit_bytes", "Upper bound of a part, from the budget.", "part"),
		entries: desc("wmstats_memory_entries", "Number of entries in a part.", "part"),
		budget:  desc("wmstats_memory_budget_bytes", "Budget of all parts that have a limit together: --memory."),
		age:     desc("wmstats_kept_generation_age_seconds", "Time since the oldest kept generation was superseded; 0 without kept generations. A generation is kept only if an answer linked to its other pages, or a filtered /changes named it."),
		broken:  desc("wmstats_promises_broken_total", "Generations dropped for lack of memory before their 15 minutes, though an answer had linked to them."),
	}
}

func (m *memoryMetric) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{m.bytes, m.limit, m.entries, m.budget, m.age, m.broken} {
		to <- d
	}
}

func (m *memoryMetric) Collect(to chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, value int64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(value), labels...)
	}
	for _, p := range m.a.memoryParts() {
		gauge(m.bytes, p.Bytes, p.Part)
		gauge(m.entries, p.Count, p.Part)
		if p.Limit > 0 {
			gauge(m.limit, p.Limit, p.Part)
		}
	}
	gauge(m.budget, m.a.o.Memory.Budget)
	to <- prometheus.MustNewConstMetric(m.age, prometheus.GaugeValue, m.a.o.Store.KeptAge().Seconds())
	to <- prometheus.MustNewConstMetric(m.broken, prometheus.CounterValue, float64(m.a.o.Store.Broken()))
}
