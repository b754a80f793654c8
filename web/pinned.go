package web

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dmwm/wmstats/schema"
)

// Kinds of names that can be pinned.
const (
	PinWorkflow = "workflow"
	PinCampaign = "campaign"
	PinSite     = "site"
	PinAgent    = "agent"
)

// PinKinds returns all of them.
func PinKinds() []string { return []string{PinWorkflow, PinCampaign, PinSite, PinAgent} }

// Pin is a name that a reader follows. Pins are kept in the browser.
type Pin struct{ Kind, Name string }

// Key is the pin as one text.
func (p Pin) Key() string { return p.Kind + " " + p.Name }

// path is the page of the name.
func (p Pin) path() string {
	switch p.Kind {
	case PinCampaign:
		return CampaignPath(p.Name)
	case PinSite:
		return SitePath(p.Name)
	case PinAgent:
		return AgentPath(p.Name)
	}
	return WorkflowPath(p.Name)
}

// PinButton are the props of the button that pins the name of a page.
type PinButton struct {
	Pin
	State string // token of its state as of this page
}

// PinState is the state of a name as far as changes of it are shown.
type PinState struct {
	Time             int64    // Unix s
	Is               string   // status of a workflow, severity of an agent, state of a site, number of workflows of a campaign; "" if unknown
	Failure, Success int64    // jobs
	Alerts           []string // of a workflow
}

// PinnedPage are the props of the page of pinned names.
type PinnedPage struct {
	Frame
	Notes []Note
	Rows  []PinnedRow
	Share string // this page without the states of the last look
}

// PinnedRow is one pinned name.
type PinnedRow struct {
	PinButton
	schema.Counters

	Now     PinState
	Seen    PinState // at the last look
	Known   bool     // Seen is known
	Since   int64    // when Now.Is began, Unix s; 0 if unknown
	Missing string   // why the row has no state: the lists do not have the name
}

// mark is that of the state.
func (r PinnedRow) mark() Mark {
	switch r.Kind {
	case PinWorkflow:
		return StatusMark(r.Now.Is)
	case PinAgent:
		return SeverityMark(r.Now.Is)
	case PinSite:
		return siteStateMark(r.Now.Is)
	}
	return Mark{"", "●"}
}

// counted reports whether the row has counts of jobs.
func (r PinnedRow) counted() bool { return r.Missing == "" }

// Changes lists what changed since the last look, in words.
func (r PinnedRow) Changes() (out []string) {
	if !r.Known {
		return nil
	}
	if was := r.Seen.Is; was != r.Now.Is && was != "" && r.Now.Is != "" {
		out = append(out, was+" → "+r.Now.Is)
	}
	if !r.counted() {
		return out
	}
	for _, jobs := range []struct {
		more int64
		what string
	}{{r.Now.Success - r.Seen.Success, "done"}, {r.Now.Failure - r.Seen.Failure, "failed"}} {
		if jobs.more != 0 {
			sign := "+"
			if jobs.more < 0 {
				sign = "−"
			}
			out = append(out, sign+Int(max(jobs.more, -jobs.more))+" "+jobs.what)
		}
	}
	for _, alert := range r.begun() {
		out = append(out, "alert began: "+words(alert))
	}
	for _, alert := range r.Seen.Alerts {
		if !slices.Contains(r.Now.Alerts, alert) {
			out = append(out, "alert ended: "+words(alert))
		}
	}
	return out
}

// begun are the alerts that the last look did not see.
func (r PinnedRow) begun() []string {
	return slices.DeleteFunc(slices.Clone(r.Now.Alerts), func(a string) bool { return slices.Contains(r.Seen.Alerts, a) })
}

// news is the change that the title of the tab tells: a workflow is done or has
// failed, an alert began, an agent is in error; "" for none.
func (r PinnedRow) news() string {
	if !r.Known {
		return ""
	}
	before, _ := schema.StatusOf(r.Seen.Is)
	now, _ := schema.StatusOf(r.Now.Is)
	switch {
	case r.Kind == PinAgent && r.Now.Is == schema.SeverityError && r.Seen.Is != schema.SeverityError:
		return "✕ error · " + r.Name
	case r.Kind == PinWorkflow && now.Group == "Done" && before.Group != "Done":
		return "✓ " + r.Now.Is + " · " + r.Name
	case r.Kind == PinWorkflow && now.Group == "Bad" && before.Group != "Bad":
		return "✕ " + r.Now.Is + " · " + r.Name
	}
	if alerts := r.begun(); len(alerts) > 0 {
		return "▲ " + words(strings.Join(alerts, ", ")) + " · " + r.Name
	}
	return ""
}

// PinnedNews is the beginning of the tab's title: the first news of the pinned names,
// and how many others there are; "" for none.
func PinnedNews(rows []PinnedRow) string {
	var all []string
	for _, r := range rows {
		if text := r.news(); text != "" {
			all = append(all, text)
		}
	}
	switch len(all) {
	case 0:
		return ""
	case 1:
		return all[0]
	}
	return fmt.Sprintf("%s (+%d)", all[0], len(all)-1)
}
