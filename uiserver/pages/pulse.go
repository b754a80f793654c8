package pages

import (
	"fmt"
	"hash/crc32"
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/uiserver/query"
	"github.com/dmwm/wmstats/web"
)

// news is the answer to the polls of an open page: what has changed under its
// conditions. Text is for the reader, "" for no changes.
type news struct {
	Generation              string
	State                   web.State
	Added, Changed, Removed int    // workflows under the conditions of the page
	Text                    string // text of the refresh pill
	Title                   string // news of pinned names for the title of the tab; "" for none
	Badge, New              string // items of Attention, and those that are new; "" for none
}

// pulse answers the polls of open pages: 304 while neither the generation nor the
// state of the data has changed. Pages poll it all the time, so its answers are
// small.
func (p *Pages) pulse(c echo.Context) error {
	asked, since, err := query.ReadPulse(c.Request().URL)
	if err != nil {
		return c.JSON(http.StatusBadRequest, wire.ProblemOf(err))
	}
	pins, _ := query.ReadPins(c.Request().URL)
	r := p.begin(c)
	read := p.startPins(r.Apart(), pins)
	state, _ := r.Wait()
	frame := p.frame("", "", state, noMeta)
	tag, title := frame.Data.Tag(), ""
	if len(pins.List) > 0 && read.done() {
		title = web.PinnedNews(p.rows(c, read))
	}
	if title != "" { // a page that has not told it yet does not have this tag
		tag = fmt.Sprintf("%s.%x\"", strings.TrimSuffix(tag, "\""), crc32.ChecksumIEEE([]byte(title)))
	}
	h := c.Response().Header()
	h.Set("ETag", tag)
	h.Set("Cache-Control", "private, no-cache")
	if slices.Contains(c.Request().Header["If-None-Match"], tag) {
		return c.NoContent(http.StatusNotModified)
	}
	n := news{Generation: frame.Data.Info.Generation, State: frame.Data.State, Badge: frame.Badge(web.AttentionPath), New: frame.Fresh(web.AttentionPath), Title: title}
	switch n.State {
	case web.Down, web.Loading, web.Unknown:
		n.Text = "The cache server does not answer"
	default:
		p.compare(c, &n, asked, since)
	}
	return c.JSON(http.StatusOK, n)
}

// compare counts the changes under the conditions. Age conditions can't be followed,
// so they are dropped and the counts are given as upper bounds.
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
