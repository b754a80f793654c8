package web

import "github.com/dmwm/wmstats/schema/wire"

// ProblemPage is shown in place of a page that can't be made: not found, cache
// server away, first load running.
type ProblemPage struct {
	Frame
	All     Link // to all things of the kind that was not found
	Heading string
	Text    string
	Near    []Link // names that resemble what was asked for
	Retry   bool   // the page tries again by itself
}

// APIPage are the props of the description of the API.
type APIPage struct {
	Frame
	Notes     []Note
	Base      string // address of the API through this server
	Line      string // the reader's question, as the filter bar writes it
	Recipes   []Recipe
	Endpoints []Endpoint
	Missing   string // why there are no endpoints
	Tried     *Tried // the beginning of an answer; nil when none was asked for
}

// Endpoint is one address of the API.
type Endpoint struct {
	Method, Path, Purpose string
	Href                  string // "" where a browser can't open it
	Try                   string // address of this page with the beginning of its answer
	Filters               bool   // it takes the filters of /fetch
	Params                []Param
}

// Param is one parameter of an address.
type Param struct{ Name, In, Text, Example string }

// Tried is the beginning of an answer.
type Tried struct {
	Address, Type, Text string
	Status              int
	More                bool
}

// Recipe is a command with what it does.
type Recipe struct{ Title, Command string }

// AboutPage are the props of the page on the program and its data.
type AboutPage struct {
	Frame
	UI      []Fact // the UI server
	Cache   []Fact // the data
	Process []Fact // the cache server; nil when it is not known
	Lately  *wire.About
	Notes   []Note
}

// Fact is a figure with its name.
type Fact struct{ Label, Value string }
