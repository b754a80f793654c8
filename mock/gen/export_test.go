package gen

// TasksMade is the number of tasks of a workflow, counted on its tree.
func TasksMade(w *World, sk *Sketch) int { return len(sk.tasks(w.opts.Lean)) }
