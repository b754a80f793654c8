package web

import (
	"slices"
	"strings"
)

// columnGroup has the columns of one subject, by label.
type columnGroup struct {
	Title   string
	Columns []Column
}

// Subjects of columns, in the order of the page.
const (
	aboutIdentity = "Identity"
	aboutTimes    = "Times"
	aboutJobs     = "Jobs"
	aboutPlaces   = "Sites and agents"
	aboutData     = "Events, data and resources"
)

// subject returns the subject of a column: that of its key, else that of its unit.
func (c Column) subject() string {
	switch c.Key {
	case "Agents", "AgentCount", "Sites", "SiteCount", "SiteWhitelist", "SiteBlacklist":
		return aboutPlaces
	case "FailureRate", "JobProgress", "HasJobInfo", "HasUnplacedJobs":
		return aboutJobs
	case "SecondsLeft":
		return aboutTimes
	case "InputDatasets", "OutputDatasets", "Pileups", "Skipped":
		return aboutData
	}
	switch c.Unit {
	case "Unix s":
		return aboutTimes
	case "jobs":
		return aboutJobs
	case "":
		return aboutIdentity
	}
	return aboutData
}

// bySubject groups columns.
func bySubject(all []Column) []columnGroup {
	var out []columnGroup
	for _, title := range []string{aboutIdentity, aboutTimes, aboutJobs, aboutPlaces, aboutData} {
		group := columnGroup{Title: title}
		for _, c := range all {
			if c.subject() == title {
				group.Columns = append(group.Columns, c)
			}
		}
		if group.Columns == nil {
			continue
		}
		slices.SortFunc(group.Columns, func(a, b Column) int { return strings.Compare(a.Label, b.Label) })
		out = append(out, group)
	}
	return out
}
