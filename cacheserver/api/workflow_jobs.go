package api

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/cacheserver/budget"
	"github.com/dmwm/wmstats/cacheserver/ondemand"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// Samples of failing jobs in one answer.
const (
	defaultSamples = 10
	maxSamples     = 100
)

// jobFilter selects groups of failing jobs.
type jobFilter struct {
	task, state, site, agent wire.Texts
	exitCode                 wire.Numbers
}

var jobFilters = []string{"task", "state", "exitcode", "site", "agent"}

func readJobFilter(v url.Values) (f jobFilter, err error) {
	for name, to := range map[string]*wire.Texts{"task": &f.task, "state": &f.state, "site": &f.site, "agent": &f.agent} {
		if *to, err = wire.ReadTexts(name, v[name]); err != nil {
			return f, err
		}
	}
	f.exitCode, err = wire.ReadNumbers("exitcode", v["exitcode"])
	return f, err
}

func (f *jobFilter) match(g schema.JobError) bool {
	return f.task.Match(g.Task) && f.state.Match(g.State) && f.site.Match(g.Site) && f.agent.Match(g.Agent) && f.exitCode.Match(g.ExitCode)
}

// steps returns about how many nanoseconds match takes.
func (f *jobFilter) steps() int {
	return f.task.Steps() + f.state.Steps() + f.site.Steps() + f.agent.Steps() + f.exitCode.Steps()
}

// listFailingJobsOfWorkflow handles GET /fetch/{workflow}/errors: the groups
// of failing jobs, or sums of them by= some of their keys.
func (a *API) listFailingJobsOfWorkflow(c echo.Context) error {
	began, fields := a.o.Now(), schema.Describe[schema.JobError]()
	name, generation, p, err := a.workflowPart(c, fields, append([]string{"by", "envelope"}, jobFilters...)...)
	if err != nil {
		return err
	}
	envelope, err := readEnvelope(c.QueryParams()["envelope"], p.Format)
	if err != nil {
		return err
	}
	filter, err := readJobFilter(c.QueryParams())
	if err != nil {
		return err
	}
	by, err := readJobsBy(c.QueryParams()["by"])
	if err != nil {
		return err
	}
	groups, read, err := onDemand(c, a, ondemand.Call{Kind: kindFailingJobs, Key: name}, "job documents",
		func(ctx context.Context) ([]schema.JobError, int64, error) {
			groups, err := a.o.Jobs.JobErrors(ctx, name)
			const each = 200
			return groups, int64(each * len(groups)), err
		})
	if err != nil {
		return err
	}
	picked := make([]schema.JobError, 0, len(groups))
	spent := budget.From(c.Request().Context())
	const group = 100
	each := group + filter.steps()
	for _, g := range groups {
		if !spent.Spend(each) {
			return fmt.Errorf("select groups of jobs: %w", spent.Stopped())
		}
		if filter.match(g) {
			picked = append(picked, by.reduce(g))
		}
	}
	picked = schema.MergeJobErrors(picked)
	d := demanded{name: "errors", fields: fields, params: p, time: read, total: int64(len(picked)), began: began}
	if envelope {
		var o objectWriter
		_, reported := schema.ReportsByAgent(groups)
		writeReports(&o, wire.NewFailureReports(generation.Failures([]string{name}), reported))
		o.key("Items")
		if o.err != nil {
			return o.err
		}
		o.bytes = append(o.bytes, '[')
		d.head = o.bytes
	}
	return sendDemanded(c, a, generation, d, picked)
}

// jobsBy returns the keys to group by; nil: all.
type jobsBy []string

func readJobsBy(values []string) (by jobsBy, err error) {
	offered := append([]string{"errortypes"}, jobFilters...)
	for _, name := range namesIn(values) {
		switch {
		case !slices.Contains(offered, strings.ToLower(name)):
			return nil, wire.UnknownField("by", name, wire.Near(name, offered, 3))
		case !slices.Contains(by, strings.ToLower(name)):
			by = append(by, strings.ToLower(name))
		}
	}
	return by, nil
}

// reduce keeps only the grouped keys of a group.
func (by jobsBy) reduce(g schema.JobError) schema.JobError {
	if by == nil {
		return g
	}
	for name, text := range map[string]*string{"task": &g.Task, "state": &g.State, "site": &g.Site, "agent": &g.Agent, "errortypes": &g.ErrorTypes} {
		if !slices.Contains(by, name) {
			*text = ""
		}
	}
	if !slices.Contains(by, "exitcode") {
		g.ExitCode = -1
	}
	return g
}

// samples are jobs, and how many their groups have.
type samples struct {
	jobs  []schema.JobSample
	total int64
}

// listJobs handles GET /fetch/{workflow}/jobs: samples of failing jobs.
func (a *API) listJobs(c echo.Context) error {
	began, fields := a.o.Now(), schema.Describe[schema.JobSample]()
	name, generation, p, err := a.workflowPart(c, fields, append([]string{"limit"}, jobFilters...)...)
	if err != nil {
		return err
	}
	filter, err := readJobFilter(c.QueryParams())
	if err != nil {
		return err
	}
	limit, err := readSampleLimit(c.QueryParams()["limit"])
	if err != nil {
		return err
	}
	key := fmt.Sprintf("%s %#v %d", name, filter, limit)
	found, read, err := onDemand(c, a, ondemand.Call{Kind: kindJobs, Key: key}, "job documents",
		func(ctx context.Context) (s samples, cost int64, err error) {
			s.jobs, s.total, err = a.o.Jobs.JobSamples(ctx, name, filter.match, limit)
			return s, costOf(s.jobs), err
		})
	if err != nil {
		return err
	}
	d := demanded{name: "jobs", fields: flat(fields), params: p, time: read, total: found.total, began: began}
	return sendDemanded(c, a, generation, d, found.jobs)
}

func readSampleLimit(values []string) (int, error) {
	bad := wire.BadValue("limit", fmt.Sprintf("%q must be a whole number from 1 to %d; the answer has at most %d samples of one kind.", "limit", maxSamples, 10))
	switch len(values) {
	case 0:
		return defaultSamples, nil
	case 1:
		if n, err := strconv.Atoi(values[0]); err == nil && n >= 1 && n <= maxSamples && values[0][0] != '+' {
			return n, nil
		}
	}
	return 0, bad
}
