package gen

import "github.com/dmwm/wmstats/mock/design"

// TasksMade is the number of tasks of a workflow, counted in its tree.
func TasksMade(w *World, sk *Sketch) int { return len(sk.tasks(w.opts.Lean)) }

// Bend changes a document as the edge case of a name changes documents of its
// database.
func Bend(name string, doc Doc) Doc {
	for _, e := range allEdges() {
		switch {
		case e.name != name:
		case doc.DB == design.RequestDB:
			return bend(doc, e.request)
		default:
			return bend(doc, e.agent)
		}
	}
	return doc
}
