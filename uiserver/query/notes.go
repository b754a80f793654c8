package query

import (
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/web"
)

// bad returns a note on a part of the address that could not be used.
func bad(text string) web.Note { return web.Note{Bad: true, Text: text} }

const leftOut = " It was ignored."

// problemOf returns the problem in an error of a parser.
func problemOf(err error) *wire.Problem {
	if problem := wire.ProblemOf(err); problem != nil {
		return problem
	}
	return wire.BadValue("", err.Error())
}

// noteOf returns a note on an invalid parameter. Its suggestions link to the same
// page with the parameter corrected.
func noteOf(problem *wire.Problem, path string, values url.Values) web.Note {
	note := bad(problem.Detail + leftOut)
	for _, near := range problem.DidYouMean {
		fixed := maps.Clone(values)
		key := paramKey(fixed, problem.Param)
		if problem.Slug() == wire.SlugUnknownParameter {
			fixed[near] = fixed[key]
			delete(fixed, key)
		} else {
			fixed[key] = []string{near}
		}
		note.Links = append(note.Links, web.Link{Text: near, Href: path + "?" + fixed.Encode()})
	}
	if len(note.Links) > 0 {
		note.Text += " Did you mean"
	}
	return note
}

// paramKey finds the parameter as written in the address. Problems name it in lower
// or upper case, and shortened.
func paramKey(values url.Values, param string) string {
	for key := range values {
		if strings.EqualFold(key, param) || strings.HasPrefix(key, strings.TrimSuffix(param, "…")) && strings.HasSuffix(param, "…") {
			return key
		}
	}
	return ""
}

func dropParam(values url.Values, param string) bool {
	dropped := false
	for {
		key := paramKey(values, param)
		if _, ok := values[key]; !ok {
			return dropped
		}
		delete(values, key)
		dropped = true
	}
}

// OnlyParams returns notes on the parameters that a page does not have.
func OnlyParams(u *url.URL, known ...string) (notes []web.Note) {
	for key := range u.Query() {
		if slices.Contains(known, key) {
			continue
		}
		problem := wire.UnknownParameter(key, wire.Near(key, known, 3))
		note := bad(problem.Detail + leftOut)
		for _, near := range problem.DidYouMean {
			note.Text += " Did you mean " + near + "?"
		}
		notes = append(notes, note)
	}
	return notes
}

// NotOneOf returns a note on a value that a parameter does not take, with the
// nearest one that it does.
func NotOneOf(param, given string, values ...string) web.Note {
	note := bad(param + " takes " + strings.Join(values, " and ") + ", not '" + wire.Shorten(given) + "'." + leftOut)
	if near := wire.Near(given, values, 1); len(near) > 0 {
		note.Text += " Did you mean " + near[0] + "?"
	}
	return note
}

// Hidden returns parameters as hidden fields of a form, except those with inputs.
func Hidden(v url.Values, except ...string) []web.Field {
	var fields []web.Field
	for _, name := range slices.Sorted(maps.Keys(v)) {
		if slices.Contains(except, name) {
			continue
		}
		for _, value := range v[name] {
			fields = append(fields, web.Field{Name: name, Value: value})
		}
	}
	return fields
}
