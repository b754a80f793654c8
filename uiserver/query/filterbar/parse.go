package filterbar

import (
	"cmp"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// Parse parses a line. The query has the conditions of all valid parts; use it only
// if there are no mistakes.
func Parse(line string) (wire.Query, []Mistake) {
	p := parser{line: line, given: url.Values{}}
	for all := wire.Tokens(line); len(all) > 0; {
		n := p.spaced(all)
		if n == 0 {
			n = 1
			p.read(all[0])
		}
		all = all[n:]
	}
	if len(p.words) > 0 {
		p.given.Set("q", wire.TextOf(p.words))
	}
	q, err := wire.ParseQuery(p.given)
	if err != nil && len(p.mistakes) == 0 { // each part is valid, but not all together
		p.mistakes = append(p.mistakes, Mistake{From: 0, To: len(line), Text: detail(err)})
	}
	slices.SortFunc(p.mistakes, func(a, b Mistake) int { return cmp.Compare(a.From, b.From) })
	return q, p.mistakes
}

type parser struct {
	line     string
	given    url.Values // parameters of the API
	words    []string   // words of the text to search for
	mistakes []Mistake
}

// mistake records a mistake in a part; instead are corrections of the part.
func (p *parser) mistake(t token, text string, instead ...string) {
	m := Mistake{From: t.From, To: t.To, Text: text}
	for _, other := range instead {
		m.Fixes = append(m.Fixes, p.line[:t.From]+other+p.line[t.To:])
	}
	p.mistakes = append(p.mistakes, m)
}

func (p *parser) read(t token) {
	if t.Open {
		p.mistake(t, "The quotation mark is not closed.", t.Raw+`"`)
		return
	}
	head := keyed.FindStringSubmatch(t.Raw)
	if head == nil {
		p.text(t)
		return
	}
	not, key, rest := head[1] != "", strings.ToLower(head[2]), t.Raw[len(head[0]):]
	if rest == "" {
		p.mistake(t, "There is no value after the colon. Without '"+head[2]+":' all values match.", strings.TrimSpace(wire.Quote(t.Raw)))
		return
	}
	switch key {
	case keyHas:
		p.has(t, not, rest)
	case keyName:
		p.name(t, not, rest)
	case keySince, keyUntil:
		if isRange(fieldOf(statusTime), rest) {
			p.since(t, not, key, rest)
			return
		}
		p.add(t, not, url.Values{key: {wire.Unquote(rest)}}, nil)
	case keyAge:
		p.bound(t, not, fieldOf(statusTime), rest, true)
	default:
		f, ok := p.field(t, head[1], head[2])
		if !ok {
			return
		}
		if comparison.MatchString(rest) || isRange(f, rest) {
			p.bound(t, not, f, rest, false)
		} else {
			p.equal(t, not, f, rest)
		}
	}
}

// spaced records a comparison that is written with blanks, such as failure > 100, and
// returns its number of parts; 0: the parts do not begin with one.
func (p *parser) spaced(all []token) int {
	if len(all) < 2 || strings.Contains(all[0].Raw, ":") {
		return 0
	}
	sign := comparison.FindString(all[1].Raw)
	limit, n := all[1].Raw[len(sign):], 2
	if limit == "" && len(all) > n {
		limit, n = all[n].Raw, n+1
	}
	instead := all[0].Raw + ":" + sign + limit
	if sign == "" || limit == "" || !keyed.MatchString(instead) {
		return 0
	}
	if _, mistakes := Parse(instead); len(mistakes) > 0 {
		return 0
	}
	t := token{From: all[0].From, To: all[n-1].To}
	p.mistake(t, "A comparison is written without blanks.", instead, wire.Quote(p.line[t.From:t.To]))
	return n
}

func (p *parser) text(t token) {
	if strings.HasPrefix(t.Raw, "-") && t.Raw != "-" {
		p.mistake(t, "Text can't be excluded; a value can, such as -site:T1_*. Put text that begins with a minus in quotation marks.", wire.Quote(t.Raw))
		return
	}
	if text := wire.Unquote(t.Raw); text != "" {
		p.words = append(p.words, text)
	}
}

// field returns the field of a key.
func (p *parser) field(t token, minus, key string) (schema.Field, bool) {
	if alias := aliases[strings.ToLower(key)]; alias != "" {
		return fieldOf(alias), true
	}
	f, err := wire.FieldNamed(key, key)
	if err == nil {
		return f, true
	}
	rest := t.Raw[len(minus)+len(key):]
	var instead []string
	for _, near := range wire.Near(key, Keys(), 3) {
		instead = append(instead, minus+near+rest)
	}
	p.mistake(t, "'"+key+"' is not a key of the filter. Put text with a colon in quotation marks.", append(instead, wire.Quote(t.Raw))...)
	return f, false
}

func fieldOf(key string) schema.Field {
	f, _ := wire.FieldNamed(key, key)
	return f
}

// equal parses a list of values.
func (p *parser) equal(t token, not bool, f schema.Field, rest string) {
	given := url.Values{}
	for _, v := range values(rest) {
		if v.text == "" {
			p.mistake(t, "A value is empty.")
			return
		}
		term := wire.Term{Field: f.Key, Op: wire.In, Values: []string{v.text}}
		if v.not != not {
			term.Op = wire.NotIn
		}
		for name, all := range (wire.Query{Terms: []wire.Term{term}}).Values() {
			given[name] = append(given[name], all...)
		}
	}
	p.add(t, false, given, nil)
}

func (p *parser) has(t token, not bool, rest string) {
	given := url.Values{}
	for _, v := range values(rest) {
		if alias := aliases[strings.ToLower(v.text)]; alias != "" {
			v.text = alias
		}
		if v.not != not {
			v.text = "!" + v.text
		}
		given.Add(keyHas, v.text)
	}
	p.add(t, false, given, func(near string) string {
		return map[bool]string{true: "-"}[not] + keyHas + ":" + strings.ToLower(near)
	})
}

func (p *parser) name(t token, not bool, rest string) {
	var names []string
	for _, v := range values(rest) {
		not = not || v.not
		names = append(names, v.text)
	}
	if not {
		p.mistake(t, "name: accepts exact names of workflows. Use -workflow: to exclude some.", "-workflow:"+rest)
		return
	}
	p.add(t, false, wire.Query{Names: names}.Values(), nil)
}

var (
	comparison = regexp.MustCompile(`^(>=|<=|>|<)`)
	duration   = regexp.MustCompile(`^(?i)(\d+(\.\d+)?[wdhms])+$`)
)

// bound parses key:>9 and key:3..9; aged allows only durations.
func (p *parser) bound(t token, not bool, f schema.Field, rest string, aged bool) {
	given := url.Values{}
	sign := comparison.FindString(rest)
	limit := wire.Unquote(rest[len(sign):])
	if !numeric(f) {
		p.mistake(t, "'"+f.Param+"' is not a number, so it can't be compared.", f.Param+":"+wire.Quote(rest))
		return
	}
	if sign == "" {
		if !isRange(f, rest) {
			p.mistake(t, "An age needs a comparison, such as age:>2d.", "age:>"+rest, "age:<"+rest)
			return
		}
		p.between(t, not, f, rest, aged)
		return
	}
	p.end(given, f, sign, limit)
	if aged && !agesOnly(given) {
		p.mistake(t, "An age needs a unit: s, m, h, d or w, such as 2d or 1d12h.", "age:"+sign+limit+"d", "age:"+sign+limit+"h")
		return
	}
	p.add(t, not, given, nil)
}

// agesOnly reports whether all limits are durations.
func agesOnly(given url.Values) bool {
	for _, all := range given {
		if !duration.MatchString(all[0]) {
			return false
		}
	}
	return true
}

// end adds one end of a range. Bounds of the API are inclusive, so > 5 becomes a
// minimum of the next number. Ages are compared inclusively, as one second makes
// no difference.
func (p *parser) end(given url.Values, f schema.Field, sign, limit string) {
	above := strings.HasPrefix(sign, ">")
	if isTime(f) && duration.MatchString(limit) {
		above = !above // a larger age is an earlier time
		sign = ">="
	}
	name := "max" + f.Key
	if above {
		name = "min" + f.Key
	}
	if strings.HasSuffix(sign, "=") {
		given.Set(name, limit)
		return
	}
	q, err := wire.ParseQuery(url.Values{name: {limit}})
	if err != nil {
		given.Set(name, limit) // add reports the mistake
		return
	}
	q.Terms[0].Number = wire.Next(f, q.Terms[0].Number, above)
	for name, all := range q.Values() {
		given[name] = all
	}
}

// add adds the parameters of one part if the API accepts them. near formats the
// part with a suggestion of the API.
func (p *parser) add(t token, not bool, given url.Values, near func(string) string) {
	if not {
		p.mistake(t, "A comparison can't be excluded. Use the opposite comparison.", strings.TrimPrefix(t.Raw, "-"))
		return
	}
	if _, err := wire.ParseQuery(given); err != nil {
		var instead []string
		if problem := wire.ProblemOf(err); problem != nil && near != nil {
			for _, other := range problem.DidYouMean {
				instead = append(instead, near(other))
			}
		}
		p.mistake(t, detail(err), instead...)
		return
	}
	for name, all := range given {
		merged := url.Values{}
		for have, values := range p.given {
			merged[have] = values
		}
		merged[name] = append(slices.Clone(merged[name]), all...)
		if _, err := wire.ParseQuery(merged); err != nil {
			p.mistake(t, "This condition is given twice; only one of its kind is allowed.")
			return
		}
		p.given[name] = merged[name]
	}
}

func detail(err error) string {
	if problem := wire.ProblemOf(err); problem != nil && problem.Detail != "" {
		return problem.Detail
	}
	return err.Error()
}
