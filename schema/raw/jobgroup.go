package raw

import (
	"slices"
	"strings"

	"github.com/dmwm/wmstats/schema/jsonscan"

	"github.com/dmwm/wmstats/schema"
)

// DecodeJobGroup builds a record from one row of the view jobsByStatusWorkflow.
// The key is [workflow, task, state, exit code, site, ACDC URL, agent, error
// types] or a prefix of it: missing elements count as absent. ok is false for a
// key that is not a list, or that has no workflow.
func DecodeJobGroup(key []byte, count int64) (g schema.JobError, ok bool) {
	d := newDecoder(key)
	if d.scan.Kind() != jsonscan.Array {
		return g, false
	}
	g.ExitCode, g.Count = -1, count
	site := ""
	d.scan.Open()
	for i := 0; d.scan.NextElem(); i++ {
		switch i {
		case 0:
			g.Workflow = d.text("")
		case 1:
			g.Task = d.text("")
		case 2:
			g.State = d.text("")
		case 3:
			g.ExitCode = d.integer("", -1)
		case 4:
			site = d.text("")
		case 6:
			g.Agent = agentName(d.text(""))
		case 7:
			types := d.texts("")
			slices.Sort(types)
			g.ErrorTypes = strings.Join(slices.Compact(types), ";")
		default:
			d.scan.Skip()
		}
	}
	g.Site = siteName(site)
	if schema.Retried(g.State) {
		g.Retries = count
	}
	return g, d.scan.End() == nil && g.Workflow != ""
}
