package pages

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/uiserver/cacheclient"
	"github.com/dmwm/wmstats/web"
)

// groupColumn is a column of the tables of campaigns, releases and sites. Key
// is the schema key that it sorts by.
type groupColumn struct {
	key, label, doc string
	numeric, time   bool
}

func rollupColumns(kind string) []groupColumn {
	return []groupColumn{
		{kind, strings.ToLower(kind), "", false, false},
		{"Workflows", "workflows", "workflows that have it as their main one, + those that have it in a step alone", true, false},
		{"RunningWorkflows", "by status", "workflows by group of statuses; sorts by those that run", false, false},
		{"TotalJobs", "jobs", "jobs by state; sorts by their number", false, false},
		{"JobProgress", "jobs done", "share of created jobs that ended", true, false},
		{"EventProgress", "events", "events done of those asked for", true, false},
		{"LumiProgress", "lumis", "lumi sections done of those asked for", true, false},
		{"Failure", "failed", "jobs that failed for good", true, false},
		{"FailureRate", "failure rate", "share of ended jobs that failed", true, false},
		{"Cooloff", "cool-off", "jobs that wait to be retried", true, false},
		{"OldestStatusTime", "slowest for", "how long the slowest workflow is in its status", true, true},
		{"MaxPriority", "priority up to", "highest priority", true, false},
	}
}

// lineColumn is the column of lines; nothing sorts by it.
var lineColumn = groupColumn{label: "running, 24 h", doc: "jobs that run, over the last 24 hours: each line from its least to its greatest count"}

var siteColumns = []groupColumn{
	{"Site", "site", "", false, false},
	{"State", "state", "the worst that an agent that is alive says", false, false},
	{"Tier", "tier", "", false, false},
	{"Country", "country", "", false, false},
	{"Workflows", "workflows", "workflows with jobs there", true, false},
	{"TotalJobs", "jobs", "jobs in all states; by state above", true, false},
	{"Running", "running", "jobs that run", true, false},
	{"Pending", "pending", "jobs that wait in the batch system", true, false},
	{"Cooloff", "cool-off", "jobs that wait to be retried", true, false},
	{"Failure", "failed", "jobs that failed for good", true, false},
	{"FailureRate", "failure rate", "share of ended jobs that failed", true, false},
	{"RunningSlots", "slots", "jobs that may be sent there to run, by agents for which it is not draining, down or aborted", true, false},
	lineColumn,
}

// groupSize is how many rows a page of such a table has.
const groupSize = 50

// groupQuery is what the address of such a table asks for.
type groupQuery struct {
	text string // part of the name
	sort string // key
	desc bool
	idx  int
}

// parseGroups reads q, sort and idx; what can't be used is named in a note.
func parseGroups(r *http.Request, columns []groupColumn, standard groupQuery, own ...string) (q groupQuery, notes []web.Note) {
	q = standard
	values := r.URL.Query()
	q.text = values.Get("q")
	notes = onlyParams(r, append([]string{"q", "sort", "idx"}, own...)...)
	if key, desc := strings.CutPrefix(values.Get("sort"), "-"); key != "" {
		i := slices.IndexFunc(columns, func(c groupColumn) bool { return strings.EqualFold(c.key, key) })
		if i < 0 {
			notes = append(notes, web.Note{Bad: true, Text: "This table can't be sorted by '" + shorten(key) + "'."})
		} else {
			q.sort, q.desc = columns[i].key, desc
		}
	}
	if text := values.Get("idx"); text != "" {
		idx, err := strconv.Atoi(text)
		if err != nil || idx < 0 {
			notes = append(notes, web.Note{Bad: true, Text: "idx must be a whole number from 0."})
		} else {
			q.idx = idx
		}
	}
	return q, notes
}

func (q groupQuery) values() url.Values {
	v := url.Values{}
	if q.text != "" {
		v.Set("q", q.text)
	}
	if q.sort != "" {
		v.Set("sort", map[bool]string{true: "-"}[q.desc]+q.sort)
	}
	if q.idx > 0 {
		v.Set("idx", strconv.Itoa(q.idx))
	}
	return v
}

func (q groupQuery) here() string { return "?" + q.values().Encode() }

// pick filters, sorts and cuts the records of a table, and gives its pager.
func pick[T any](records []T, q groupQuery, nameKey, noun string) (rows []T, page web.Pager) {
	text := strings.ToLower(q.text)
	for i := range records {
		if strings.Contains(strings.ToLower(field(&records[i], nameKey).String()), text) {
			rows = append(rows, records[i])
		}
	}
	byKey, byName := orderBy[T](q.sort, q.desc), orderBy[T](nameKey, false)
	slices.SortStableFunc(rows, func(a, b T) int { return cmp.Or(byKey(&a, &b), byName(&a, &b)) })
	total := len(rows)
	from := min(q.idx, total)
	rows = rows[from:min(from+groupSize, total)]
	page = web.Pager{Total: int64(total), Noun: noun}
	if len(rows) == 0 {
		return rows, page
	}
	at := func(idx int) string {
		next := q
		next.idx = idx
		return next.here()
	}
	page.From, page.To = int64(from+1), int64(from+len(rows))
	if from > 0 {
		page.First, page.Prev = at(0), at(max(from-groupSize, 0))
	}
	if from+len(rows) < total {
		page.Next, page.Last = at(from+len(rows)), at(from+(total-1-from)/groupSize*groupSize)
	}
	return rows, page
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

// heads are the columns with the links that sort by them.
func (q groupQuery) heads(columns []groupColumn) []web.GroupHead {
	var heads []web.GroupHead
	for i, column := range columns {
		h := web.GroupHead{Label: column.label, Doc: column.doc, Numeric: column.numeric}
		if column.key == "" {
			heads = append(heads, h)
			continue
		}
		next := q
		next.idx, next.sort, next.desc = 0, column.key, i > 0 && !column.time && column.label != "state"
		if q.sort == column.key {
			next.desc = !q.desc
			h.Sort = "ascending"
			if q.desc != column.time {
				h.Sort = "descending"
			}
		}
		h.Href = next.here()
		heads = append(heads, h)
	}
	return heads
}

// rollups is the table of campaigns or of releases.
func rollups[T any](p *Pages, c echo.Context, path, kind string,
	read func(context.Context) ([]T, cacheclient.Meta, error), row func(T) web.RollupRow, lines *rowLines,
) error {
	columns := rollupColumns(kind)
	calls := []call{}
	if lines != nil {
		columns = append(columns, lineColumn)
		calls = append(calls, p.historyOfRows(strings.ToLower(kind), lines))
	}
	q, notes := parseGroups(c.Request(), columns, groupQuery{sort: "Workflows", desc: true})
	var all []T
	var meta cacheclient.Meta
	state, err := p.load(c.Request().Context(), append(calls, func(ctx context.Context) (err error) {
		all, meta, err = read(ctx)
		return err
	})...)
	if err != nil {
		return p.fail(c, path, state, err)
	}
	noun := strings.ToLower(kind) + "s"
	records, pg := pick(all, q, kind, noun)
	page := web.GroupsPage{
		Frame: p.frame(path, kind+"s", state, meta), Notes: notes, Heading: kind + "s", Kind: strings.ToLower(kind),
		Filter: q.text, Total: int64(len(all)), Heads: q.heads(columns), Pager: pg,
		Hidden: hidden(q.values(), "q", "idx"), JSON: path + ".json",
	}
	for _, record := range records {
		page.Rollups = append(page.Rollups, row(record))
	}
	return p.render(c, statusFor(notes), web.Groups(page))
}

// statusFor is 400 when something in the address could not be used.
func statusFor(notes []web.Note) int {
	if slices.ContainsFunc(notes, func(n web.Note) bool { return n.Bad }) {
		return http.StatusBadRequest
	}
	return http.StatusOK
}

func (p *Pages) campaigns(c echo.Context) error {
	var lines rowLines
	return rollups(p, c, "/campaigns", "Campaign", p.Client.Campaigns, func(r schema.Campaign) web.RollupRow {
		row := web.RollupRow{
			Name: r.Campaign, Href: web.CampaignPath(r.Campaign), List: filtered(wire.Query{Terms: exactly("Campaign", r.Campaign)}),
			Rollup: r.Rollup, Counters: r.Counters,
		}
		row.Line, row.NoLine = lines.of(r.Campaign)
		return row
	}, &lines)
}

func (p *Pages) releases(c echo.Context) error {
	return rollups(p, c, "/releases", "Release", p.Client.Releases, func(r schema.Release) web.RollupRow {
		return web.RollupRow{
			Name: r.Release, Href: web.ReleasePath(r.Release), List: filtered(wire.Query{Terms: exactly("Release", r.Release)}),
			Rollup: r.Rollup, Counters: r.Counters,
		}
	}, nil)
}

func (p *Pages) sites(c echo.Context) error {
	const path = "/sites"
	q, notes := parseGroups(c.Request(), siteColumns, groupQuery{sort: "Failure", desc: true}, rowsParam)
	var all []schema.Site
	var meta cacheclient.Meta
	var lines rowLines
	state, err := p.load(c.Request().Context(), p.historyOfRows("site", &lines), func(ctx context.Context) (err error) {
		all, meta, err = p.Client.Sites(ctx)
		return err
	})
	if err != nil {
		return p.fail(c, path, state, err)
	}
	records, pg := pick(all, q, "Site", "sites")
	page := web.GroupsPage{
		Frame: p.frame(path, "Sites", state, meta), Notes: notes, Heading: "Sites", Kind: "site",
		Filter: q.text, Total: int64(len(all)), Heads: q.heads(siteColumns), Pager: pg,
		Hidden: hidden(q.values(), "q", "idx"), JSON: path + ".json",
	}
	most := mapRows
	if c.QueryParam(rowsParam) == "all" {
		most = 0
	} else if len(all) > most {
		v := q.values()
		v.Set(rowsParam, "all")
		page.More = "?" + v.Encode()
	}
	page.SiteMap = siteMap("jobs by site and state", web.SitePath, all, most,
		func(s schema.Site) (string, schema.Counters) { return s.Site, s.Counters },
		func(site, field string) string {
			terms := append(exactly("Sites", site), wire.Term{Field: field, Op: wire.Has})
			return filtered(wire.Query{Terms: terms, Sort: []wire.SortKey{{Field: field, Desc: true}}})
		})
	for _, s := range records {
		row := web.SiteRow{Site: s, List: filtered(wire.Query{Terms: exactly("Sites", s.Site)})}
		row.Line, row.NoLine = lines.of(s.Site)
		page.Sites = append(page.Sites, row)
	}
	return p.render(c, statusFor(notes), web.Groups(page))
}
