package query

import (
	"net/url"
	"strings"

	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/uiserver/query/filterbar"
	"github.com/dmwm/wmstats/web"
)

// barParam is the line of the filter bar. It is never kept in an address: a valid
// line is replaced by the parameters that it stands for.
const barParam = "f"

// CutLine removes the line of the filter bar from an address and returns both;
// before has the previous query.
func CutLine(u *url.URL) (line string, before *url.URL, ok bool) {
	values, _ := url.ParseQuery(u.RawQuery) // Read reports invalid encoding
	lines, ok := values[barParam]
	if !ok {
		return "", u, false
	}
	values.Del(barParam)
	rest := *u
	rest.RawQuery = values.Encode()
	return strings.Join(lines, " "), &rest, true
}

// Ask returns the query with the conditions of a line instead of its own. With
// mistakes it can't be used.
func (q List) Ask(line string) (List, []filterbar.Mistake) {
	asked, mistakes := filterbar.Parse(line)
	return q.asking(asked), mistakes
}

// Line formats the conditions of a query as a line of the filter bar.
func Line(q wire.Query) string { return filterbar.Format(q) }

// Bar returns the filter bar with the conditions of the query.
func (q List) Bar() web.Bar {
	return web.Bar{Line: Line(q.Query), Hidden: Hidden(q.Top().Params())}
}

// BarWith returns the filter bar with an invalid line, its parts and suggestions,
// shown above the previous list.
func (q List) BarWith(line string, mistakes []filterbar.Mistake) web.Bar {
	b := q.Bar()
	b.Line = line
	at := 0
	for _, m := range mistakes {
		if m.From > at {
			b.Parts = append(b.Parts, web.BarPart{Text: line[at:m.From]})
		}
		b.Parts = append(b.Parts, web.BarPart{Text: line[m.From:m.To], Wrong: true})
		at = m.To
		mistake := web.BarMistake{Part: wire.Shorten(line[m.From:m.To]), Text: m.Text}
		for _, fix := range m.Fixes {
			values := q.Top().Params()
			values.Set(barParam, fix)
			mistake.Fixes = append(mistake.Fixes, web.Link{Text: wire.Shorten(fix), Href: "?" + values.Encode()})
		}
		b.Mistakes = append(b.Mistakes, mistake)
	}
	if at < len(line) {
		b.Parts = append(b.Parts, web.BarPart{Text: line[at:]})
	}
	return b
}
