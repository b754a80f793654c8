package pages

import (
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/uiserver/query"
	"github.com/dmwm/wmstats/web"
)

// news is what an open page asks for again and again: whether what it shows has
// changed. Text is for the reader, "" when there is nothing to tell.
type news struct {
	Generation              string
	State                   web.State
	Added, Changed, Removed int    // workflows that the page's conditions let through
	Text                    string // of the pill
	Badge                   string // beside Attention
}

// pulse answers a page that is open: 304 while neither the generation nor the
// state of the source has changed. It is the one address of this server that
// is asked for all the time, so it says as little as it can.
func (p *Pages) pulse(c echo.Context) error {
	asked, since, err := query.ReadPulse(c.Request().URL)
	if err != nil {
		return c.JSON(http.StatusBadRequest, wire.ProblemOf(err))
	}
	state, _ := p.begin(c).Wait()
	frame := p.frame("", "", state, noMeta)
	h := c.Response().Header()
	h.Set("ETag", frame.Data.Tag())
	h.Set("Cache-Control", "private, no-cache")
	if slices.Contains(c.Request().Header["If-None-Match"], frame.Data.Tag()) {
		return c.NoContent(http.StatusNotModified)
	}
	n := news{Generation: frame.Data.Info.Generation, State: frame.Data.State, Badge: frame.Badge(web.AttentionPath)}
	switch n.State {
	case web.Down, web.Loading, web.Unknown:
		n.Text = "The cache server does not answer"
	default:
		p.compare(c, &n, asked, since)
	}
	return c.JSON(http.StatusOK, n)
}

// compare counts what changed under the conditions. Bounds of age can't be
// followed, so they are left out and the counts are told to be upper bounds.
func (p *Pages) compare(c echo.Context, n *news, asked wire.Query, since string) {
	if since == n.Generation {
		return
	}
	ages := func(t wire.Term) bool { return t.Op == wire.MinAge || t.Op == wire.MaxAge }
	loose := slices.ContainsFunc(asked.Terms, ages)
	asked.Terms = slices.DeleteFunc(asked.Terms, ages)
	r := p.more(c)
	answer := r.Changes(asked, since)
	change := &answer.Value
	if _, err := r.Wait(); err != nil || change.Event == wire.EventReset {
		n.Text = "Newer data: refresh"
		return
	}
	n.Generation, n.Added, n.Changed, n.Removed = change.Generation, change.Added, change.Changed, change.Removed
	var parts []string
	for _, part := range []struct {
		count int
		word  string
	}{{n.Changed, "changed"}, {n.Added, "new"}, {n.Removed, "gone"}} {
		if part.count > 0 {
			parts = append(parts, web.Int(int64(part.count))+" "+part.word)
		}
	}
	if len(parts) == 0 {
		return
	}
	n.Text = strings.Join(parts, ", ") + ": refresh"
	if loose {
		n.Text = "up to " + n.Text
	}
}
