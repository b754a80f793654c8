package join

import (
	"cmp"

	"github.com/dmwm/wmstats/schema"
)

// Kind says what a Change is about.
type Kind uint8

// Kinds of documents.
const (
	Request     Kind = iota + 1 // a request document
	AgentReport                 // an agent_request document
	AgentInfo                   // an agent_info document
)

// Document names a document.
type Document struct {
	Kind Kind
	ID   string
}

// compareDocuments orders documents by their kinds, then by their ids.
func compareDocuments(a, b Document) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.ID, b.ID))
}

// Change is one document in the form that is joined: already decoded. Without
// Workflow, Report and Info it says that the content is the known one: then only
// the time counts.
type Change struct {
	Kind    Kind
	ID, Rev string
	Deleted bool   // the document is gone, or no longer of interest
	Stands  bool   // nothing new is known of it: what is there stands, also after a read that did not bring it
	Hash    uint64 // raw.ContentHash of the document; 0: not known, the content counts as new
	Time    int64  // timestamp of the document, Unix s (AgentReport, AgentInfo)
	Idle    bool   // AgentReport: its status is empty
	Doc     []byte // Request: the document itself, for those who want all of it; the join does not read it

	Workflow *schema.Workflow    // Request: the request's side of the record
	Report   *schema.AgentReport // AgentReport
	Info     *schema.AgentDetail // AgentInfo
}

// Result counts what an input did.
type Result struct {
	Added, Changed, Removed int // workflows
	Same                    int // changes with the content that was known
	Unmatched               int // agent reports that now wait for their request
	// Refetch names the documents of changes that came without content although
	// the content was not the known one: they were left out.
	Refetch []string
	Swept   []Document // removed by a Commit, as its read did not see them
}
