package legacy

import (
	"encoding/json"

	"github.com/dmwm/wmstats/cacheserver/legacy/property"
)

// Members of a task's job counts that are added up.
var (
	failureParts   = []string{"create", "submit", "exception"}
	waitingParts   = []string{"create", "submit", "job"}
	queuedParts    = []string{"first", "retry"}
	submittedParts = []string{"running", "pending"}
)

// finished reports whether all jobs of a workflow have ended: there is at least one
// task, each task has jobs, and all of its jobs have succeeded or failed. The counts
// of a task are summed over its agents.
func finished(reports [][]byte) bool {
	type counts struct{ ended, total float64 }
	tasks := map[string]counts{}
	for _, doc := range reports {
		var of property.Document
		of.Reset(property.ASCII(nil, doc))
		value, _ := of.Top("tasks")
		var all map[string]json.RawMessage
		if json.Unmarshal(value, &all) != nil {
			continue // not an object: no tasks
		}
		for path, task := range all {
			var members, status map[string]json.RawMessage
			_ = json.Unmarshal(task, &members) // a task that is not an object has no jobs
			_ = json.Unmarshal(members["status"], &status)
			c := tasks[path]
			ended := number(status["success"]) + sum(status["failure"], failureParts)
			c.ended += ended
			c.total += ended + number(status["canceled"]) + number(status["transition"]) +
				sum(status["cooloff"], waitingParts) + sum(status["paused"], waitingParts) +
				sum(status["queued"], queuedParts) + sum(status["submitted"], submittedParts)
			tasks[path] = c
		}
	}
	for _, c := range tasks {
		if c.total <= 0 || c.ended != c.total {
			return false
		}
	}
	return len(tasks) > 0
}

// number returns a count, 0 if the value is not a number.
func number(value json.RawMessage) float64 {
	var n float64
	if json.Unmarshal(value, &n) != nil {
		return 0
	}
	return n
}

// sum adds up some members of an object. If the value is a number instead, it
// returns that number.
func sum(value json.RawMessage, parts []string) (total float64) {
	var members map[string]json.RawMessage
	if json.Unmarshal(value, &members) != nil {
		return number(value)
	}
	for _, part := range parts {
		total += number(members[part])
	}
	return total
}
