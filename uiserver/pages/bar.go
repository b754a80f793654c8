package pages

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/uiserver/cacheclient"
	"github.com/dmwm/wmstats/uiserver/query/filterbar"
	"github.com/dmwm/wmstats/web"
)

// barParam is the line of the filter bar. It never stays in an address: a line
// that can be read becomes the parameters that it stands for.
const barParam = "f"

// barLine takes the line out of the parameters of a request; what is left is
// the query that was there before.
func barLine(r *http.Request) (line string, before *http.Request, ok bool) {
	values, _ := url.ParseQuery(r.URL.RawQuery) // parseList says what is not well encoded
	lines, ok := values[barParam]
	if !ok {
		return "", r, false
	}
	values.Del(barParam)
	before = r.Clone(r.Context())
	before.URL.RawQuery = values.Encode()
	return strings.Join(lines, " "), before, true
}

// ask answers a line: it leads to the list under its conditions, or to the
// workflow that it names. When it can't be read, the list stays as it was and
// the mistakes are shown with the line.
func (p *Pages) ask(c echo.Context, line string, before *http.Request) error {
	asked, mistakes := filterbar.Parse(line)
	was, notes := p.parseList(before)
	if len(mistakes) > 0 {
		return p.showList(c, was, notes, barWith(line, mistakes, was))
	}
	next := was.bare()
	next.Terms, next.Text, next.Names = asked.Terms, asked.Text, asked.Names
	if name, ok := p.named(c.Request().Context(), asked); ok {
		return c.Redirect(http.StatusSeeOther, web.WorkflowPath(name))
	}
	return c.Redirect(http.StatusSeeOther, next.address(workflowsPath))
}

// leastName is the length from which a text may be a whole name or PrepID.
const leastName = 8

// named finds the workflow whose whole name or whose own PrepID the text is.
// Without an answer the text is looked for as any other.
func (p *Pages) named(ctx context.Context, q wire.Query) (string, bool) {
	if len(q.Terms)+len(q.Names) > 0 || len(q.Text) < leastName || strings.ContainsAny(q.Text, " *") {
		return "", false
	}
	var byName, byPrepID cacheclient.List
	p.load(ctx, func(ctx context.Context) (err error) { //nolint:errcheck // see above
		byName, err = p.Client.Fetch(ctx, wire.Query{Names: []string{q.Text}, Fields: []string{"Workflow"}, Limit: 1})
		return err
	}, func(ctx context.Context) (err error) {
		byPrepID, err = p.Client.Fetch(ctx, wire.Query{Terms: only("PrepID", q.Text), Fields: []string{"Workflow"}, Limit: 1})
		return err
	})
	for _, list := range []cacheclient.List{byName, byPrepID} {
		if list.Total == 1 && len(list.Items) == 1 {
			return list.Items[0].Workflow, true
		}
	}
	return "", false
}

// bar shows the conditions of a query as a line.
func bar(q listQuery) web.Bar {
	return web.Bar{Line: filterbar.Format(q.Query), Hidden: hidden(q.top().values())}
}

// barWith is a line that could not be read, with its parts and suggestions.
func barWith(line string, mistakes []filterbar.Mistake, was listQuery) web.Bar {
	b := bar(was)
	b.Line = line
	at := 0
	for _, m := range mistakes {
		if m.From > at {
			b.Parts = append(b.Parts, web.BarPart{Text: line[at:m.From]})
		}
		b.Parts = append(b.Parts, web.BarPart{Text: line[m.From:m.To], Wrong: true})
		at = m.To
		mistake := web.BarMistake{Part: shorten(line[m.From:m.To]), Text: m.Text}
		for _, fix := range m.Fixes {
			values := was.top().values()
			values.Set(barParam, fix)
			mistake.Fixes = append(mistake.Fixes, web.Link{Text: shorten(fix), Href: "?" + values.Encode()})
		}
		b.Mistakes = append(b.Mistakes, mistake)
	}
	if at < len(line) {
		b.Parts = append(b.Parts, web.BarPart{Text: line[at:]})
	}
	return b
}
