package join

import (
	"cmp"

	"github.com/dmwm/wmstats/schema"
)

// Kind is the kind of a document.
type Kind uint8

// Kinds of documents.
const (
	Request     Kind = iota + 1 // a request document
	AgentReport                 // an agent_request document
	AgentInfo                   // an agent_info document
)

// Document identifies a document.
type Document struct {
	Kind Kind
	ID   string
}

// compareDocuments orders documents by kind, then by id.
func compareDocuments(a, b Document) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.ID, b.ID))
}

// Change is one decoded document. Without Workflow, Report and Info it means
// that the content is unchanged and only the time counts.
type Change struct {
	Kind    Kind
	ID, Rev string
	Deleted bool   // the document is gone, or no longer of interest
	Stands  bool   // nothing new is known: the known record stays, even after a read that did not return the document
	Hash    uint64 // raw.ContentHash of the document; 0: unknown, the content counts as new
	Time    int64  // timestamp of the document, Unix s (AgentReport, AgentInfo)
	Idle    bool   // AgentReport: its status is empty
	Doc     []byte // Request: the raw document, for users of the whole document; the join ignores it

	Workflow *schema.Workflow    // Request: the request's side of the record
	Report   *schema.AgentReport // AgentReport
	Info     *schema.AgentDetail // AgentInfo
}

// Result counts the effects of an input.
type Result struct {
	Added, Changed, Removed int // workflows
	Same                    int // changes with known content
	Unmatched               int // agent reports without their request
	// Refetch lists the documents of changes without content whose known
	// content differs: those changes were skipped.
	Refetch []string
	Swept   []Document // removed by a Commit, as its read did not see them
}
