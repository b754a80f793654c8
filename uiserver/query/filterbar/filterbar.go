// Package filterbar is the language of the filter bar: one line such as
//
//	status:running-open -site:T1_* prio:>90000 failure:>100 age:>2d Summer20
//
// that stands for the conditions of a wire.Query. Parse reads it and says what
// it can't read, Format writes it; Parse of Format gives the same conditions
// back. It knows what the API can ask for from package wire, checks every value
// with it, and holds no list of fields of its own. It does no I/O and does not
// look at order, columns or pages.
//
// Conditions are separated by spaces and all hold:
//
//	key:a,b      any of them; * is a wildcard       -key:a,b or key:!a   none of them
//	key:>9       >= < <= too, and key:3..9 for both ends
//	age:>2d      in the status for longer; age:<6h  time fields take ages and dates alike
//	since:2026-01-31  until:…                       bounds of the time of the status
//	has:failure  -has:agent                         present, or not
//	name:a,b                                        these workflows
//	anything else                                   text in names, PrepIDs and datasets
//
// What contains a space, a comma or a quotation mark is put between quotation
// marks; between them \" and \\ stand for themselves.
package filterbar

import (
	"strings"

	"github.com/dmwm/wmstats/schema"
)

// Mistake is a part of the line that can't be used.
type Mistake struct {
	From, To int      // bytes of the line
	Text     string   // what is wrong, a sentence
	Fixes    []string // the whole line with this part written otherwise
}

// aliases are the short forms of keys, beside the names that the API has.
var aliases = map[string]string{
	"prio": "Priority", "rate": "FailureRate", "done": "JobProgress", "alert": "Alerts", "jobs": "TotalJobs",
}

// written are the keys that Format writes otherwise than the API.
var written = map[string]string{"Priority": "prio", "FailureRate": "rate"}

// Keys of the language that are no fields.
const (
	keyAge   = "age"
	keySince = "since"
	keyUntil = "until"
	keyHas   = "has"
	keyName  = "name"
)

// statusTime is the field of age, since and until.
const statusTime = "StatusTime"

// Keys lists what may stand before a colon: for suggestions.
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
