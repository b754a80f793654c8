package app

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dmwm/wmstats/program/settings"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// nameDatabases sets the names of Tier-0's databases, except those that were
// set explicitly.
func (o *Options) nameDatabases(given map[string]bool) {
	if !o.T0 {
		return
	}
	for _, d := range []struct {
		flag, name string
		to         *string
	}{
		{"request-db", "t0_request", &o.RequestDB}, {"wmstats-db", "tier0_wmstats", &o.WMStatsDB}, {"logdb", "t0_logdb", &o.LogDB},
	} {
		if !given[d.flag] {
			*d.to = d.name
		}
	}
}

// design returns the design document of the view of requests by status.
func (o *Options) design() string {
	if o.T0 {
		return "T0Request"
	}
	return "ReqMgr"
}

// table returns the statuses of the source.
func (o *Options) table() []schema.StatusInfo {
	if o.T0 {
		return schema.TierZeroStatuses()
	}
	return schema.Statuses()
}

// statuses returns those of the requests in the lists.
func (o *Options) statuses() []string {
	if o.Statuses != nil {
		return slices.Clone(o.Statuses)
	}
	var active []string
	for _, s := range o.table() {
		if s.Active {
			active = append(active, s.Status)
		}
	}
	return active
}

// knownStatuses returns all statuses of the source's table.
func (o *Options) knownStatuses() []string {
	var all []string
	for _, s := range o.table() {
		all = append(all, s.Status)
	}
	return all
}

// splitStatuses splits a comma-separated list; nil for an empty text.
func splitStatuses(text string) []string {
	if strings.TrimSpace(text) == "" {
		return nil
	}
	list := strings.Split(text, ",")
	for i := range list {
		list[i] = strings.TrimSpace(list[i])
	}
	return list
}

// validateStatuses checks Statuses against the source's table: a misspelt
// status would hide its requests.
func (o *Options) validateStatuses(f *settings.Faults) {
	known := o.knownStatuses()
	for i, status := range o.Statuses {
		switch {
		case status == "":
			f.Add("--statuses: entry %d is empty", i+1)
		case slices.Contains(o.Statuses[:i], status):
			f.Add("--statuses: %q is listed twice", status)
		case !slices.Contains(known, status):
			hint := ""
			if near := wire.Near(status, known, 1); len(near) > 0 {
				hint = fmt.Sprintf(" did you mean %q?", near[0])
			}
			f.Add("--statuses: unknown status %.80q;%s want some of: %s", status, hint, strings.Join(known, ", "))
		}
	}
}
