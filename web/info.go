package web

import "github.com/dmwm/wmstats/schema/wire"

// ProblemPage are the props of the page shown instead of one that failed: not
// found, cache server down, first full read not finished.
type ProblemPage struct {
	Frame
	All     Link // to all of the kind that was not found
	Heading string
	Text    string
	Near    []Link // similar names
	Systems []Link // where else it can be looked for
	Retry   bool   // the page retries automatically
}

// APIPage are the props of the page that describes the API.
type APIPage struct {
	Frame
	Notes     []Note
	Base      string // address of the API through this server
	Line      string // the reader's query, as a line of the filter bar
	Recipes   []Recipe
	Endpoints []Endpoint
	Missing   string // why there are no endpoints; "" if there are
	Tried     *Tried // start of a response; nil for none
}

// Endpoint is one endpoint of the API.
type Endpoint struct {
	Method, Path, Purpose string
	Href                  string // "" where a browser can't open it
	Try                   string // address of this page with the start of its response
	Filters               bool   // it takes the filters of /fetch
	Params                []Param
}

// paramCount describes the parameters of the endpoint.
func (e Endpoint) paramCount() string {
	text := Plural(int64(len(e.Params)), "parameter", "parameters")
	if e.Filters {
		text += ", and the filters of /fetch"
	}
	return text
}

// Param is one parameter of an endpoint.
type Param struct{ Name, In, Text, Example string }

// Tried is the start of a response.
type Tried struct {
	Address, Type, Text string
	Status              int
	More                bool
}

// summary describes the response: "status 200, text/csv; the first 2 KiB".
func (t Tried) summary() string {
	text := "status " + digits(int64(t.Status)) + ", " + t.Type
	if t.More {
		text += "; the first 2 KiB"
	}
	return text
}

// Recipe is a command with its title.
type Recipe struct{ Title, Command string }

// AboutPage are the props of the page on the servers and their data.
type AboutPage struct {
	Frame
	UI       []Fact // the UI server
	Cache    []Fact // the data
	Process  []Fact // the cache server; nil if unknown
	Activity *wire.About
	Notes    []Note
}

// Fact is a value with its label.
type Fact struct{ Label, Value string }

// minuteRow sums up the generations of one minute that have one reason.
type minuteRow struct {
	wire.AboutGeneration       // the newest; changes are the sum, the time is the longest
	Count                int64 // generations
}

// byMinute sums up generations that follow each other in one minute for one reason.
func byMinute(all []wire.AboutGeneration) []minuteRow {
	const minute = 60
	var out []minuteRow
	for _, g := range all {
		if n := len(out) - 1; n >= 0 && out[n].By == g.By && out[n].Time/minute == g.Time/minute {
			row := &out[n]
			row.Count++
			row.Added, row.Changed, row.Removed = row.Added+g.Added, row.Changed+g.Changed, row.Removed+g.Removed
			row.Seconds = max(row.Seconds, g.Seconds)
			continue
		}
		out = append(out, minuteRow{AboutGeneration: g, Count: 1})
	}
	return out
}
