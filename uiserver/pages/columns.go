package pages

import (
	"slices"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/web"
)

const columnsPath = "/columns"

// Buttons of the chooser: the column that moves.
const (
	upParam   = "up"
	downParam = "down"
)

// chooseColumns is the page, and the dialog, that chooses the columns of the
// list and their order. It asks for nothing: what it sends is an address of the
// list.
func (p *Pages) chooseColumns(c echo.Context) error {
	r := c.Request().Clone(c.Request().Context())
	values := r.URL.Query()
	up, down := values.Get(upParam), values.Get(downParam)
	values.Del(upParam)
	values.Del(downParam)
	r.URL.RawQuery = values.Encode()
	q, notes := p.parseList(r)
	chosen := p.heads(q)[1:] // the name is always first
	keys := make([]string, len(chosen))
	for i, h := range chosen {
		keys[i] = h.Key
	}
	move(keys, up, -1)
	move(keys, down, +1)
	state, _ := p.load(c.Request().Context())
	page := web.ColumnsPage{
		Frame: p.frame(workflowsPath, "Columns", state, noMeta), Notes: notes,
		Hidden: hidden(q.values(), colsParam), Back: q.address(workflowsPath), Moved: up + down,
	}
	for _, key := range keys {
		column, _ := p.columns.Named(key)
		page.Chosen = append(page.Chosen, column)
	}
	for _, column := range p.columns.All {
		if column.Key != "Workflow" && !slices.Contains(keys, column.Key) {
			page.Others = append(page.Others, column)
		}
	}
	return p.render(c, statusFor(notes), web.ChooseColumns(page))
}

// move puts a key one place further, as far as there is one.
func move(keys []string, key string, by int) {
	i := slices.Index(keys, key)
	if to := i + by; i >= 0 && to >= 0 && to < len(keys) {
		keys[i], keys[to] = keys[to], keys[i]
	}
}

// columnsAddress is the chooser for the list of a query.
func (q listQuery) columnsAddress() string { return q.address(columnsPath) }
