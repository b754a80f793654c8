package api

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/cacheserver/api/answer"
	"github.com/dmwm/wmstats/cacheserver/api/records"
	"github.com/dmwm/wmstats/cacheserver/failures"
	"github.com/dmwm/wmstats/cacheserver/store"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// failingJobsQuery is a request for the failing jobs of all workflows.
type failingJobsQuery struct {
	wire.Query // page, format, and the filters that select workflows
	read       string
	by         failures.By
	jobs       failures.Filter
	sort       []wire.SortKey
	keys       []string
	reports    wire.FailureReports // with an envelope
}

// failingJobsParams are the parameters of /errors that /fetch does not have,
// or that have another meaning here: the site where jobs fail, not one where
// the workflow runs.
var failingJobsParams = []string{"by", "exitcode", "site", "state", "sort", "fields", "read"}

func parseFailingJobs(v url.Values) (q failingJobsQuery, err error) {
	for name := range v {
		if slices.Contains([]string{"facets", "after", "last"}, strings.ToLower(name)) {
			return q, wire.UnknownParameter(name, nil)
		}
	}
	if q.Query, err = wire.ParseQueryExcept(v, failingJobsParams...); err != nil {
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
	if q.by, err = readFailingJobsBy(v["by"]); err != nil {
		return q, err
	}
	fields := schema.Describe[schema.ErrorSummary]()
	if q.sort, err = readOrder(fields, v["sort"]); err != nil {
		return q, err
	}
	if q.keys, err = readKeys(fields, v["fields"]); err != nil {
		return q, err
	}
	if read := v["read"]; len(read) > 0 {
		q.read = read[0]
	}
	return q, nil
}

func readFailingJobsBy(values []string) (by failures.By, err error) {
	if len(values) == 0 {
		return failures.By{ExitCode: true, Site: true}, nil
	}
	flags := map[string]*bool{"exitcode": &by.ExitCode, "site": &by.Site, "workflow": &by.Workflow, "state": &by.State}
	for _, name := range namesIn(values) {
		flag := flags[strings.ToLower(name)]
		if flag == nil {
			return by, wire.UnknownField("by", name, wire.Near(name, []string{"exitcode", "site", "workflow", "state"}, 3))
		}
		*flag = true
	}
	return by, nil
}

// listFailingJobs handles GET /errors: the failing jobs of all workflows, from
// a table that is read on demand and kept for a while.
func (a *API) listFailingJobs(c echo.Context) error {
	began := a.o.Now()
	q, err := parseFailingJobs(c.QueryParams())
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
	if len(q.sort) > 0 {
		if err := records.Sort(c.Request().Context(), list, q.sort, failures.Order); err != nil {
			return fmt.Errorf("sort failing jobs: %w", err)
		}
	}
	if q.Envelope {
		// All jobs of these workflows: agents do not count by exit code and
		// state.
		q.reports = wire.NewFailureReports(generation.Failures(picked), table.Reports(q.jobs.Workflow))
	}
	return a.sendFailingJobs(c, generation, table, q, format, list, began)
}

// sendFailingJobs answers with the page of the list.
func (a *API) sendFailingJobs(c echo.Context, generation *store.Generation, table *failingJobsTable, q failingJobsQuery, format wire.Format, list []schema.ErrorSummary, began time.Time) error {
	p := pageOf(generation, q.Query, len(list), limitOf(q.Query))
	// The generation and the read together determine the list.
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

// withRead returns the parameters of a request, except those of the page, with
// the read that the URLs of other pages name.
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
