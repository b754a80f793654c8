package api

import (
	"context"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/cacheserver/api/answer"
	"github.com/dmwm/wmstats/cacheserver/api/records"
	"github.com/dmwm/wmstats/cacheserver/store"
	"github.com/dmwm/wmstats/cacheserver/suggest"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// meant are the fields whose values people write as plain words.
var meant = []string{"Status", "Type", "Campaign", "Release", "Sites", "Agents", "Team", "Requestor"}

// showSuggestions handles GET /suggest: what each condition on workflows does, and
// what may have been meant by values that no workflow has.
func (a *API) showSuggestions(c echo.Context) error {
	q, err := parseFilter(c.QueryParams())
	if err != nil {
		return err
	}
	return a.sendSuggestions(c, q, false, func(generation *store.Generation) suggest.Options {
		return suggest.Options{List: generation, Vocabulary: wire.Workflows(), Fields: a.workflow, Meant: meant}
	})
}

// suggestGroups returns the handler of GET /suggest/campaign and so on, which is
// showSuggestions for a list of groups.
func suggestGroups[T any](a *API, g *group, moving bool, all func(*store.Generation, store.AsOf) []T) echo.HandlerFunc {
	return func(c echo.Context) error {
		if err := noPage(c.QueryParams(), nil); err != nil {
			return err
		}
		q, err := g.words.Parse(c.QueryParams())
		if err != nil {
			return err
		}
		return a.sendSuggestions(c, q, moving, func(generation *store.Generation) suggest.Options {
			list := groupRecords[T]{fields: g.fields, list: all(generation, generation.Now()), now: generation.Time().Unix()}
			return suggest.Options{List: list, Vocabulary: g.words, Fields: g.fields}
		})
	}
}

// sendSuggestions explains q on the list that of returns. moving: it changes within
// a generation.
func (a *API) sendSuggestions(c echo.Context, q wire.Query, moving bool, of func(*store.Generation) suggest.Options) error {
	began := a.o.Now()
	format, err := chooseFormat(c, q.Format, wire.JSON)
	if err != nil {
		return err
	}
	generation, err := a.generation(c, q)
	if err != nil {
		return err
	}
	ans := answerOf(generation, q, format, "", began)
	ans.Pinned = ans.Pinned && !moving
	total, conditions, err := suggest.Explain(c.Request().Context(), of(generation), q)
	if err != nil {
		return err //nolint:wrapcheck // the error says what failed
	}
	return a.sendObject(c, ans, wire.Suggestions{
		Generation: generation.ID(), Time: answer.Timestamp(generation.Time()), Total: total, Conditions: conditions,
	})
}

// groupRecords are the records of a list of groups, by name, as suggest reads them.
type groupRecords[T any] struct {
	fields []schema.Field
	list   []T
	now    int64
}

// Count implements suggest.List.
func (g groupRecords[T]) Count(ctx context.Context, q wire.Query) (int, error) {
	picked, err := records.Select(ctx, g.fields, g.list, q, g.now)
	return len(picked), err //nolint:wrapcheck // the error says what failed
}

// Values implements suggest.List.
func (g groupRecords[T]) Values(ctx context.Context, q wire.Query, field string) ([]wire.FacetValue, error) {
	return records.Values(ctx, g.fields, g.list, q, g.now, field) //nolint:wrapcheck // the error says what failed
}

// EachName implements suggest.List.
func (g groupRecords[T]) EachName(f func(name []byte) bool) {
	for i := range g.list {
		if name := records.Name(g.fields, &g.list[i]); !f([]byte(name)) {
			return
		}
	}
}
