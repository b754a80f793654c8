package web

import (
	"reflect"
	"slices"
	"strings"
	"unicode"

	"github.com/dmwm/wmstats/schema"
)

// Column is one key of the Workflow record as a column of a list.
type Column struct {
	Key     string // schema key
	Label   string
	Doc     string // what it means, from the schema
	Unit    string
	Type    schema.Type
	Numeric bool // right-aligned

	index []int // of the Go field
}

// Columns describes all keys of the Workflow record, as the schema defines them.
// It is immutable.
type Columns struct {
	All   []Column
	byKey map[string]Column
}

// columnSet is a set of columns with a name.
type columnSet struct {
	Name, Label string
	Keys        []string
}

// sets are the built-in column sets. Progress and jobs are the two formats of the
// request table of the old server.
var sets = []columnSet{
	{"progress", "progress", []string{
		"Workflow", "Status", "StatusTime", "Priority", "TotalJobs", "JobProgress", "FailureRate",
		"EventProgress", "LumiProgress", "Cooloff", "QueueInjection", "SecondsLeft", "Type", "Campaign",
	}},
	{"jobs", "jobs", []string{
		"Workflow", "Status", "StatusTime", "Type", "Priority", "TotalJobs", "Queued", "Pending", "Running",
		"Success", "Failure", "Cooloff", "Paused", "SiteCount", "AgentCount", "JobsInQueue",
	}},
}

// DefaultSet is the column set used without cols=.
const DefaultSet = "progress"

// SetKeys returns the keys of a built-in set.
func SetKeys(name string) ([]string, bool) {
	for _, s := range sets {
		if s.Name == name {
			return s.Keys, true
		}
	}
	return nil, false
}

// SetNames lists the built-in sets.
func SetNames() []string {
	var names []string
	for _, s := range sets {
		names = append(names, s.Name)
	}
	return names
}

// labels are short headings of the most used columns.
var labels = map[string]string{
	"Workflow": "workflow", "StatusTime": "in status for", "CreateTime": "age", "TotalJobs": "jobs",
	"JobProgress": "jobs done", "EventProgress": "events", "LumiProgress": "lumis", "FailureRate": "failure rate",
	"Cooloff": "cool-off", "QueueInjection": "injected", "SecondsLeft": "time left", "PrepID": "PrepID",
	"SiteCount": "sites", "AgentCount": "agents", "JobsInQueue": "in queue", "LastAgentUpdate": "newest counts",
	"OldestAgentUpdate": "oldest counts", "EstimatedJobs": "expected jobs", "Score": "jobs held back", "HasJobInfo": "has jobs",
	"Sites": "names of sites", "Agents": "names of agents",
}

// NewColumns returns the columns of the Workflow record.
func NewColumns() Columns {
	record := reflect.TypeFor[schema.Workflow]()
	c := Columns{byKey: map[string]Column{}}
	for _, f := range schema.Describe[schema.Workflow]() {
		field, ok := record.FieldByName(f.Key)
		if !ok {
			continue
		}
		column := Column{
			Key: f.Key, Label: labels[f.Key], Doc: f.Doc, Unit: f.Unit, Type: f.Type,
			Numeric: f.Type == schema.Int || f.Type == schema.Float, index: field.Index,
		}
		if column.Label == "" {
			column.Label = spaced(f.Key)
		}
		c.All = append(c.All, column)
		c.byKey[f.Key] = column
	}
	return c
}

// Named finds a column by its key, in any case.
func (c Columns) Named(name string) (Column, bool) {
	if column, ok := c.byKey[name]; ok {
		return column, true
	}
	i := slices.IndexFunc(c.All, func(o Column) bool { return strings.EqualFold(o.Key, name) })
	if i < 0 {
		return Column{}, false
	}
	return c.All[i], true
}

// Keys lists all columns.
func (c Columns) Keys() []string {
	keys := make([]string, len(c.All))
	for i, column := range c.All {
		keys[i] = column.Key
	}
	return keys
}

// Time reports whether the column holds Unix seconds.
func (c Column) Time() bool { return c.Unit == "Unix s" }

// value returns the field of a record for the column.
func (c Column) value(w *schema.Workflow) reflect.Value {
	return reflect.ValueOf(w).Elem().FieldByIndex(c.index)
}

// figure formats a number with the unit of its column.
func (c Column) figure(w *schema.Workflow) Text {
	v := c.value(w)
	if c.Type == schema.Float {
		f := v.Float()
		switch {
		case c.Unit == "%":
			return Percent(f, Reason(c.Key))
		case f < 0:
			return NA(Reason(c.Key))
		}
		return Text{Shown: Float(f)}
	}
	n := v.Int()
	switch {
	case n < 0:
		return NA(Reason(c.Key))
	case c.Unit == "bytes":
		return Text{Shown: Bytes(n), Title: Int(n) + " bytes"}
	case c.Key == "SecondsLeft":
		return Text{Shown: "~ " + roughly(n)}
	}
	return Text{Shown: Int(n)}
}

// mostShown is the number of list elements that a cell shows.
const mostShown = 2

// list formats the first elements of a list, with all of them in the title.
func (c Column) list(w *schema.Workflow, words []string) Text {
	values, _ := c.value(w).Interface().([]string)
	if len(values) == 0 {
		return Text{}
	}
	if words = c.searched(words); len(words) > 0 { // values with hits first
		values = slices.Clone(values)
		slices.SortStableFunc(values, func(a, b string) int { return min(1, len(hits(b, words))) - min(1, len(hits(a, words))) })
	}
	shown := strings.Join(values[:min(len(values), mostShown)], ", ")
	if more := len(values) - mostShown; more > 0 {
		shown += " +" + Int(int64(more))
	}
	return Text{Shown: shown, Title: strings.Join(values, "\n")}
}

// searched returns the words to mark in the column: none where q= does not search.
func (c Column) searched(words []string) []string {
	switch c.Key {
	case "PrepID", "PrepIDs", "InputDataset", "InputDatasets", "OutputDatasets":
		return words
	}
	return nil
}

// spaced turns a key into words: OutputEvents becomes "output events"; runs of
// capitals stay as they are.
func spaced(key string) string {
	runes := []rune(key)
	var b strings.Builder
	for i, r := range runes {
		upper := unicode.IsUpper(r)
		next := i+1 < len(runes) && unicode.IsUpper(runes[i+1])
		start := upper && i > 0 && !unicode.IsUpper(runes[i-1])
		if start {
			b.WriteByte(' ')
		}
		if upper && !next && (i == 0 || start) {
			r = unicode.ToLower(r)
		}
		b.WriteRune(r)
	}
	return b.String()
}
