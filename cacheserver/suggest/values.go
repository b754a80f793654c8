package suggest

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/dmwm/wmstats/cacheserver/budget"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// asBeginning is the distance of what begins with an unknown value. That of texts
// that differ in case and separators only is 0, each typing mistake is 1.
const asBeginning = 0.5

// near is a value that may have been meant.
type near struct {
	value    string // of a condition; may end with a wildcard
	distance float64
}

// mostReplacements is the maximum number of replacements of an unknown value.
const mostReplacements = 3

// mostPatterns is the maximum number of wildcards of one unknown value whose
// matches are counted.
const mostPatterns = 8

// values are the values of one field that a list has.
type values struct {
	field  schema.Field
	counts map[string]int
	texts  []string // the keys of counts, ascending
	folded []string // of texts
}

func newValues(spent *budget.Budget, field schema.Field, counts []wire.FacetValue) *values {
	v := &values{field: field, counts: make(map[string]int, len(counts))}
	for _, c := range counts {
		if c.Value != "" && spent.Spend(stepsOfText+len(c.Value)) {
			v.counts[c.Value] = c.Count
			v.texts = append(v.texts, c.Value)
		}
	}
	budget.Sort(spent, v.texts, stepsOfText, cmp.Compare[string])
	for _, text := range v.texts {
		if spent.Spend(stepsOfText + 10*len(text)) {
			v.folded = append(v.folded, folded(text))
		}
	}
	return v
}

// Steps of comparing one text with a near one, beyond those for each byte.
const stepsOfText = 50

// known reports whether a value of a condition matches a value of the list.
func (v *values) known(spent *budget.Budget, value string) bool {
	if !strings.Contains(value, wire.Star) {
		return v.counts[value] > 0
	}
	match := wire.Texts{In: []string{value}}
	return slices.ContainsFunc(v.texts, func(text string) bool {
		return spent.Spend(stepsOfText+len(value)+len(text)) && match.Match(text)
	})
}

// near returns the values near an unknown one, and the wildcards that it may have
// been the beginning of, in no order. The budget may end it early.
func (v *values) near(spent *budget.Budget, value string) []near {
	switch v.field.Type {
	case schema.Bool:
		return nil // the only other value is the opposite
	case schema.Int, schema.Float:
		return v.nearNumbers(spent, value)
	}
	head, star := strings.CutSuffix(value, wire.Star)
	switch {
	case strings.Contains(head, wire.Star):
		return nil // what lies between wildcards is near too much
	case star:
		return v.nearBeginnings(spent, head, true)
	}
	texts := v.nearTexts(spent, value)
	if len(texts) > 0 && texts[0].distance <= 1 {
		return texts
	}
	beginnings := v.nearBeginnings(spent, value, false)
	if len(texts) == 0 || len(beginnings) > 0 && beginnings[0].distance < texts[0].distance {
		return beginnings
	}
	return texts
}

// nearTexts returns the texts within the allowed mistakes, and the beginning that
// the value is, of a wildcard or of the only such text.
func (v *values) nearTexts(spent *budget.Budget, value string) []near {
	want := folded(value)
	if want == "" {
		return nil
	}
	var out []near
	var longer []string
	most := editsFor(len(want))
	for i, have := range v.folded {
		text := v.texts[i]
		if !spent.Spend(stepsOfText+min(len(want), len(have))) || strings.Contains(text, wire.Star) {
			continue // as a value it would be a wildcard
		}
		if n, _, ok := edits(want, have, most, false); ok {
			out = append(out, near{text, float64(n)})
			spent.Spend(20 * len(want))
		}
		if strings.HasPrefix(have, want) {
			longer = append(longer, text)
		}
	}
	if text, ok := v.beginning(spent, longer, want); ok {
		out = append(out, near{text, asBeginning})
	}
	return nearest(spent, out)
}

// beginning returns the wildcard for texts that begin with the folded value want.
// Of texts that spell it differently, those with the most records count. A single
// text stands for itself.
func (v *values) beginning(spent *budget.Budget, longer []string, want string) (string, bool) {
	type group struct {
		head      string
		separator string
		texts     []string
		count     int
	}
	groups := map[string]*group{}
	for _, text := range longer {
		if !spent.Spend(stepsOfText + 10*len(want)) {
			return "", false
		}
		head, separator := cut(text, want)
		g := groups[head]
		if g == nil {
			g = &group{head: head, separator: separator}
			groups[head] = g
		}
		if g.separator != separator {
			g.separator = ""
		}
		g.texts = append(g.texts, text)
		g.count += v.counts[text]
	}
	var best *group
	for _, g := range groups {
		if best == nil || cmp.Or(best.count-g.count, strings.Compare(g.head, best.head)) < 0 {
			best = g
		}
	}
	switch {
	case best == nil:
		return "", false
	case len(best.texts) == 1:
		return best.texts[0], true
	}
	return best.head + best.separator + wire.Star, true
}

// nearBeginnings returns the wildcards near head*. A wildcard for a single text is
// that text, unless wild.
func (v *values) nearBeginnings(spent *budget.Budget, head string, wild bool) []near {
	type group struct {
		mistakes int
		texts    []string // at most two: one or several
	}
	want := strings.ToLower(head)
	groups := map[string]*group{}
	for _, text := range v.texts {
		if !spent.Spend(stepsOfText+20*min(len(want), len(text))) || strings.Contains(text, wire.Star) {
			continue
		}
		have := strings.ToLower(text)
		if len(have) != len(text) {
			continue // places in one are not those in the other
		}
		n, end, ok := edits(want, have, editsFor(len(want)), true)
		if !ok || end == 0 || !startsRune(text, end) {
			continue
		}
		g := groups[text[:end]]
		if g == nil {
			g = &group{mistakes: n}
			groups[text[:end]] = g
		}
		if g.texts = append(g.texts, text); len(g.texts) > 2 {
			g.texts = g.texts[:2]
		}
	}
	out := make([]near, 0, len(groups))
	for text, g := range groups {
		value := text + wire.Star
		if !wild && len(g.texts) == 1 {
			value = g.texts[0]
		}
		out = append(out, near{value, float64(g.mistakes)})
	}
	out = nearest(spent, out)
	return out[:min(len(out), mostPatterns)]
}

// nearNumbers returns the numbers on both sides of the unknown one.
func (v *values) nearNumbers(spent *budget.Budget, value string) []near {
	want, err := strconv.ParseFloat(value, 64)
	if err != nil {
		return nil
	}
	var out []near
	for _, text := range v.texts {
		n, err := strconv.ParseFloat(text, 64)
		if err == nil && spent.Spend(stepsOfText) {
			out = append(out, near{text, math.Abs(n - want)})
		}
	}
	out = nearest(spent, out)
	if len(out) > mostReplacements { // and those at the same distance, as counts decide
		last := out[mostReplacements-1].distance
		out = slices.DeleteFunc(out, func(n near) bool { return n.distance > last })
	}
	return out
}

// nearest sorts by distance, then by value, and keeps the nearest of each value.
func nearest(spent *budget.Budget, list []near) []near {
	budget.Sort(spent, list, stepsOfText, func(a, b near) int {
		return cmp.Or(cmp.Compare(a.distance, b.distance), strings.Compare(a.value, b.value))
	})
	seen := map[string]bool{}
	return slices.DeleteFunc(list, func(n near) bool {
		again := seen[n.value]
		seen[n.value] = true
		return again
	})
}
