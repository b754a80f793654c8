// Package filterbar implements the language of the filter bar: one line such as
//
//	status:running-open -site:T1_* prio:>90000 failure:>100 age:>2d Summer20
//
// that stands for the conditions of a wire.Query. Parse parses a line and reports
// its mistakes, Format is the inverse; Parse of Format returns the same conditions.
// Fields and values are checked by package wire; there is no list of fields here.
// The package does no I/O and ignores order, columns and pages.
//
// Conditions are separated by spaces and all hold:
//
//	key:a,b      any of these; * is a wildcard       -key:a,b or key:!a   none of these
//	key:>9       also >= < <=, and key:3..9 for both ends
//	age:>2d      in the status for longer; age:<6h; time fields take ages and dates
//	since:2026-01-31  until:…                       bounds of the time of the status
//	has:failure  -has:agent                         present, or not
//	name:a,b                                        these workflows
//	anything else                                   text in names, PrepIDs and datasets
//
// Text with a space, a comma or a quotation mark is enclosed in quotation marks,
// within which \" and \\ are the quotation mark and the backslash.
package filterbar

import (
	"strings"

	"github.com/dmwm/wmstats/schema"
)

// Mistake is an invalid part of the line.
type Mistake struct {
	From, To int      // bytes of the line
	Text     string   // the mistake, as a sentence
	Fixes    []string // suggestions: the whole line with this part corrected
}

// aliases are short forms of keys, in addition to the names of the API.
var aliases = map[string]string{
	"prio": "Priority", "rate": "FailureRate", "done": "JobProgress", "alert": "Alerts", "jobs": "TotalJobs",
}

// written are the keys that Format writes in their short form.
var written = map[string]string{"Priority": "prio", "FailureRate": "rate"}

// Keys of the language that are not fields.
const (
	keyAge   = "age"
	keySince = "since"
	keyUntil = "until"
	keyHas   = "has"
	keyName  = "name"
)

// statusTime is the field used by age, since and until.
const statusTime = "StatusTime"

// Keys lists all keys, for suggestions.
func Keys() []string {
	keys := []string{keyAge, keySince, keyUntil, keyHas, keyName}
	for alias := range aliases {
		keys = append(keys, alias)
	}
	for _, f := range schema.Describe[schema.Workflow]() {
		keys = append(keys, f.Param)
		if !strings.EqualFold(f.Param, f.Key) {
			keys = append(keys, strings.ToLower(f.Key))
		}
	}
	return keys
}

func numeric(f schema.Field) bool { return f.Type == schema.Int || f.Type == schema.Float }

func isTime(f schema.Field) bool { return f.Unit == "Unix s" }
