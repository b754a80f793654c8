package pages

import (
	"cmp"
	"reflect"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/uiserver/load"
	"github.com/dmwm/wmstats/uiserver/query"
	"github.com/dmwm/wmstats/web"
)

// rollupColumns are those of the tables of campaigns and of releases.
func rollupColumns(kind string) []query.GroupColumn {
	return []query.GroupColumn{
		{Key: kind, Label: strings.ToLower(kind)},
		{Key: "Workflows", Label: "workflows", Doc: "workflows that have it as their main one, + those that have it in a step alone", Numeric: true},
		{Key: "RunningWorkflows", Label: "by status", Doc: "workflows by group of statuses; sorts by those that run"},
		{Key: "TotalJobs", Label: "jobs", Doc: "jobs by state; sorts by their number"},
		{Key: "JobProgress", Label: "jobs done", Doc: "share of created jobs that ended", Numeric: true},
		{Key: "EventProgress", Label: "events", Doc: "events done of those asked for", Numeric: true},
		{Key: "LumiProgress", Label: "lumis", Doc: "lumi sections done of those asked for", Numeric: true},
		{Key: "Failure", Label: "failed", Doc: "jobs that failed for good", Numeric: true},
		{Key: "FailureRate", Label: "failure rate", Doc: "share of ended jobs that failed", Numeric: true},
		{Key: "Cooloff", Label: "cool-off", Doc: "jobs that wait to be retried", Numeric: true},
		{Key: "OldestStatusTime", Label: "slowest for", Doc: "how long the slowest workflow is in its status", Numeric: true, Time: true},
		{Key: "MaxPriority", Label: "priority up to", Doc: "highest priority", Numeric: true},
	}
}

// lineColumn is the column of lines; nothing sorts by it.
var lineColumn = query.GroupColumn{Label: "running, 24 h", Doc: "jobs that run, over the last 24 hours: each line from its least to its greatest count"}

// groupsPage fills what the tables of campaigns, releases and sites share: all
// records are filtered, sorted and cut as q says, and rows are those of the page.
func groupsPage[T any](p *Pages, section, kind string, columns []query.GroupColumn, q query.Groups, notes []web.Note, state load.State, all *load.Answer[[]T]) (page web.GroupsPage, rows []T) {
	lower := strings.ToLower(kind)
	rows, pager := pick(all.Value, q, kind, lower+"s")
	return web.GroupsPage{
		Frame: p.frame(section, kind+"s", state, all.Meta), Notes: notes, Heading: kind + "s", Kind: lower,
		Filter: q.Text, Total: int64(len(all.Value)), Heads: q.Heads(columns), Pager: pager,
		Hidden: query.Hidden(q.Params(), "q", "idx"), JSON: section + ".json",
	}, rows
}

// rollups is the table of campaigns or of releases. Its lines, if any, are asked
// for with ask.
func rollups[T any](p *Pages, c echo.Context, section, kind string, columns []query.GroupColumn, ask func(load.Round) *load.Answer[[]T], row func(T) web.RollupRow) error {
	q, notes := query.ReadGroups(c.Request().URL, columns, query.Groups{Sort: "Workflows", Desc: true})
	r := p.begin(c)
	all := ask(r)
	state, err := r.Wait()
	if err != nil {
		return p.fail(c, section, state, err)
	}
	page, rows := groupsPage(p, section, kind, columns, q, notes, state, all)
	for _, record := range rows {
		page.Rollups = append(page.Rollups, row(record))
	}
	return p.render(c, status(notes), web.Groups(page))
}

// pick filters, sorts and cuts the records of a table, and gives its pager.
func pick[T any](records []T, q query.Groups, nameKey, noun string) (rows []T, page web.Pager) {
	text := strings.ToLower(q.Text)
	for i := range records {
		if strings.Contains(strings.ToLower(field(&records[i], nameKey).String()), text) {
			rows = append(rows, records[i])
		}
	}
	byKey, byName := orderBy[T](q.Sort, q.Desc), orderBy[T](nameKey, false)
	slices.SortStableFunc(rows, func(a, b T) int { return cmp.Or(byKey(&a, &b), byName(&a, &b)) })
	total := len(rows)
	from := min(q.Idx, total)
	rows = rows[from:min(from+query.GroupSize, total)]
	return rows, q.Pager(noun, from, len(rows), total)
}

// field reads a key of a record by its name. The name key of Site, Campaign
// and Release is that of the record's own type, never of an embedded one.
func field[T any](record *T, key string) reflect.Value {
	return reflect.ValueOf(record).Elem().FieldByName(key)
}

// orderBy compares records by a key; what is missing is last in both directions.
func orderBy[T any](key string, desc bool) func(a, b *T) int {
	all := schema.Describe[T]()
	f := all[slices.IndexFunc(all, func(f schema.Field) bool { return f.Key == key })]
	return func(a, b *T) int {
		x, y := field(a, key), field(b, key)
		if mx, my := missing(f, x), missing(f, y); mx || my {
			switch {
			case mx && my:
				return 0
			case mx:
				return 1
			}
			return -1
		}
		if desc {
			return compare(y, x)
		}
		return compare(x, y)
	}
}

// missing says that a value stands for what is not known.
func missing(f schema.Field, v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Int64:
		return f.Missing(float64(v.Int()))
	case reflect.Float64:
		return f.Missing(v.Float())
	}
	return v.String() == ""
}

func compare(a, b reflect.Value) int {
	switch a.Kind() {
	case reflect.Int64:
		return cmp.Compare(a.Int(), b.Int())
	case reflect.Float64:
		return cmp.Compare(a.Float(), b.Float())
	}
	return cmp.Compare(a.String(), b.String())
}
