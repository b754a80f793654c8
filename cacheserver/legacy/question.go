package legacy

import (
	"crypto/sha256"
	"slices"
	"strconv"
	"strings"

	"github.com/dmwm/wmstats/cacheserver/legacy/documents"
	"github.com/dmwm/wmstats/cacheserver/legacy/property"
)

const (
	propName    = "RequestName"
	propStatus  = "RequestStatus"
	propType    = "RequestType"
	propReports = "AgentJobInfo"
	cleaned     = "CLEANED"
)

// Limits of a query. Known clients send at most seven masks and three filters.
const (
	maxMasks   = 100 // a row has a value for each, whether the request has it or not
	maxFilters = 100 // each looks its property up in every request
)

// question is a parsed query of filtered_requests: which requests, and which of
// their properties.
type question struct {
	filters []filter
	masks   []string // with RequestName first; nil: whole documents
	cleaned bool     // only requests without jobs at any agent
	reports bool     // the answer contains agents' reports
	key     string   // identifies filters and masks in the cache
}

// filter accepts requests of which a property has one of some values.
type filter struct {
	property string
	values   []string // as in the query
	accepted map[string]bool
}

func newFilter(property string, values []string) filter {
	f := filter{property, values, make(map[string]bool, len(values))}
	for _, v := range values {
		f.accepted[v] = true
	}
	return f
}

func questionOf(q query) question {
	var out question
	for _, name := range q.names {
		values := q.values[name]
		switch {
		case name == "mask":
			out.masks = []string{propName}
			for _, mask := range values {
				if len(out.masks) <= maxMasks && !slices.Contains(out.masks, mask) {
					out.masks = append(out.masks, mask)
				}
			}
		case name == propReports && len(values) == 1 && values[0] == cleaned:
			out.cleaned = true
		default:
			out.filters = append(out.filters, newFilter(name, values))
		}
	}
	out.reports = out.masks == nil || slices.Contains(out.masks, propReports)
	var key strings.Builder
	for _, f := range out.filters {
		key.WriteString(strconv.Quote(f.property))
		for _, v := range f.values {
			key.WriteString(strconv.Quote(v))
		}
		key.WriteByte(';')
	}
	for _, mask := range out.masks {
		key.WriteString(strconv.Quote(mask))
	}
	sum := sha256.Sum256([]byte(key.String())) // a query may be long, and each block of documents has such a key
	out.key = string(sum[:])
	return out
}

// picker preselects documents of one snapshot without decompressing them.
type picker struct {
	q        *question
	statuses map[uint8]bool // nil: any
	types    map[uint8]bool // nil: any
}

func (q *question) picker(s *documents.Snapshot) picker {
	p := picker{q: q}
	for _, f := range q.filters {
		switch f.property {
		case propStatus:
			p.statuses = map[uint8]bool{}
			for _, v := range f.values {
				if n, ok := s.Status(v); ok {
					p.statuses[n] = true
				}
			}
		case propType:
			p.types = map[uint8]bool{}
			for _, v := range f.values {
				if n, ok := s.Type(v); ok {
					p.types[n] = true
				}
			}
		}
	}
	return p
}

// may reports whether document i of a block can match. If so, its text decides.
func (p *picker) may(b *documents.Block, i int) bool {
	m := b.Mark(i)
	if p.statuses != nil && m.Flags&documents.PlainStatus != 0 && !p.statuses[m.Status] {
		return false
	}
	if p.types != nil && m.Flags&documents.PlainType != 0 && !p.types[m.Type] {
		return false
	}
	if m.Flags&documents.PlainName == 0 {
		return true
	}
	for _, f := range p.q.filters {
		if f.property == propName && !f.accepted[b.ID(i)] {
			return false
		}
	}
	return true
}

// mayAny reports whether any document of a block can match.
func (p *picker) mayAny(b *documents.Block) bool {
	for i := range b.Len() {
		if p.may(b, i) {
			return true
		}
	}
	return false
}

// matches reports whether all filters accept a document.
func (q *question) matches(d *property.Document) bool {
	for _, f := range q.filters {
		if !d.Value(f.property).Matches(f.accepted) {
			return false
		}
	}
	return true
}

// appendRow appends the row of a document: the properties named by the masks.
// reports are the documents of its agents.
func (q *question) appendRow(dst []byte, d *property.Document, reports [][]byte) []byte {
	for i, mask := range q.masks {
		if i == 0 {
			dst = append(dst, '{')
		} else {
			dst = append(dst, ',')
		}
		dst = append(property.AppendText(dst, mask), ':')
		switch {
		case mask != propReports:
			dst = d.Value(mask).AppendTo(dst)
		case hasReports(reports):
			dst = appendReports(dst, reports)
		default:
			dst = append(dst, "null"...)
		}
	}
	return append(dst, '}')
}
