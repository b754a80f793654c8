package pages

import (
	"slices"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/uiserver/query"
	"github.com/dmwm/wmstats/web"
)

// Buttons of the chooser: the column that moves.
const (
	upParam   = "up"
	downParam = "down"
)

// chooseColumns is the page, and the dialog, that chooses the columns of the
// list and their order. It asks for nothing: what it sends is an address of the
// list.
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

// move puts a column one place further, as far as there is one.
func move(columns []web.Column, key string, by int) {
	i := slices.IndexFunc(columns, func(c web.Column) bool { return c.Key == key })
	if to := i + by; i >= 0 && to >= 0 && to < len(columns) {
		columns[i], columns[to] = columns[to], columns[i]
	}
}
