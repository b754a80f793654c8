package pages

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/web"
)

// chosen are the failing jobs that the page of a workflow is asked to show:
// some exit codes, sites, states; all without any.
type chosen struct {
	params      url.Values // as given, without what can't be used
	codes       wire.Numbers
	site, state wire.Texts
}

// parseChosen reads them; what can't be used is named and left out.
func parseChosen(r *http.Request) (c chosen, notes []web.Note) {
	c.params = url.Values{}
	query := r.URL.Query()
	for _, name := range jobParams {
		given := strings.Join(query[name], ",")
		if given == "" {
			continue
		}
		var err error
		switch name {
		case exitParam:
			c.codes, err = wire.ReadNumbers(name, []string{given})
		case siteParam:
			c.site, err = wire.ReadTexts(name, []string{given})
		default:
			c.state, err = wire.ReadTexts(name, []string{given})
		}
		if err != nil {
			notes = append(notes, web.Note{Bad: true, Text: problemFor(err).Detail + " It was left out."})
			continue
		}
		c.params.Set(name, given)
	}
	return c, notes
}

// errors are the groups of jobs that are chosen.
func (c chosen) errors(all []schema.JobError) []schema.JobError {
	if len(c.params) == 0 {
		return all
	}
	out := []schema.JobError{}
	for _, e := range all {
		if c.codes.Match(e.ExitCode) && c.site.Match(e.Site) && c.state.Match(e.State) {
			out = append(out, e)
		}
	}
	return out
}

// label says what is chosen: "exit code 8021, site T1_US_FNAL".
func (c chosen) label() string {
	var parts []string
	for _, name := range jobParams {
		if value := c.params.Get(name); value != "" {
			parts = append(parts, map[string]string{exitParam: "exit code", siteParam: "site", stateParam: "state"}[name]+" "+shorten(value))
		}
	}
	return strings.Join(parts, ", ")
}
