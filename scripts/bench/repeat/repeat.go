// Package repeat is a source for benchmarks that serves more documents than fit
// in memory, in CouchDB's form and at low cost: a small world of package mock,
// repeated under other names and with other numbers. It supports only the
// requests of a first read and of a follower (views, positions, feeds, single
// documents and their change); the general stand-in for CouchDB is package
// couchfake.
package repeat

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/dmwm/wmstats/mock/design"
	"github.com/dmwm/wmstats/mock/gen"
	"github.com/dmwm/wmstats/schema"
)

// Options say what a Source serves.
type Options struct {
	Workflows  int // active ones
	AgentDocs  int // agent_request documents, about; 0: as many for a workflow as mock makes
	AgentBytes int // mean length of them, about; 0: as mock makes them
	Seed       int64
	World      int  // workflows that are generated and then repeated; 0: 2 000
	Lean       bool // small agent documents
}

// unit is one workflow of the world: its documents as patterns.
type unit struct {
	name    string
	status  string
	request pattern
	agents  []pattern
}

// Source generates the documents on request.
type Source struct {
	o      Options
	units  []unit
	byName map[string]int // index in units
	infos  []pattern      // documents of agents and services, not repeated
	total  int            // workflows, including the archived ones whose agent reports still exist
	feeds  map[string]*feed
	asked  asked

	reports []report // of the world
}

// report is where an agent report is: in units and their agents.
type report struct{ unit, agent int }

// New generates the world that is repeated.
func New(o Options) (*Source, error) {
	if o.World == 0 {
		o.World = min(2000, o.Workflows)
	}
	world, err := gen.New(gen.Options{Seed: uint64(o.Seed), Workflows: o.World, JobSummaries: -1, Lean: o.Lean, Storable: true, NoEdges: true})
	if err != nil {
		return nil, fmt.Errorf("make the world: %w", err)
	}
	s := &Source{o: o, byName: map[string]int{}, feeds: map[string]*feed{design.RequestDB: newFeed(), design.WMStatsDB: newFeed()}}
	var made []madeUnit
	for i := range world.Units() {
		state := world.Initial(i)
		one, err := makeUnit(world.Docs(i, &state))
		if err != nil {
			return nil, fmt.Errorf("workflow %d: %w", i, err)
		}
		made = append(made, one)
	}
	active := map[string]bool{}
	for _, status := range schema.Statuses() {
		active[status.Status] = status.Active
	}
	if o.AgentDocs > 0 {
		made = inProportion(made, active, float64(o.AgentDocs)/float64(o.Workflows))
	}
	if err := stretch(made, o.AgentBytes); err != nil {
		return nil, err
	}
	count := 0
	for _, m := range made {
		s.byName[m.name] = len(s.units)
		for i := range m.agents {
			s.reports = append(s.reports, report{len(s.units), i})
		}
		s.units = append(s.units, m.patterns())
		if active[m.status] {
			count++
		}
	}
	if count == 0 {
		return nil, errors.New("the world has no active workflow")
	}
	s.total = s.lengthFor(o.Workflows, active)
	for _, d := range world.Infos() {
		s.infos = append(s.infos, newPattern(d.ID, d.JSON, ""))
	}
	return s, nil
}

// Rewrite stores an agent report with new content, as its agent does. The same n
// is the same report, or one of another workflow if there are fewer.
func (s *Source) Rewrite(n, content int) {
	at := s.reports[n%len(s.reports)]
	copies := max(1, s.total/len(s.units))
	p, k := &s.units[at.unit].agents[at.agent], n/len(s.reports)%copies
	doc := bytes.Replace(p.append(nil, k), []byte(`"agent_team"`), fmt.Appendf(nil, `"written":%d,"agent_team"`, content), 1)
	s.feeds[design.WMStatsDB].put(p.copyID(k), doc)
}

// lengthFor returns the number of workflows that are needed for n active ones.
func (s *Source) lengthFor(n int, active map[string]bool) (total int) {
	for ; n > 0; total++ {
		if active[s.units[total%len(s.units)].status] {
			n--
		}
	}
	return total
}

// madeUnit is a workflow as package mock generated it.
type madeUnit struct {
	name, status string
	request      []byte
	agents       [][]byte
}

func makeUnit(docs []gen.Doc) (m madeUnit, err error) {
	for _, d := range docs {
		var head struct {
			Type          string `json:"type"`
			RequestName   string
			RequestStatus string
		}
		if err := json.Unmarshal(d.JSON, &head); err != nil {
			return m, fmt.Errorf("read %s: %w", d.ID, err)
		}
		switch {
		case d.DB == design.RequestDB:
			m.name, m.status, m.request = head.RequestName, head.RequestStatus, d.JSON
		case d.DB == design.WMStatsDB && head.Type == "agent_request":
			m.agents = append(m.agents, d.JSON)
		}
	}
	return m, nil
}

// inProportion leaves workflows out until each active workflow has about the
// target number of agent documents.
func inProportion(made []madeUnit, active map[string]bool, target float64) []madeUnit {
	docs, workflows := 0, 0
	for _, m := range made {
		docs += len(m.agents)
		if active[m.status] {
			workflows++
		}
	}
	return slices.DeleteFunc(made, func(m madeUnit) bool {
		now := float64(docs) / float64(workflows)
		tooFew, tooMany := now < target && len(m.agents) == 0, now > target && float64(len(m.agents)) > target
		if !active[m.status] || !tooFew && !tooMany {
			return false
		}
		docs, workflows = docs-len(m.agents), workflows-1
		return true
	})
}

// stretch brings agent documents to a mean length, in bytes, by repeating their
// tasks under other names; 0 leaves them unchanged.
func stretch(made []madeUnit, target int) error {
	length, docs := 0, 0
	for _, m := range made {
		for _, doc := range m.agents {
			length, docs = length+len(doc), docs+1
		}
	}
	if target == 0 || docs == 0 {
		return nil
	}
	if mean := length / docs; target < mean {
		return fmt.Errorf("agent documents of %d bytes: they already have %d", target, mean)
	}
	for _, m := range made {
		for i, doc := range m.agents {
			longer, err := moreTasks(doc, len(doc)*target*docs/length)
			if err != nil {
				return err
			}
			m.agents[i] = longer
		}
	}
	return nil
}

// moreTasks repeats the tasks of a document until it has about size bytes.
func moreTasks(doc []byte, size int) ([]byte, error) {
	var all map[string]json.RawMessage
	var tasks map[string]json.RawMessage
	if err := json.Unmarshal(doc, &all); err != nil {
		return nil, fmt.Errorf("read an agent document: %w", err)
	}
	if err := json.Unmarshal(all["tasks"], &tasks); err != nil {
		return nil, fmt.Errorf("read its tasks: %w", err)
	}
	paths := make([]string, 0, len(tasks))
	for path := range tasks {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	for length, n := len(doc), 0; len(paths) > 0 && length < size; n++ {
		path := paths[n%len(paths)]
		again := fmt.Sprintf("%s/Again%d", path, 1+n/len(paths))
		tasks[again] = tasks[path]
		length += len(again) + len(tasks[path]) + len(`"":,`)
	}
	text, err := json.Marshal(tasks)
	if err != nil {
		return nil, fmt.Errorf("write tasks: %w", err)
	}
	all["tasks"] = text
	if text, err = json.Marshal(all); err != nil {
		return nil, fmt.Errorf("write an agent document: %w", err)
	}
	return text, nil
}

func (m *madeUnit) patterns() unit {
	u := unit{name: m.name, status: m.status, request: newPattern(m.name, m.request, m.name)}
	for _, doc := range m.agents {
		var head struct {
			ID string `json:"_id"`
		}
		_ = json.Unmarshal(doc, &head) // it was decoded before
		u.agents = append(u.agents, newPattern(head.ID, doc, m.name))
	}
	return u
}
