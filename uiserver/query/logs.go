package query

import (
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/web"
)

// Parameters that filter log messages, named as in the API.
const (
	LogTypeParam  = "type"
	ReporterParam = "reporter"
	ThreadParam   = "thread"
)

var logParams = []string{LogTypeParam, ReporterParam, ThreadParam}

// Logs is the query of the page of log messages.
type Logs struct {
	Workflows List // filter of workflows
	params    url.Values
}

// ReadLogs parses the address of the page of log messages.
func (l *Lists) ReadLogs(u *url.URL) (q Logs, notes []web.Note) {
	q.params = url.Values{}
	values := u.Query()
	for _, name := range logParams {
		given := slices.DeleteFunc(values[name], func(v string) bool { return v == "" })
		if len(given) == 0 {
			continue
		}
		if _, err := wire.ReadTexts(name, given); err != nil {
			notes = append(notes, bad(problemOf(err).Detail+leftOut))
			continue
		}
		q.params.Set(name, strings.Join(given, ","))
	}
	var more []web.Note
	q.Workflows, more = l.Read(u, logParams...)
	q.Workflows.Sort, q.Workflows.Idx, q.Workflows.Gen, q.Workflows.Cols = nil, 0, "", nil
	return q, append(notes, more...)
}

// Get returns a parameter as given, "" for none.
func (q Logs) Get(param string) string { return q.params.Get(param) }

// WorkflowParams returns the parameters that filter workflows, without those that
// filter messages: type is the type of a message here.
func (q Logs) WorkflowParams() url.Values {
	v := Conditions(q.Workflows.Query).Values()
	v.Del(LogTypeParam)
	return v
}

// Params returns all parameters of the API.
func (q Logs) Params() url.Values {
	v := q.WorkflowParams()
	maps.Copy(v, q.params)
	return v
}

// Address returns the address of the page.
func (q Logs) Address() string { return At(web.LogsPath, q.Params()) }

// Chips returns links that remove one condition each.
func (q Logs) Chips() (out []web.Link) {
	for _, name := range logParams {
		if value := q.Get(name); value != "" {
			v := q.Params()
			v.Del(name)
			out = append(out, web.Link{Text: name + " " + wire.Shorten(value), Href: At(web.LogsPath, v)})
		}
	}
	for _, c := range q.Workflows.Split() {
		rest := q
		rest.Workflows = c.Rest
		out = append(out, web.Link{Text: "workflows with " + c.Label + " " + wire.Shorten(c.Value), Href: rest.Address()})
	}
	return out
}
