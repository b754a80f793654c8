package pages

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/uiserver/load"
	"github.com/dmwm/wmstats/uiserver/query"
	"github.com/dmwm/wmstats/web"
)

// pinsRead are the requests for the states of pinned names, one of each kind.
type pinsRead struct {
	pins      query.Pins
	now       int64
	workflows *load.Answer[load.Workflows]
	campaigns *load.Answer[[]schema.Campaign]
	sites     *load.Answer[[]schema.Site]
	agents    *load.Answer[[]schema.Agent]
}

// startPins starts these requests.
func (p *Pages) startPins(r load.Round, pins query.Pins) pinsRead {
	read := pinsRead{
		pins: pins, now: p.Now().Unix(), workflows: &load.Answer[load.Workflows]{}, campaigns: &load.Answer[[]schema.Campaign]{},
		sites: &load.Answer[[]schema.Site]{}, agents: &load.Answer[[]schema.Agent]{},
	}
	names := map[string][]string{}
	for _, pin := range pins.List {
		names[pin.Kind] = append(names[pin.Kind], pin.Name)
	}
	of := func(field, kind string) wire.Query {
		return wire.Query{Terms: []wire.Term{{Field: field, Op: wire.In, Values: names[kind]}}}
	}
	if list := names[web.PinWorkflow]; list != nil {
		read.workflows = r.List(wire.Query{Names: list, Limit: len(list), Fields: append([]string{"Workflow", "Status", "StatusTime", "Alerts"}, web.JobKeys()...)})
	}
	if names[web.PinCampaign] != nil {
		read.campaigns = r.Campaigns(of("Campaign", web.PinCampaign))
	}
	if names[web.PinSite] != nil {
		read.sites = r.Sites(of("Site", web.PinSite))
	}
	if names[web.PinAgent] != nil {
		read.agents = r.Agents(of("Agent", web.PinAgent))
	}
	return read
}

// done reports whether all lists were read.
func (read pinsRead) done() bool {
	return read.workflows.Err == nil && read.campaigns.Err == nil && read.sites.Err == nil && read.agents.Err == nil
}

// rows returns the rows of the pinned names in their order, after the round. Names
// that the lists do not have are looked for one by one.
func (p *Pages) rows(c echo.Context, read pinsRead) []web.PinnedRow {
	rows, r := make([]web.PinnedRow, len(read.pins.List)), p.more(c)
	finish := func() {}
	for i, pin := range read.pins.List {
		row := &rows[i]
		row.Pin = pin
		row.Seen, row.Known = read.pins.Seen(pin)
		if !read.fill(row) && pin.Kind == web.PinWorkflow {
			answer, before := r.Apart().Workflow(pin.Name), finish
			finish = func() {
				before()
				unlisted(row, answer)
			}
		}
	}
	_, _ = r.Wait()
	finish()
	for i := range rows {
		rows[i].Now.Time = read.now
		rows[i].State = query.Token(rows[i].Pin, rows[i].Now)
	}
	return rows
}

// fill fills a row from the lists; false if they do not have the name.
func (read pinsRead) fill(row *web.PinnedRow) bool {
	row.Missing = "no longer in the list of " + row.Kind + "s"
	i := -1
	switch row.Kind {
	case web.PinWorkflow:
		list := read.workflows.Value.Items
		if i = slices.IndexFunc(list, func(w schema.Workflow) bool { return w.Workflow == row.Name }); i >= 0 {
			row.Counters, row.Now, row.Since = list[i].Counters, stateOfWorkflow(&list[i]), list[i].StatusTime
		}
	case web.PinCampaign:
		list := read.campaigns.Value
		if i = slices.IndexFunc(list, func(c schema.Campaign) bool { return c.Campaign == row.Name }); i >= 0 {
			row.Counters, row.Now = list[i].Counters, stateOfCampaign(&list[i])
		}
	case web.PinSite:
		list := read.sites.Value
		if i = slices.IndexFunc(list, func(s schema.Site) bool { return s.Site == row.Name }); i >= 0 {
			row.Counters, row.Now = list[i].Counters, stateOf(list[i].State, list[i].Counters)
		}
	case web.PinAgent:
		list := read.agents.Value
		if i = slices.IndexFunc(list, func(a schema.Agent) bool { return a.Agent == row.Name }); i >= 0 {
			row.Counters, row.Now = list[i].Counters, stateOf(list[i].Severity, list[i].Counters)
		}
	}
	if i >= 0 {
		row.Missing = ""
	}
	return i >= 0
}

// unlisted says why a workflow is in no list.
func unlisted(row *web.PinnedRow, answer *load.Answer[load.Detail]) {
	problem := wire.ProblemOf(answer.Err)
	switch {
	case answer.Err == nil && answer.Value.Unlisted == schema.UnlistedArchived:
		row.Now.Is, row.Missing = answer.Value.Workflow.Status, "archived: not in the lists any more"
	case answer.Err == nil:
		row.Now.Is, row.Missing = answer.Value.Workflow.Status, "not in the lists now"
	case problem != nil && problem.Status == http.StatusNotFound:
		row.Missing = "gone: neither in the lists nor in CouchDB"
	default:
		row.Missing = "not in the lists; CouchDB could not be read for it"
	}
	row.Now.Success, row.Now.Failure = row.Seen.Success, row.Seen.Failure
}

func stateOf(is string, c schema.Counters) web.PinState {
	return web.PinState{Is: is, Success: c.Success, Failure: c.Failure}
}

func stateOfWorkflow(w *schema.Workflow) web.PinState {
	s := stateOf(w.Status, w.Counters)
	s.Alerts = w.Alerts
	return s
}

func stateOfCampaign(c *schema.Campaign) web.PinState {
	return stateOf(fmt.Sprintf("%d workflows", c.Workflows), c.Counters)
}

// pinButton returns the button of a page for its name.
func (p *Pages) pinButton(kind, name string, s web.PinState) web.PinButton {
	pin := web.Pin{Kind: kind, Name: name}
	s.Time = p.Now().Unix()
	return web.PinButton{Pin: pin, State: query.Token(pin, s)}
}
