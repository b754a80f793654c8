package pages

import (
	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/uiserver/load"
	"github.com/dmwm/wmstats/uiserver/query"
	"github.com/dmwm/wmstats/web"
)

// groupRequest requests one campaign, release, site or agent with a page of its
// workflows.
type groupRequest[T any] func(r load.Round, name string, q wire.Query) *load.Answer[load.Group[T]]

// groupPage parses the name and the query of the page of one group, requests its
// data and fills the props that such pages share. If the pinned generation is gone,
// it repeats the request on the newest. more starts further requests of the same
// round. If ok is false, an error page has been written, or err is set.
func groupPage[T any](p *Pages, c echo.Context, section, kind, field string, request groupRequest[T], more ...func(r load.Round, name string)) (
	page web.GroupPage, record T, ok bool, err error,
) {
	named, err := name(c)
	if err != nil {
		return page, record, false, p.fail(c, section, load.State{}, wire.NotFound("name", c.Param("*"), nil))
	}
	q, notes := p.lists.Read(c.Request().URL)
	ask := func() (*load.Answer[load.Group[T]], load.State, error) {
		asked := q.Query
		asked.Fields = p.lists.Fields(q)
		r := p.begin(c)
		answer := request(r, named, asked)
		for _, one := range more {
			one(r, named)
		}
		state, err := r.Wait()
		return answer, state, err
	}
	answer, state, err := ask()
	if load.Expired(err) {
		notes = append(notes, query.Expired(q))
		q = q.Newest()
		answer, state, err = ask()
	}
	if err != nil {
		return page, record, false, p.fail(c, section, state, err)
	}
	notes = append(notes, q.PinNote(state.Info.Generation)...)
	terms := query.Exactly(field, named)
	all := q.Top()
	all.Terms = append(terms, all.Terms...)
	page = web.GroupPage{
		Frame: p.frame(section, named, state, answer.Meta), Notes: notes, Kind: kind, Name: named,
		Rate: answer.Value.Rate,
		List: p.lists.Table(q, "Workflows of "+named, p.Now().Unix(), answer.Value.Workflows),
		All:  all.Address(web.WorkflowsPath), Errors: query.ErrorsOf(terms).With(),
	}
	page.List.Selection = all.Selection()
	page.Data.Newest = q.Newest().Here()
	rows := q
	rows.Terms = all.Terms
	watchRows(&page.Frame, rows)
	return page, answer.Value.Record, true, nil
}
