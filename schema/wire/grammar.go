package wire

// The grammar of a list request. Names of parameters are read in any case and
// written in one; names of fields are schema keys or their parameters, in any
// case. Values keep their case.
//
//	status=a,b  status=a&status=b   any of them (lists: any element)
//	campaign=a                      the campaign, or that of a step: campaign,
//	                                release, team and prepid ask for any element of
//	                                Campaigns, Releases, Teams and PrepIDs; so do
//	                                their exclusions, facets and groups. sort=
//	                                and fields= mean the main one
//	site=!T1_*                      none of them; * is a wildcard anywhere
//	minPriority=  maxFailureRate=   bounds, both ends included: min or max and
//	                                the key of any number
//	since=  until=                  bounds of StatusTime
//	minAge=  maxAge=                bounds of the age of StatusTime
//	has=failure  has=!agent         present, or not
//	q=text                          part of the name, a PrepID or a dataset
//	q=a b                           both, each anywhere in them
//	q="a b"                         with the blank: a phrase
//	name=a,b                        these workflows, at most MaxNames
//	sort=-Priority,Status           - is descending; ties by Workflow
//	fields=Status,Failure           projection; Workflow is always there
//	facets=status,campaign:20       counts of the most frequent values
//	gen= idx= limit= (or all) after= last= format= envelope=1 dl=1
//
// In a list a comma separates values. A literal comma is written \, and a
// literal backslash \\ and a literal ! at the start \! ; any other backslash is
// an error. Parameters that take a list may be repeated, which means the same
// as a comma; all others are given at most once. A parameter without a value
// is an error, because an empty variable in a script would otherwise ask for
// everything: DropEmpty is there for the forms of browsers.
//
// A time is RFC 3339, a date (midnight UTC) or Unix seconds. A duration is
// numbers with units from s, m, h, d, w such as 90m or 2d12h; in the bounds of
// a time it means that long before the generation, and a bare number in minAge
// and maxAge is seconds. A number may stand for itself in a list of values
// (priority=90000), but not with a wildcard.

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/dmwm/wmstats/schema"
)

// param is one parameter: its name and how it is read.
type param struct {
	name string // as Values writes it
	list bool   // may be repeated
	read func(q *Query, name string, values []string) *Problem
	doc  string
	form Form
}

// Vocabulary is the set of parameters that a request for a list of one kind of
// record may have. It is built once from the schema's description of the record
// and never changed.
type Vocabulary struct {
	fields []schema.Field          // the first is the name of the record
	whole  bool                    // a list without limit= is whole
	byKey  map[string]schema.Field // by schema key
	byName map[string]schema.Field // by key and by parameter, both in lower case
	params map[string]param        // by name in lower case
	names  []string                // of params, sorted
}

// ofWorkflows is the vocabulary of lists of workflows.
var ofWorkflows = sync.OnceValue(func() *Vocabulary {
	return newVocabulary(schema.Describe[schema.Workflow](), false, (*Vocabulary).workflowParams)
})

// Workflows returns the vocabulary of lists of workflows, that of ParseQuery.
func Workflows() *Vocabulary { return ofWorkflows() }

// Groups returns the vocabulary of a list of sums, such as /sites: T is the
// record of one. Without limit= such a list is whole. It has no facets, no
// envelope and no paging by name.
func Groups[T any]() *Vocabulary {
	return newVocabulary(schema.Describe[T](), true, (*Vocabulary).groupParams)
}

func newVocabulary(fields []schema.Field, whole bool, fixed func(*Vocabulary) []param) *Vocabulary {
	v := &Vocabulary{
		fields: fields, whole: whole,
		byKey: map[string]schema.Field{}, byName: map[string]schema.Field{}, params: map[string]param{},
	}
	for _, f := range v.fields {
		v.byKey[f.Key] = f
		v.byName[strings.ToLower(f.Key)] = f
	}
	for _, f := range v.fields {
		if name := strings.ToLower(f.Param); v.byName[name].Key == "" {
			v.byName[name] = f
		}
		v.addField(f)
	}
	for _, p := range fixed(v) {
		v.add(p)
	}
	for _, p := range v.params {
		v.names = append(v.names, p.name)
	}
	slices.Sort(v.names)
	return v
}

func (v *Vocabulary) add(p param) { v.params[strings.ToLower(p.name)] = p }

func (v *Vocabulary) addField(f schema.Field) {
	v.add(param{f.Param, true, func(q *Query, name string, values []string) *Problem {
		return readValues(q, f, name, values)
	}, valueDoc(f), valueForm(f)})
	if !numeric(f) {
		return
	}
	form := FormNumber
	if isTime(f) {
		form = FormTime
	}
	v.add(param{"min" + f.Key, false, readBound(f, Min, MaxAge), "least " + f.Key + ": " + f.Doc, form})
	v.add(param{"max" + f.Key, false, readBound(f, Max, MinAge), "greatest " + f.Key + ": " + f.Doc, form})
}

// valueDoc describes a filter on the values of a field.
func valueDoc(f schema.Field) string {
	if f.All != "" {
		return f.Key + ", or another of " + f.All + ", is one of these: " + f.Doc
	}
	return f.Key + " is one of these: " + f.Doc
}

// groupParams returns the parameters of a list of sums that do not belong to a
// field.
func (v *Vocabulary) groupParams() []param {
	return []param{
		{"q", false, readText, "words that the name holds, in any case of letters; text between quotation marks is one word", FormText},
		{"has", true, v.readHas, "fields that are present; with ! those that are not", FormField},
		{"sort", true, v.readSort, "keys of the order; with - descending", FormField},
		{"fields", true, v.readFields, "keys of the records to return", FormField},
		{"gen", false, readGen, "generation to read; the newest if left out", FormGeneration},
		{"idx", false, readIdx, "0-based offset of the first record", FormWhole},
		{"limit", false, v.readLimit, "length of the page, at most 10000, or all; all if left out", FormLimit},
		{"format", false, readFormat, "form of the answer, before Accept", FormFormat},
		{"dl", false, readDownload, "send the answer as a file to save", FormFlag},
	}
}

// workflowParams returns the parameters of a list of workflows that do not
// belong to a field.
func (v *Vocabulary) workflowParams() []param {
	status := v.byKey[statusTime]
	return append(v.groupParams(), []param{
		{"since", false, readBound(status, Min, MaxAge), "the status was entered at this time or later", FormTime},
		{"until", false, readBound(status, Max, MinAge), "the status was entered at this time or before", FormTime},
		{"minAge", false, readAge(MinAge), "minimum time in the status", FormDuration},
		{"maxAge", false, readAge(MaxAge), "maximum time in the status", FormDuration},
		{"q", false, readText, "words that the name, PrepIDs or datasets hold, each of them, in any case of letters; text between quotation marks is one word", FormText},
		{"name", true, readNames, "these workflows, at most 1000", FormText},
		{"facets", true, v.readFacets, "fields whose values are counted; :n sets the number of values", FormFacet},
		{"after", false, readAfter, "names after this one, in the order of names", FormText},
		{"last", false, readLast, "last workflow of the page before, in the URLs of Link; selects nothing", FormText},
		{"limit", false, v.readLimit, "length of the page, at most 10000, or all", FormLimit},
		{"envelope", false, readEnvelope, "wrap the records in an object", FormFlag},
	}...)
}

// statusTime is the field of since, until, minAge and maxAge.
const statusTime = "StatusTime"

func numeric(f schema.Field) bool { return f.Type == schema.Int || f.Type == schema.Float }

// Countable reports whether the values of a field can be counted: texts, lists,
// flags, and whole numbers that identify something and have no unit, such as
// Run.
func Countable(f schema.Field) bool {
	return !numeric(f) || f.Type == schema.Int && f.Unit == ""
}

func isTime(f schema.Field) bool { return f.Unit == "Unix s" }

// field looks up a name in the value of a parameter.
func (v *Vocabulary) field(param, name string) (schema.Field, *Problem) {
	if f, ok := v.byName[strings.ToLower(name)]; ok {
		return f, nil
	}
	var keys []string
	for _, f := range v.fields {
		keys = append(keys, f.Key)
	}
	return schema.Field{}, UnknownField(param, name, Near(name, keys, 3))
}

// FieldNamed looks up a field of the Workflow record by its key or parameter,
// in any case. param is the parameter to name in the text of the *Problem.
func FieldNamed(param, name string) (schema.Field, error) {
	f, p := ofWorkflows().field(param, name)
	if p != nil {
		return f, p
	}
	return f, nil
}

// Params lists the names of all parameters of a list request, sorted.
func Params() []string { return slices.Clone(ofWorkflows().names) }

// item is one value of a list.
type item struct {
	text string
	not  bool // it began with !
}

// splitList reads the values of a parameter that takes a list.
func splitList(name string, values []string) ([]item, *Problem) {
	var items []item
	for _, value := range values {
		for more := true; more; {
			var it item
			var p *Problem
			if it, value, more, p = nextItem(name, value); p != nil {
				return nil, p
			}
			items = append(items, it)
		}
	}
	return items, nil
}

// tooLong reports a value that is longer than any value of a record. Links
// would repeat it.
func tooLong(name string) *Problem {
	return BadValue(name, fmt.Sprintf("The value may have at most %d bytes.", MaxValue))
}

// nextItem reads up to the next comma that is not escaped.
func nextItem(name, value string) (it item, rest string, more bool, p *Problem) {
	s := value
	if strings.HasPrefix(s, "!") {
		it.not, s = true, s[1:]
	}
	var text strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == ',':
			rest, more, s = s[i+1:], true, s[:i]
		case c != '\\':
			text.WriteByte(c)
		case i+1 < len(s) && strings.IndexByte(`,\!`, s[i+1]) >= 0:
			i++
			text.WriteByte(s[i])
		default:
			return it, "", false, BadValue(name, "A backslash may only precede a comma, a backslash or an exclamation mark; write a literal backslash twice.")
		}
	}
	switch it.text = text.String(); {
	case it.text == "":
		p = BadValue(name, emptyText(name))
	case len(it.text) > MaxValue:
		p = tooLong(name)
	}
	return it, rest, more, p
}

func emptyText(name string) string {
	return "A value of " + strconv.Quote(name) + " is empty; omit the parameter to select everything."
}

var escaper = strings.NewReplacer(`\`, `\\`, `,`, `\,`)

// escape is the inverse of nextItem.
func escape(text string, not bool) string {
	text = escaper.Replace(text)
	switch {
	case not:
		return "!" + text
	case strings.HasPrefix(text, "!"):
		return `\` + text
	}
	return text
}
