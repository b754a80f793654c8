package join

// ReportRef identifies an agent report without its content.
type ReportRef struct {
	ID   string // of the document
	Hash uint64 // of its content
	Time int64  // its timestamp, Unix s
	Idle bool   // its status is empty
}

// Reports returns the newest report of each agent on a workflow, by id, whatever
// the status of its request, and even without a request.
func (j *Join) Reports(workflow string) []ReportRef {
	w := j.workflows[workflow]
	if w == nil {
		return nil
	}
	newest := j.newest(w.reports)
	refs := make([]ReportRef, len(newest))
	for i, r := range newest {
		refs[i] = ReportRef{ID: r.id, Hash: r.hash, Time: r.time, Idle: r.idle}
	}
	return refs
}
