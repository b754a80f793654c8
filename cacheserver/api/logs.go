package api

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/cacheserver/api/records"
	"github.com/dmwm/wmstats/cacheserver/budget"
	"github.com/dmwm/wmstats/cacheserver/ondemand"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// logFilter selects messages.
type logFilter struct{ kind, reporter, thread wire.Texts }

func readLogFilter(v url.Values) (f logFilter, err error) {
	for name, to := range map[string]*wire.Texts{"type": &f.kind, "reporter": &f.reporter, "thread": &f.thread} {
		if *to, err = wire.ReadTexts(name, v[name]); err != nil {
			return f, err
		}
	}
	return f, nil
}

func (f *logFilter) match(kind, reporter, thread string) bool {
	return f.kind.Match(kind) && f.reporter.Match(reporter) && f.thread.Match(thread)
}

// steps returns about how many nanoseconds match takes.
func (f *logFilter) steps() int { return f.kind.Steps() + f.reporter.Steps() + f.thread.Steps() }

// listLogs handles GET /fetch/{workflow}/logs: messages of the log database.
func (a *API) listLogs(c echo.Context) error {
	began, fields := a.o.Now(), schema.Describe[schema.LogEntry]()
	name, generation, p, err := a.workflowPart(c, fields, "type", "reporter", "thread")
	if err != nil {
		return err
	}
	filter, err := readLogFilter(c.QueryParams())
	if err != nil {
		return err
	}
	entries, read, err := onDemand(c, a, ondemand.Call{Kind: kindLogs, Key: name}, "log entries",
		func(ctx context.Context) ([]schema.LogEntry, int64, error) {
			entries, err := a.o.Jobs.LogEntries(ctx, name)
			return entries, costOf(entries), err
		})
	if err != nil {
		return err
	}
	spent := budget.From(c.Request().Context())
	picked := slices.DeleteFunc(slices.Clone(entries), func(e schema.LogEntry) bool {
		return !spent.Spend(filter.steps()) || !filter.match(e.Type, e.Reporter, e.Thread)
	})
	if err := spent.Stopped(); err != nil {
		return fmt.Errorf("select messages: %w", err)
	}
	return sendDemanded(c, a, generation, demanded{name: "logs", fields: fields, params: p, time: read, total: int64(len(picked)), began: began}, picked)
}

// maxLogGroups is the maximum number of groups of messages that are held.
const maxLogGroups = 200_000

// Limits of the answer of /logs.
const (
	defaultLogs = 1000
	maxLogs     = 10_000
)

// logParams are the parameters of /logs that /fetch does not have, or that have
// another meaning here: the type of a message, not of a request.
var logParams = []string{"type", "reporter", "thread", "sort", "fields", "limit"}

// listAllLogs handles GET /logs: the messages of the log database about all
// workflows, in groups.
func (a *API) listAllLogs(c echo.Context) error {
	began, fields, v := a.o.Now(), schema.Describe[schema.LogGroup](), c.QueryParams()
	for _, name := range []string{"facets", "after", "last", "idx", "envelope"} {
		for given := range v {
			if strings.EqualFold(given, name) {
				return wire.UnknownParameter(given, logParams)
			}
		}
	}
	q, err := wire.ParseQueryExcept(v, logParams...)
	if err != nil {
		return err
	}
	filter, err := readLogFilter(v)
	if err != nil {
		return err
	}
	order, err := readOrder(fields, v["sort"])
	if err != nil {
		return err
	}
	keys, err := readKeys(fields, v["fields"])
	if err != nil {
		return err
	}
	limit, err := readLogLimit(v["limit"])
	if err != nil {
		return err
	}
	generation, err := a.generation(c, q)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	groups, read, err := onDemand(c, a, ondemand.Call{Kind: kindAllLogs, Timeout: a.o.Demand.TimeoutErrors}, "log entries",
		func(ctx context.Context) ([]schema.LogGroup, int64, error) {
			return a.readAllLogs(ctx, wanted(generation))
		})
	if err != nil {
		return err
	}
	names, err := workflowsOf(ctx, generation, q)
	if err != nil {
		return err
	}
	workflow := among(names)
	if workflow == nil {
		workflow = wanted(generation) // the read may be older
	}
	picked, err := pickLogs(ctx, groups, filter, workflow)
	if err != nil {
		return err
	}
	if len(order) > 0 {
		if err := records.Sort(ctx, picked, order, newestLog); err != nil {
			return fmt.Errorf("sort messages: %w", err)
		}
	}
	d := demanded{name: "logs", fields: fields, params: listParams{Query: q, keys: keys}, time: read, total: int64(len(picked)), began: began}
	return sendDemanded(c, a, generation, d, picked[:min(limit, len(picked))])
}

// readAllLogs reads the groups of messages about the selected workflows, the
// newest first.
func (a *API) readAllLogs(ctx context.Context, wanted func(string) bool) (groups []schema.LogGroup, cost int64, err error) {
	groups = []schema.LogGroup{}
	err = a.o.Jobs.AllLogEntries(ctx, wanted, func(entries []schema.LogEntry) error {
		if len(groups) == maxLogGroups {
			return wire.TooExpensive(fmt.Sprintf("The log database has more than %d documents about the workflows in the lists, the most this server can hold.", maxLogGroups))
		}
		if g, ok := schema.GroupLogs(entries); ok {
			g.Message = strings.Clone(g.Message) // without the other messages of the document
			groups = append(groups, g)
		}
		return nil
	})
	slices.SortFunc(groups, func(a, b schema.LogGroup) int { return newestLog(&a, &b) })
	return groups, costOf(groups), err //nolint:wrapcheck // demandProblem names the data
}

// newestLog orders groups of messages: the newest first, then by key.
func newestLog(a, b *schema.LogGroup) int {
	return cmp.Or(cmp.Compare(b.Time, a.Time), cmp.Compare(a.Workflow, b.Workflow), cmp.Compare(a.Reporter, b.Reporter),
		cmp.Compare(a.Thread, b.Thread), cmp.Compare(a.Type, b.Type))
}

// pickLogs returns the groups that match, in their order.
func pickLogs(ctx context.Context, groups []schema.LogGroup, filter logFilter, workflow func(string) bool) ([]schema.LogGroup, error) {
	const look = 100
	spent, each := budget.From(ctx), look+filter.steps()
	picked := []schema.LogGroup{}
	for _, g := range groups {
		if !spent.Spend(each) {
			return nil, fmt.Errorf("select messages: %w", spent.Stopped())
		}
		if filter.match(g.Type, g.Reporter, g.Thread) && workflow(g.Workflow) {
			picked = append(picked, g)
		}
	}
	return picked, nil
}

func readLogLimit(values []string) (int, error) {
	if len(values) == 0 {
		return defaultLogs, nil
	}
	if n, err := strconv.Atoi(values[0]); len(values) == 1 && err == nil && n >= 1 && n <= maxLogs && values[0][0] != '+' {
		return n, nil
	}
	return 0, wire.BadValue("limit", fmt.Sprintf("%q must be a whole number from 1 to %d.", "limit", maxLogs))
}
