package gen

import (
	"bytes"
	"encoding/json"
	"strings"
)

// EdgeCase names an irregularity that some workflows carry on purpose.
type EdgeCase struct {
	Name string
	Row  string // the row of the table of edge cases that it implements
}

// need is what a workflow must have for an edge case to show.
type need uint8

const (
	needsNothing need = iota
	needsAgents       // job counts: its status is forced to running-closed
)

// fields is a decoded document; numbers are json.Number.
type fields = map[string]any

// edge says how documents are changed. A nil function changes nothing.
type edge struct {
	name, row string
	needs     need
	agents    int                                         // minimum number of agents
	request   func(m fields)                              // the request document
	agent     func(m fields)                              // the document of the first agent
	extra     func(w *World, sk *Sketch, st *State) []Doc // additional documents
}

// EdgeCases lists the edge cases in the order in which they are placed.
func EdgeCases() []EdgeCase {
	var out []EdgeCase
	for _, e := range allEdges() {
		out = append(out, EdgeCase{e.name, e.row})
	}
	return out
}

func allEdges() []edge {
	return append(append(requestEdges(), agentEdges()...), extraEdges()...)
}

// edgeBlock is the number of workflows in which each edge case has its place:
// among the first edgeBlock workflows, and then once in edgePeriod.
const (
	edgeBlock  = 1000
	edgePeriod = 4000
)

// edgeOf returns the edge case of workflow i, or one that changes nothing.
func (w *World) edgeOf(i int) edge {
	if w.every != nil {
		return *w.every
	}
	place := i % edgePeriod
	if w.opts.NoEdges || i >= w.opts.Workflows || place >= edgeBlock {
		return edge{}
	}
	stride := edgeBlock / len(w.edges)
	place -= int(w.opts.Seed % uint64(stride))
	if place < 0 || place%stride != 0 || place/stride >= len(w.edges) {
		return edge{}
	}
	return w.edges[place/stride]
}

// EdgeDocs returns the documents of the first workflow with an edge case, or
// nil when the world is too small to contain it.
func (w *World) EdgeDocs(name string) []Doc {
	for i := range min(w.opts.Workflows, edgeBlock) {
		if w.edgeOf(i).name == name {
			st := w.Initial(i)
			return w.Docs(i, &st)
		}
	}
	return nil
}

// bend decodes a document, changes it and encodes it again. Keys come out sorted.
func bend(doc Doc, change func(m fields)) Doc {
	if change == nil {
		return doc
	}
	dec := json.NewDecoder(bytes.NewReader(doc.JSON))
	dec.UseNumber()
	m := fields{}
	if dec.Decode(&m) != nil || m == nil {
		return doc // not an object: there is nothing to change
	}
	change(m)
	if id, ok := m["_id"].(string); ok {
		doc.ID = id
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if enc.Encode(m) != nil {
		return doc
	}
	doc.JSON = bytes.TrimRight(out.Bytes(), "\n")
	return doc
}

// firstTask returns the path and the object of the task with the shortest path;
// the object is nil if the task is missing or is not an object.
func firstTask(m fields) (string, fields) {
	tasks, _ := m["tasks"].(fields)
	first := ""
	for path := range tasks {
		if first == "" || len(path) < len(first) || len(path) == len(first) && path < first {
			first = path
		}
	}
	t, _ := tasks[first].(fields)
	return first, t
}

// objectOf returns the object under a key. It creates the object where it is
// absent or not an object. For a document or task that is itself absent (nil)
// it returns an object that belongs to nothing, so a change of it has no
// effect.
func objectOf(m fields, key string) fields {
	o, ok := m[key].(fields)
	if !ok || o == nil {
		o = fields{}
		if m != nil {
			m[key] = o
		}
	}
	return o
}

// sitesOf returns the site objects of a document or task.
func sitesOf(m fields) fields { return objectOf(m, "sites") }

// statusOf returns the counters of a document or task.
func statusOf(m fields) fields { return objectOf(m, "status") }

// history returns the status history of a request document; it may be empty.
func history(m fields) []any {
	list, _ := m["RequestTransition"].([]any)
	return list
}

// hostile is text that breaks pages which insert it into markup without
// escaping.
func hostile() string {
	return `<script>alert("x")</script>'"&<img src=x onerror=alert(1)> ` + "\u202eDESREVER\u202c é 漢字 \U0001F600"
}

func long(n int) string { return strings.Repeat("VeryLongName_", n/13+1)[:n] }
