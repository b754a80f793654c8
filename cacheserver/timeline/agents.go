package timeline

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"unsafe"

	"github.com/dmwm/wmstats/schema"
)

// Bounds of the changes of agents' states.
const (
	mostChanges   = 20_000 // of all agents
	changesOfOne  = 500    // the newest of one agent
	mostTexts     = 200    // components and threads of one agent that are followed
	mostText      = 200    // bytes of a name or value
	agentsVersion = 1
	agentsShare   = 8 // of the bytes of a Timeline
)

// Kinds of an agent's state.
const (
	ofSeverity  = "severity"
	ofDrain     = "drain"
	ofComponent = "component"
	ofThread    = "thread"
)

// fact is one part of an agent's state: its kind, and the component or thread.
type fact struct{ kind, name string }

// held is the value of a fact and when it began; 0: before it was followed.
type held struct {
	value string
	since int64
}

// agentLog has the changes of the states of agents, or of sites, over the last days,
// and the states from which the next changes are found.
type agentLog struct {
	mu      sync.Mutex
	states  map[string]map[fact]held // by agent
	changes []schema.AgentChange     // oldest first
}

// factsOf returns the state of an agent. Components and threads that are well
// are absent.
func factsOf(a *schema.Agent) map[fact]string {
	out := map[fact]string{{ofSeverity, ""}: a.Severity, {ofDrain, ""}: "no"}
	if a.Draining {
		out[fact{ofDrain, ""}] = "yes"
	}
	if a.Draining && a.DrainComplete {
		out[fact{ofDrain, ""}] = "complete"
	}
	add := func(kind, name, value string) {
		if len(out) < mostTexts {
			out[fact{kind, short(name)}] = short(value)
		}
	}
	for _, c := range a.DownComponents {
		add(ofComponent, c, "down")
	}
	for _, w := range a.BadWorkers { // name (State)
		name, state, ok := strings.Cut(strings.TrimSuffix(w, ")"), " (")
		if !ok {
			state = "in trouble"
		}
		add(ofThread, name, state)
	}
	return out
}

// short bounds a text of a document.
func short(text string) string {
	if len(text) > mostText {
		text = strings.ToValidUTF8(text[:mostText], "")
	}
	return strings.Clone(text)
}

// well is the value of a component or thread that is absent.
const well = "ok"

// observe compares the agents with their states so far, and notes the changes.
func (l *agentLog) observe(now int64, agents []schema.AgentDetail) {
	states := make(map[string]map[fact]string, len(agents))
	for i := range agents {
		states[short(agents[i].Agent.Agent)] = factsOf(&agents[i].Agent)
	}
	l.compare(now, states)
}

// compare notes the changes from the states so far. A new name has
// none.
func (l *agentLog) compare(now int64, states map[string]map[fact]string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	before := l.states
	l.states = make(map[string]map[fact]held, len(states))
	for _, name := range slices.Sorted(maps.Keys(states)) {
		is, was := states[name], before[name]
		next := make(map[fact]held, len(is))
		for f, value := range is {
			next[f] = held{value: value}
		}
		l.states[name] = next
		if was == nil {
			continue
		}
		all := slices.SortedFunc(maps.Keys(merged(was, next)), func(a, b fact) int {
			return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.name, b.name))
		})
		for _, f := range all {
			from, to := was[f], next[f]
			from.value, to.value = cmp.Or(from.value, well), cmp.Or(to.value, well)
			if from.value == to.value {
				next[f] = from
				continue
			}
			c := schema.AgentChange{Time: now, Agent: name, Kind: f.kind, Name: f.name, From: from.value, To: to.value, Seconds: -1}
			if from.since > 0 {
				c.Seconds = max(0, now-from.since)
			}
			l.changes = append(l.changes, c)
			if _, there := next[f]; there {
				next[f] = held{to.value, now}
			}
		}
	}
}

func merged(a, b map[fact]held) map[fact]held {
	out := maps.Clone(a)
	maps.Copy(out, b)
	return out
}

// forget drops changes that are too old, and the oldest while there are too
// many of one agent or of all, or they take too many bytes.
func (l *agentLog) forget(oldest, bytes int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	of := map[string]int{}
	total, n := int64(0), 0
	kept := make([]schema.AgentChange, 0, len(l.changes))
	for _, c := range slices.Backward(l.changes) {
		size := int64(unsafe.Sizeof(c)) + int64(len(c.Name)+len(c.From)+len(c.To))
		if c.Time <= oldest || n == mostChanges || total+size > bytes {
			break
		}
		if of[c.Agent]++; of[c.Agent] > changesOfOne {
			continue
		}
		total, n = total+size, n+1
		kept = append(kept, c)
	}
	slices.Reverse(kept)
	l.changes = kept
}

// cut drops the changes that are not before a time.
func (l *agentLog) cut(now int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.changes = slices.DeleteFunc(l.changes, func(c schema.AgentChange) bool { return c.Time >= now })
	for _, facts := range l.states {
		for f, h := range facts {
			facts[f] = held{h.value, min(h.since, now)}
		}
	}
}

// replace takes the states and changes of another log.
func (l *agentLog) replace(by *agentLog) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.states, l.changes = by.states, by.changes
}

// bytes returns the approximate memory of the changes and states.
func (l *agentLog) bytes() (bytes int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.changes {
		c := &l.changes[i]
		bytes += int64(unsafe.Sizeof(*c)) + int64(len(c.Name)+len(c.From)+len(c.To))
	}
	for agent, facts := range l.states {
		bytes += 64 + int64(len(agent))
		for f, h := range facts {
			bytes += 128 + int64(len(f.name)+len(h.value))
		}
	}
	return bytes
}

// AgentChanges returns the changes of the states of some agents since a time,
// oldest first; of all agents without names.
func (t *Timeline) AgentChanges(agents []string, since int64) []schema.AgentChange {
	t.agents.mu.Lock()
	defer t.agents.mu.Unlock()
	out := []schema.AgentChange{}
	for _, c := range t.agents.changes {
		if c.Time >= since && (len(agents) == 0 || slices.Contains(agents, c.Agent)) {
			out = append(out, c)
		}
	}
	return out
}

// agentsEncoded is the frame of agents' states, as JSON.
type agentsEncoded struct {
	Version int
	States  []stateEncoded
	Changes []schema.AgentChange
}

type stateEncoded struct {
	Agent, Kind, Name, Value string
	Since                    int64
}

// encode returns the same bytes for the same states and changes.
func (e agentsEncoded) encode() []byte {
	e.States = slices.SortedFunc(slices.Values(e.States), func(a, b stateEncoded) int {
		return cmp.Or(cmp.Compare(a.Agent, b.Agent), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
	})
	out, err := json.Marshal(e)
	if err != nil {
		return nil // not reached: it has texts and numbers only
	}
	return out
}

// save copies the states and changes.
func (l *agentLog) save() agentsEncoded {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := agentsEncoded{Version: agentsVersion, Changes: slices.Clone(l.changes)}
	for agent, facts := range l.states {
		for f, h := range facts {
			e.States = append(e.States, stateEncoded{agent, f.kind, f.name, h.value, h.since})
		}
	}
	return e
}

// decodeAgents reads what encode wrote. It accepts any bytes.
func decodeAgents(src []byte) (states map[string]map[fact]held, changes []schema.AgentChange, err error) {
	var e agentsEncoded
	if err := json.Unmarshal(src, &e); err != nil {
		return nil, nil, fmt.Errorf("invalid states of agents: %w", err)
	}
	if e.Version != agentsVersion {
		return nil, nil, fmt.Errorf("states of agents have version %d, this program reads %d", e.Version, agentsVersion)
	}
	states = map[string]map[fact]held{}
	for _, s := range e.States {
		if states[s.Agent] == nil {
			states[s.Agent] = map[fact]held{}
		}
		states[s.Agent][fact{s.Kind, s.Name}] = held{s.Value, s.Since}
	}
	if !slices.IsSortedFunc(e.Changes, func(a, b schema.AgentChange) int { return cmp.Compare(a.Time, b.Time) }) {
		return nil, nil, errors.New("invalid states of agents: times must ascend")
	}
	return states, e.Changes, nil
}
