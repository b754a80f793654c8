package api

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/cacheserver/api/answer"
	"github.com/dmwm/wmstats/cacheserver/budget"
	"github.com/dmwm/wmstats/cacheserver/failures"
	"github.com/dmwm/wmstats/cacheserver/store"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// errorsQuery is a request for the failing jobs of all workflows.
type errorsQuery struct {
	wire.Query // page, form, and the filters that pick workflows
	read       string
	by         failures.By
	jobs       failures.Filter
	sort       []wire.SortKey
	keys       []string
	reports    wire.FailureReports // with an envelope
}

// errorsOwn are the parameters of /errors that are not those of /fetch, or mean
// something else: the site where jobs fail, not one that the workflow runs at.
var errorsOwn = []string{"by", "exitcode", "site", "state", "sort", "fields", "read"}

func parseErrors(v url.Values) (q errorsQuery, err error) {
	for name := range v {
		if slices.Contains([]string{"facets", "after", "last"}, strings.ToLower(name)) {
			return q, wire.UnknownParameter(name, nil)
		}
	}
	if q.Query, err = wire.ParseQueryExcept(v, errorsOwn...); err != nil {
		return q, err
	}
	if q.jobs.Site, err = wire.ReadTexts("site", v["site"]); err != nil {
		return q, err
	}
	if q.jobs.State, err = wire.ReadTexts("state", v["state"]); err != nil {
		return q, err
	}
	if q.jobs.ExitCode, err = wire.ReadNumbers("exitcode", v["exitcode"]); err != nil {
		return q, err
	}
	if q.by, err = readErrorsBy(v["by"]); err != nil {
		return q, err
	}
	if q.sort, q.keys, err = readSummaryKeys(v); err != nil {
		return q, err
	}
	if read := v["read"]; len(read) > 0 {
		q.read = read[0]
	}
	return q, nil
}

func readErrorsBy(values []string) (by failures.By, err error) {
	if len(values) == 0 {
		return failures.By{ExitCode: true, Site: true}, nil
	}
	flags := map[string]*bool{"exitcode": &by.ExitCode, "site": &by.Site, "workflow": &by.Workflow, "state": &by.State}
	for _, name := range strings.Split(strings.Join(values, ","), ",") {
		flag := flags[strings.ToLower(name)]
		if flag == nil {
			return by, wire.UnknownField("by", name, wire.Near(name, []string{"exitcode", "site", "workflow", "state"}, 3))
		}
		*flag = true
	}
	return by, nil
}

// readSummaryKeys reads sort= and fields= over the keys of ErrorSummary.
func readSummaryKeys(v url.Values) (sort []wire.SortKey, keys []string, err error) {
	fields := schema.Describe[schema.ErrorSummary]()
	key := func(param, name string) (string, error) {
		i := slices.IndexFunc(fields, func(f schema.Field) bool { return strings.EqualFold(f.Key, name) })
		if i < 0 {
			return "", wire.UnknownField(param, name, wire.Near(name, keysOf(fields), 3))
		}
		return fields[i].Key, nil
	}
	each := func(param string, use func(string) error) error {
		if len(v[param]) == 0 {
			return nil
		}
		for _, name := range strings.Split(strings.Join(v[param], ","), ",") {
			if err := use(name); err != nil {
				return err
			}
		}
		return nil
	}
	err = each("sort", func(name string) error {
		name, desc := strings.CutPrefix(name, "-")
		name, err := key("sort", name)
		if err == nil && slices.ContainsFunc(sort, func(k wire.SortKey) bool { return k.Field == name }) {
			return wire.BadValue("sort", fmt.Sprintf("%q is given more than once.", name))
		}
		sort = append(sort, wire.SortKey{Field: name, Desc: desc})
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	err = each("fields", func(name string) error {
		if keys == nil {
			keys = []string{fields[0].Key}
		}
		name, err := key("fields", name)
		if !slices.Contains(keys, name) {
			keys = append(keys, name)
		}
		return err
	})
	return sort, keys, err
}

// sortSummaries puts them in the order asked for; what is equal in that stays in
// the order that it has. What is missing is last in both directions.
func sortSummaries(b *budget.Budget, list []schema.ErrorSummary, keys []wire.SortKey) (ok bool) {
	if len(keys) == 0 {
		return true
	}
	const each = 100
	return budget.Sort(b, list, each, func(a, b schema.ErrorSummary) int {
		for _, k := range keys {
			x, xThere := summaryValue(&a, k.Field)
			y, yThere := summaryValue(&b, k.Field)
			order := cmp.Or(cmp.Compare(x.number, y.number), strings.Compare(x.text, y.text))
			switch {
			case xThere != yThere && xThere:
				return -1
			case xThere != yThere:
				return 1
			case k.Desc:
				order = -order
			}
			if order != 0 {
				return order
			}
		}
		return failures.Order(&a, &b)
	})
}

// sortValue is what a summary is sorted by: a number or a text.
type sortValue struct {
	number int64
	text   string
}

// summaryValue returns the value of a key; there is false when it is missing.
func summaryValue(s *schema.ErrorSummary, key string) (v sortValue, there bool) {
	switch key {
	case "ExitCode":
		return sortValue{number: s.ExitCode}, s.ExitCode != -1
	case "Jobs":
		v.number = s.Jobs
	case "Workflows":
		v.number = s.Workflows
	case "Sites":
		v.number = s.Sites
	case "ExitCodes":
		v.number = s.ExitCodes
	case "Meaning":
		return sortValue{text: s.Meaning}, s.Meaning != ""
	case "Area":
		return sortValue{text: s.Area}, s.Area != ""
	case "Site":
		return sortValue{text: s.Site}, s.Site != ""
	case "Workflow":
		return sortValue{text: s.Workflow}, s.Workflow != ""
	case "State":
		return sortValue{text: s.State}, s.State != ""
	}
	return v, true
}

// listErrors handles GET /errors: the failing jobs of all workflows, from a
// table that is read when it is asked for and kept for a while.
func (a *API) listErrors(c echo.Context) error {
	began := a.o.Now()
	q, err := parseErrors(c.QueryParams())
	if err != nil {
		return err
	}
	format, err := listFormat(c, q.Query)
	if err != nil {
		return err
	}
	generation, err := a.generation(c, q.Query)
	if err != nil {
		return err
	}
	table, err := a.failingJobs(c, generation, q.read)
	if err != nil {
		return err
	}
	picked, err := workflowsOf(c.Request().Context(), generation, q.Query)
	if err != nil {
		return err
	}
	q.jobs.Workflow = among(picked)
	list, err := table.Summaries(c.Request().Context(), q.jobs, q.by)
	if err != nil {
		return fmt.Errorf("count failing jobs: %w", err)
	}
	if !sortSummaries(budget.From(c.Request().Context()), list, q.sort) {
		return fmt.Errorf("sort failing jobs: %w", budget.From(c.Request().Context()).Stopped())
	}
	if q.Envelope {
		// Of all jobs of these workflows: agents count no exit codes and states.
		q.reports = wire.NewFailureReports(generation.Failures(picked), table.Reports(q.jobs.Workflow))
	}
	return a.sendErrors(c, generation, table, q, format, list, began)
}

// sendErrors answers with the page of the list.
func (a *API) sendErrors(c echo.Context, generation *store.Generation, table *errorTable, q errorsQuery, format wire.Format, list []schema.ErrorSummary, began time.Time) error {
	p := pageOf(generation, q.Query, len(list), limitOf(q.Query))
	// The generation and the read together fix the list.
	header, next, err := links(c, withRead(c, table.id), p, wire.DefaultLimit)
	if err != nil {
		return err
	}
	ans := answerOf(generation, q.Query, format, "errors", began)
	ans.Pinned, ans.Link, ans.Promises = q.Gen != "" && q.read != "", header, p.promises()
	l := listing{fields: schema.Describe[schema.ErrorSummary](), keys: q.keys, total: int64(p.total)}
	if q.Envelope {
		var o objectWriter
		o.text("Generation", generation.ID())
		o.text("Time", answer.Timestamp(table.time))
		o.number("Total", p.total)
		o.number("Idx", p.idx)
		o.number("Limit", p.limit)
		o.text("Next", next)
		writeReports(&o, q.reports)
		o.key("Items")
		if o.err != nil {
			return o.err
		}
		o.bytes = append(o.bytes, '[')
		l.head, l.tail = o.bytes, []byte("],\"Facets\":{}}\n")
	}
	describeRead(c, table.time)
	if table.stale != "" {
		h := c.Response().Header()
		h.Set(wire.HeaderStale, "1")
		h.Set(wire.HeaderStaleReason, table.stale)
	}
	from := min(p.idx, p.total)
	return sendList(c, a, ans, l, list[from:from+p.count])
}

// withRead are the parameters of a request, but those of the page, with the read
// that the addresses of other pages name.
func withRead(c echo.Context, read string) url.Values {
	v := url.Values{}
	for name, values := range c.QueryParams() {
		if !slices.Contains([]string{"gen", "idx", "limit", "read"}, strings.ToLower(name)) {
			v[name] = values
		}
	}
	v.Set("read", read)
	return v
}

// workflowsOf names the workflows that the filters of /fetch pick in a
// generation, in its order; nil when there are no filters.
func workflowsOf(ctx context.Context, generation *store.Generation, q wire.Query) (picked []string, err error) {
	if len(q.Terms) == 0 && q.Text == "" && len(q.Names) == 0 {
		return nil, nil
	}
	sel, err := generation.Select(ctx, wire.Query{Terms: q.Terms, Text: q.Text, Names: q.Names})
	if err != nil {
		return nil, err
	}
	picked = make([]string, 0, sel.Total())
	spent := budget.From(ctx)
	const chunk, steps = 256, 500
	for i := 0; i < sel.Total(); i += chunk {
		for _, record := range sel.Page(i, chunk) { //nolint:contextcheck // a page of what Select has made spends nothing
			if !spent.Spend(steps) {
				return nil, spent.Stopped() //nolint:wrapcheck // it is the request's own end
			}
			name, err := nameOf(record)
			if err != nil {
				return nil, err
			}
			picked = append(picked, name)
		}
	}
	return picked, nil
}

// among says that a name is one of those; nil: all are.
func among(names []string) func(string) bool {
	if names == nil {
		return nil
	}
	picked := make(map[string]bool, len(names))
	for _, name := range names {
		picked[name] = true
	}
	return func(name string) bool { return picked[name] }
}
