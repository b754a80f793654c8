package schema

import "slices"

// Orders of texts that are not those of letters, as the tag order of a field names
// them.
const (
	orderSeverity  = "severity"
	orderReported  = "reported status"
	orderSiteState = "site state"
	orderJobState  = "job state"
)

// Rank returns the place of a value in the order of its field: severities and what
// agents say of themselves the worst first, states of a site the best first, states of
// a job as they follow each other. All values of a field without such an order have
// the same rank.
func (f Field) Rank(text string) int {
	switch f.Order {
	case orderSeverity:
		return placeIn(severities, text)
	case orderReported:
		return placeIn(reportedStatuses, text)
	case orderSiteState:
		return siteStateRank(text)
	case orderJobState:
		return placeIn(jobStates, text)
	}
	return 0
}

// placeIn returns the place of a text; one that is not known comes after all others.
func placeIn(list []string, text string) int {
	if i := slices.Index(list, text); i >= 0 {
		return i
	}
	return len(list)
}

// reportedStatuses are what an agent says of itself, the worst first.
var reportedStatuses = []string{"down", "error", "warning", "ok"}

// jobStates are the states of a job in WMBS, in the order of its life; where a job
// leaves that, by what it fails at.
var jobStates = []string{
	"none", "new", "createcooloff", "createpaused", "createfailed",
	"created", "submitcooloff", "submitpaused", "submitfailed",
	"executing", "complete", "jobcooloff", "jobpaused", "jobfailed",
	"retrydone", "exhausted", "killed", "success", "cleanout",
}
