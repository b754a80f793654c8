package gen

import (
	"bytes"
	"iter"
	"runtime"
)

// Docs returns all documents of workflow i in a state: its request document,
// those of its agents, job summaries, log entries and the documents that an
// edge case adds.
func (w *World) Docs(i int, st *State) []Doc {
	sk := w.Sketch(i, st.Created())
	var docs []Doc
	if w.HasRequest(i) {
		docs = append(docs, bend(w.requestDoc(sk, st), sk.edge.request))
	}
	agents := w.agentReports(sk, st)
	if len(agents) > 0 {
		agents[0] = bend(agents[0], sk.edge.agent)
	}
	docs = append(docs, agents...)
	docs = append(docs, w.jobDocs(sk, st)...)
	docs = append(docs, w.logDocs(sk, st)...)
	if sk.edge.extra != nil && (sk.edge.needs != needsAgents || len(agents) > 0) {
		docs = append(docs, sk.edge.extra(w, sk, st)...)
	}
	return docs
}

// Request returns the request document of workflow i in a state.
func (w *World) Request(i int, st *State) Doc {
	sk := w.Sketch(i, st.Created())
	return bend(w.requestDoc(sk, st), sk.edge.request)
}

// Agent returns the agent_request document of the k-th agent of workflow i.
func (w *World) Agent(i int, st *State, k int) Doc {
	sk := w.Sketch(i, st.Created())
	doc := newAgentWriter(w, sk, st).doc(k)
	if k == 0 {
		doc = bend(doc, sk.edge.agent)
	}
	return doc
}

// AgentID returns the id of the document that Agent returns.
func (w *World) AgentID(i int, st *State, k int) string {
	if sk := w.Sketch(i, st.Created()); k > 0 || sk.edge.agent == nil {
		return w.hosts[st.Agents[k].Host].name + "-" + sk.Name
	}
	return w.Agent(i, st, k).ID
}

// JobSummary returns the n-th job summary of workflow i, which must have
// agents. Those below 16 may be among Docs.
func (w *World) JobSummary(i int, st *State, n int) Doc {
	return w.jobDoc(w.Sketch(i, st.Created()), st, n)
}

// All yields all documents of the world in a fixed order: agents and services
// first, then workflow by workflow. It keeps nothing.
func (w *World) All() iter.Seq[Doc] {
	return func(yield func(Doc) bool) {
		for _, d := range w.Infos() {
			if !yield(d) {
				return
			}
		}
		for i := range w.Units() {
			st := w.Initial(i)
			for _, d := range w.Docs(i, &st) {
				if !yield(d) {
					return
				}
			}
		}
		w.act(yield)
	}
}

// act yields the documents of the workflows of scenarios.
func (w *World) act(yield func(Doc) bool) {
	workflows := w.Actors()
	if i, ok := w.Ends(0); ok {
		workflows = append(workflows, i)
	}
	for _, i := range workflows {
		st := w.Initial(i)
		for _, d := range w.Docs(i, &st) {
			if !yield(d) {
				return
			}
		}
	}
}

// AllParallel yields what All yields, in the same order, generated on all
// cores. At most a few hundred workflows are in memory at once.
func (w *World) AllParallel() iter.Seq[Doc] {
	const chunk = 32
	workers := runtime.GOMAXPROCS(0)
	return func(yield func(Doc) bool) {
		for _, d := range w.Infos() {
			if !yield(d) {
				return
			}
		}
		stop := make(chan struct{})
		defer close(stop)
		// The queue keeps the order: a promise enters it before its work
		// begins.
		queue := make(chan chan []Doc, 2*workers)
		go w.feed(queue, stop, chunk, workers)
		for promise := range queue {
			for _, d := range <-promise {
				if !yield(d) {
					return
				}
			}
		}
		w.act(yield)
	}
}

func (w *World) feed(queue chan<- chan []Doc, stop <-chan struct{}, chunk, workers int) {
	defer close(queue)
	slots := make(chan struct{}, workers)
	for from := 0; from < w.Units(); from += chunk {
		promise := make(chan []Doc, 1)
		select {
		case queue <- promise:
		case <-stop:
			return
		}
		slots <- struct{}{}
		go func() {
			defer func() { <-slots }()
			var docs []Doc
			for i := from; i < min(from+chunk, w.Units()); i++ {
				st := w.Initial(i)
				docs = append(docs, w.Docs(i, &st)...)
			}
			promise <- docs
		}()
	}
}

// Line returns the raw form of a document, one line without its end:
// {"db":…,"doc":…}.
func (d Doc) Line() []byte {
	var b bytes.Buffer
	b.Grow(len(d.JSON) + 48)
	b.WriteString(`{"db":"` + d.DB + `","doc":`)
	b.Write(d.JSON)
	b.WriteByte('}')
	return b.Bytes()
}
