package store

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unsafe"

	"github.com/dmwm/wmstats/cacheserver/join"
)

// AsOf is what lists of agents and sites depend on besides their generation: when
// each agent was last heard of, and the time by which its silence is judged. Both
// change while the generation does not.
type AsOf struct {
	time  int64 // Unix s
	heard heard
}

// Name returns the name under which Generation.AsOfNamed finds it again: here, or in another
// store that applies the same inputs.
func (a AsOf) Name() string {
	return fmt.Sprintf("%s-%d.%d", a.heard.process, a.heard.input, a.time)
}

// heard is when agents were last heard of after an input.
type heard struct {
	process string
	input   int64 // its number; see Options.Input
	*join.Freshness
}

// hearing remembers when agents were heard of after each input of the last minutes.
type hearing struct {
	keep time.Duration

	mu      sync.Mutex
	last    heard               // after the newest input
	moment  time.Time           // of the newest input
	first   int64               // the oldest input that it knows
	used    map[int64]time.Time // inputs that readers have named, each with the moment until which it is kept
	reports past[int64]
	agents  past[join.Heard]
}

func (h *hearing) init(keep time.Duration) {
	h.keep, h.last.Freshness, h.used = keep, &join.Freshness{}, map[int64]time.Time{}
}

func (h *hearing) newest() heard {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.last
}

// note records when agents were heard of after an input. An input without a number, which is not
// one of the log, keeps the name of the one before.
func (h *hearing) note(process string, input int64, moment time.Time, f *join.Freshness) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if input == 0 {
		h.last.Freshness = f
		return
	}
	if process != h.last.process {
		h.first, h.reports, h.agents = input, past[int64]{}, past[join.Heard]{}
		clear(h.used)
	}
	h.last, h.moment = heard{process, input, f}, moment
	maps.DeleteFunc(h.used, func(_ int64, until time.Time) bool { return until.Before(moment) })
	old := outlived{moment.Add(-h.keep), slices.Min(append(slices.Collect(maps.Keys(h.used)), input))}
	h.first = max(h.first, h.reports.note(f.Reports, input, moment, old), h.agents.note(f.Agents, input, moment, old))
}

// named returns the AsOf of a name.
func (h *hearing) named(name string) (a AsOf, ok bool) {
	process, rest, _ := strings.Cut(name, "-")
	number, seconds, _ := strings.Cut(rest, ".")
	input, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return a, false
	}
	if a.time, err = strconv.ParseInt(seconds, 10, 64); err != nil {
		return a, false
	}
	a.heard, ok = h.at(process, input)
	return a, ok && a.Name() == name
}

// at returns when agents had been heard of after an input, and extends the time for which
// that is kept.
func (h *hearing) at(process string, input int64) (heard, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if process != h.last.process || input < h.first || input > h.last.input {
		return heard{}, false
	}
	h.used[input] = h.moment.Add(h.keep)
	if input == h.last.input {
		return h.last, true
	}
	return heard{process, input, &join.Freshness{Reports: h.reports.at(input), Agents: h.agents.at(input)}}, true
}

// bytes returns the memory of the remembered values, and their number.
func (h *hearing) bytes() (bytes int64, n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	reports, agents := h.reports.size(), h.agents.size()
	return int64(reports)*int64(unsafe.Sizeof(pastValue[int64]{})) + int64(agents)*int64(unsafe.Sizeof(pastValue[join.Heard]{})), reports + agents
}

// past has the values of each name, each with the input that set it, oldest first.
type past[V comparable] map[string][]pastValue[V]

type pastValue[V comparable] struct {
	input  int64
	moment time.Time
	value  V
}

// mostValues is the number of values of a name that are remembered, whatever their age:
// an agent that reports twice a second reaches it in the time that generations are kept.
const mostValues = 2048

// outlived says which values nobody asks for: those replaced before a moment, and not
// after an input.
type outlived struct {
	moment time.Time
	input  int64
}

// note records the values after an input. Of the outlived ones it drops all but the last.
// It returns the oldest input at which the values that it changed are known.
func (p past[V]) note(values map[string]V, input int64, moment time.Time, old outlived) (known int64) {
	for name, value := range values {
		list := p[name]
		if len(list) > 0 && list[len(list)-1].value == value {
			continue
		}
		list = append(list, pastValue[V]{input, moment, value})
		drop := max(0, len(list)-mostValues)
		for drop+1 < len(list) && list[drop+1].moment.Before(old.moment) && list[drop+1].input <= old.input {
			drop++
		}
		if drop > 0 {
			list = list[drop:]
			known = max(known, list[0].input)
		}
		p[name] = list
	}
	maps.DeleteFunc(p, func(name string, list []pastValue[V]) bool {
		_, is := values[name]
		return !is && list[len(list)-1].moment.Before(old.moment)
	})
	return known
}

// at returns the values after an input.
func (p past[V]) at(input int64) map[string]V {
	out := make(map[string]V, len(p))
	for name, list := range p {
		for i := len(list) - 1; i >= 0; i-- {
			if list[i].input <= input {
				out[name] = list[i].value
				break
			}
		}
	}
	return out
}

func (p past[V]) size() (n int) {
	for _, list := range p {
		n += len(list)
	}
	return n
}
