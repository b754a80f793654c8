package pages

import (
	"fmt"
	"hash/crc32"
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/schema"
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
	asked, rows, since, err := p.lists.ReadPulse(c.Request().URL)
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
		p.count(c, &n, asked, rows, since)
	}
	return c.JSON(http.StatusOK, n)
}

// count tells what has changed on the page. Only a list of workflows changes in a way
// that is worth a word: of the other pages every figure moves all the time, and they
// show how old their data are.
func (p *Pages) count(c echo.Context, n *news, asked wire.Query, rows bool, since string) {
	switch {
	case since == n.Generation:
	case rows:
		p.compareRows(c, n, asked, since)
	case len(asked.Terms) > 0 || asked.Text != "" || len(asked.Names) > 0:
		p.compare(c, n, asked, since)
	}
}

// compareRows compares the rows of a list as they were and as they are now, in the
// fields that the page shows. A generation that has been dropped has no list: then the
// changes of the workflows that are in the rows now are counted.
func (p *Pages) compareRows(c echo.Context, n *news, asked wire.Query, since string) {
	r := p.more(c)
	before := asked
	before.Gen = since
	was, is := r.Apart().List(before), r.List(asked)
	if _, err := r.Wait(); err != nil {
		n.Text = newer
		return
	}
	if was.Err != nil {
		var names []string
		for i := range is.Value.Items {
			names = append(names, is.Value.Items[i].Workflow)
		}
		if len(names) > 0 {
			p.compare(c, n, wire.Query{Names: names}, since)
		}
		return
	}
	rows := map[string]string{}
	for i := range was.Value.Items {
		rows[was.Value.Items[i].Workflow] = string(schema.AppendJSON(nil, &was.Value.Items[i]))
	}
	for i := range is.Value.Items {
		name := is.Value.Items[i].Workflow
		row, there := rows[name]
		if !there {
			n.Added++
		} else if row != string(schema.AppendJSON(nil, &is.Value.Items[i])) {
			n.Changed++
		}
		delete(rows, name)
	}
	n.Removed = len(rows)
	n.describe("")
}

// newer is the text of the pill where the changes are not known.
const newer = "Newer data: refresh"

// describe sets the text of the pill.
func (n *news) describe(before string) {
	var parts []string
	for _, part := range []struct {
		count int
		word  string
	}{{n.Changed, "changed"}, {n.Added, "new"}, {n.Removed, "gone"}} {
		if part.count > 0 {
			parts = append(parts, web.Int(int64(part.count))+" "+part.word)
		}
	}
	if len(parts) > 0 {
		n.Text = before + strings.Join(parts, ", ") + ": refresh"
	}
}

// compare counts the changes under the conditions. Age conditions can't be followed,
// so they are dropped and the counts are given as upper bounds.
func (p *Pages) compare(c echo.Context, n *news, asked wire.Query, since string) {
	ages := func(t wire.Term) bool { return t.Op == wire.MinAge || t.Op == wire.MaxAge }
	loose := slices.ContainsFunc(asked.Terms, ages)
	asked.Terms = slices.DeleteFunc(asked.Terms, ages)
	r := p.more(c)
	answer := r.Changes(asked, since)
	change := &answer.Value
	if _, err := r.Wait(); err != nil || change.Event == wire.EventReset {
		n.Text = newer
		return
	}
	n.Generation, n.Added, n.Changed, n.Removed = change.Generation, change.Added, change.Changed, change.Removed
	if loose {
		n.describe("up to ")
	} else {
		n.describe("")
	}
}
