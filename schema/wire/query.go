// Package wire is the contract between the two servers: the parameters of a
// list request, their form in a URL, and the form of a problem. The cache
// server parses requests with it; the UI server and clients write them with it,
// so the two ends can't differ. It does no I/O, and knows of records only their
// description in package schema.
package wire

import "strings"

// Limits of a list request.
const (
	DefaultLimit = 100
	MaxLimit     = 10_000
	MaxNames     = 1_000 // values of name=
	MaxValue     = 4096  // bytes of one value: no text of a record has more
	MaxSortKeys  = 8     // keys of sort=
	MaxFacet     = 1_000 // values of one facet
	DefaultFacet = 10    // values of a facet without a number
)

// Op is the condition of a Term on its field.
type Op string

const (
	In     Op = "in"      // any of Values matches (lists: any element); * in a value is a wildcard
	NotIn  Op = "not-in"  // none of Values matches; also true for a missing field
	Min    Op = "min"     // field >= Number
	Max    Op = "max"     // field <= Number
	MinAge Op = "min-age" // generation time - field >= Number seconds; false for time 0
	MaxAge Op = "max-age" // generation time - field <= Number seconds; false for time 0
	Has    Op = "has"     // present: not empty, not 0, not -1, true
	HasNot Op = "has-not" // the opposite of Has
)

// Term is one condition on one field of the Workflow record. Terms are ANDed.
type Term struct {
	Field  string // schema key, such as Sites
	Op     Op
	Values []string
	Number float64
}

// mainPrefix stands before the key of a field in a Term or a group that refers
// to the field alone.
const mainPrefix = "main:"

// MainField returns the name of the field itself in a Term or in a group of
// statistics. The plain key of a field that is the main one of a list, such as
// Campaign, stands for all values of that list (schema.Field.All). Filters,
// facets and groups in requests always mean the list, as they can't write the
// other form.
func MainField(key string) string { return mainPrefix + key }

// FieldOfMain returns the key that was passed to MainField.
func FieldOfMain(name string) (key string, ok bool) { return strings.CutPrefix(name, mainPrefix) }

// SortKey is one key of the order. Ties are always broken by Workflow, ascending.
type SortKey struct {
	Field string // schema key
	Desc  bool
}

// Facet asks for the most frequent values of one field.
type Facet struct {
	Field string // schema key
	Limit int    // 0: 10
}

// Query is one list request, already checked: no handler reads a raw string.
// The zero value asks for the first page of everything.
type Query struct {
	Terms    []Term    // canonical order: as Values writes them
	Text     string    // q=: words that name, PrepIDs and datasets hold, in any case (Words)
	Names    []string  // name=: batch look-up
	Sort     []SortKey // empty: by Workflow
	Fields   []string  // projection, schema keys; empty: all
	Facets   []Facet
	Gen      string // generation to read; empty: the newest
	After    string // names after this one only; the order is by name
	Last     string // last workflow before Idx, for the continue URL of an expired generation; selects nothing
	Idx      int    // 0-based offset of the first record
	Limit    int    // 1..MaxLimit; 0 in a Query means DefaultLimit: use PageLimit
	All      bool   // limit=all
	Format   Format // "" is decided by Accept
	Envelope bool   // envelope=1, or facets asked for
	Download bool   // dl=1
}

// PageLimit returns the maximum length of the page: Limit, or the default.
func (q Query) PageLimit() int {
	if q.Limit == 0 {
		return DefaultLimit
	}
	return q.Limit
}

// Format names a representation.
type Format string

const (
	JSON   Format = "json"
	NDJSON Format = "ndjson"
	CSV    Format = "csv"
)
