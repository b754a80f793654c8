package pages

import (
	"net/url"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/uiserver/load"
	"github.com/dmwm/wmstats/uiserver/query"
	"github.com/dmwm/wmstats/web"
)

// suggestions requests what may have been meant on a page that found nothing. The
// page can do without.
func (p *Pages) suggestions(c echo.Context, request func(load.Round) *load.Answer[wire.Suggestions]) wire.Suggestions {
	r := p.more(c).Apart()
	answer := request(r)
	_, _ = r.Wait() // the error is in the answer
	if answer.Err != nil {
		p.Loader.LeftOut("suggestions", answer.Err)
	}
	return answer.Value
}

// nameHints returns the names near the text of a table of groups that has no rows;
// path is that of the list in the API, and more are its other filters.
func (p *Pages) nameHints(c echo.Context, path string, q query.Groups, rows int, more url.Values) []web.UnknownValue {
	if rows > 0 || q.Text == "" {
		return nil
	}
	v := url.Values{"q": {q.Text}}
	for name, values := range more {
		v[name] = values
	}
	return q.NameHints(p.suggestions(c, func(r load.Round) *load.Answer[wire.Suggestions] { return r.SuggestGroups(path, v) }))
}
