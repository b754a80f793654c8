package web

import (
	"net/url"

	"github.com/dmwm/wmstats/schema"
)

// StraysPage are the props of the page of stray jobs.
type StraysPage struct {
	Frame
	Notes  []Note
	Filter string // words of the name
	Chips  []Link // each removes a condition
	Hidden []Field
	Heads  []GroupHead
	Rows   []schema.StrayWorkflow
	Pager  Pager
	JSON   string
	CSV    string
}

// StrayPage are the props of the page of a request with stray jobs that is neither
// in the lists nor, as far as is known, in CouchDB.
type StrayPage struct {
	Frame
	Notes   []Note
	Stray   schema.StrayWorkflow
	Asked   bool   // CouchDB has answered that it has no such request
	Systems []Link // where else it can be looked for
	JSON    string
}

// StrayList is the address of the stray jobs of an agent or at a site; kind is
// agent or site.
func StrayList(kind, name string) string {
	return StrayPath + "?" + url.Values{kind: {name}}.Encode()
}

// strayText says which jobs a sum leaves out.
func strayText(running, pending int64) string {
	return Plural(running, "running job", "running jobs") + " and " + Int(pending) + " pending"
}

// strayNames is the number of agents and sites in one row.
const strayNames = 4
