package pages

import (
	"slices"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/uiserver/query"
	"github.com/dmwm/wmstats/web"
)

// Parameters of the buttons that move a column.
const (
	upParam   = "up"
	downParam = "down"
)

// chooseColumns is the page, also shown as a dialog, that chooses the columns of the
// list and their order. It needs no data; its form leads to the list.
func (p *Pages) chooseColumns(c echo.Context) error {
	up, down := c.QueryParam(upParam), c.QueryParam(downParam)
	q, notes := p.lists.Read(c.Request().URL, upParam, downParam)
	chosen, others := p.lists.Columns(q)
	move(chosen, up, -1)
	move(chosen, down, +1)
	state, _ := p.begin(c).Wait()
	return p.render(c, status(notes), web.ChooseColumns(web.ColumnsPage{
		Frame: p.frame(web.WorkflowsPath, "Columns", state, noMeta), Notes: notes, Chosen: chosen, Others: others,
		Hidden: query.Hidden(q.Params(), query.ColsParam), Back: q.Address(web.WorkflowsPath), Moved: up + down,
	}))
}

// move moves a column by one place, unless it is at the end.
func move(columns []web.Column, key string, by int) {
	i := slices.IndexFunc(columns, func(c web.Column) bool { return c.Key == key })
	if to := i + by; i >= 0 && to >= 0 && to < len(columns) {
		columns[i], columns[to] = columns[to], columns[i]
	}
}
