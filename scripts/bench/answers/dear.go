package answers

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"github.com/dmwm/wmstats/cacheserver/api"
	"github.com/dmwm/wmstats/cacheserver/ondemand"
	"github.com/dmwm/wmstats/cacheserver/timeline"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// dear is a request that causes as much work as its resource allows.
type dear struct{ resource, what, method, path, body string }

// dearOf returns the most expensive requests that were found, some for each
// resource.
func dearOf(generation string) []dear {
	var keys, amounts, countable, bounds []string
	for _, f := range schema.Describe[schema.Workflow]() {
		if f.Key != "Workflow" {
			keys = append(keys, f.Key)
		}
		if f.Type == schema.Int {
			amounts = append(amounts, f.Key)
			bounds = append(bounds, f.Param+"=!77")
		}
		if wire.Countable(f) {
			countable = append(countable, f.Key+":1000")
		}
	}
	globs := make([]string, 2000)
	for i := range globs {
		globs[i] = fmt.Sprintf("*%d*a*b*c*d*e*f*g*h*", i)
	}
	many := make([]string, 4000)
	for i := range many {
		many[i] = fmt.Sprintf(`"T%d"`, i)
	}
	unknown := make([]string, 16)
	for i := range unknown {
		unknown[i] = fmt.Sprintf("Run3Sumer%dUL", i)
	}
	where := func(selector string) string { return `{"selector":` + selector + `}` }
	regex := func(text string) string { return where(fmt.Sprintf(`{"Workflow":{"$regex":%q}}`, text)) }
	get, post := http.MethodGet, http.MethodPost
	return []dear{
		{"/fetch", "2000 globs of names", get, "/fetch?workflow=" + strings.Join(globs, ","), ""}, // none matches: a link with them would be too long
		{"/fetch", "one usual glob of names", get, "/fetch?workflow=*Summer*v1*", ""},
		{"/fetch", "q= of letters outside ASCII", get, "/fetch?q=%C3%A9%C3%A9v", ""},
		{"/fetch", "a condition on each number", get, "/fetch?" + strings.Join(bounds, "&"), ""},
		{"/fetch", "sort by a list, deep page", get, "/fetch?idx=9000&sort=OutputDatasets", ""},
		{"/fetch", "eight keys of a sort, filtered", get, "/fetch?idx=9000&q=a&sort=OutputDatasets,PrepIDs," + strings.Join(keys[5:11], ","), ""},
		{"/fetch", "all facets, 1000 values each", get, "/fetch?facets=" + strings.Join(countable, ","), ""},
		{"/fetch", "10 000 records as CSV, gzip", get, "/fetch?limit=10000&format=csv&sort=-Failure", ""},
		{"/fetch", "limit=all in an order, until its first byte", http.MethodHead, "/fetch?limit=all&sort=-OutputDatasets&q=%2F", ""},
		{"/sites/{site}", "all facets, sort by a list", get, "/sites/T1_US_FNAL?sort=OutputDatasets&envelope=1&facets=" + strings.Join(countable, ","), ""},
		{"/campaign", "the list (not paged)", get, "/campaign", ""},
		{"/stats", "two lists, 16 sums", get, "/stats?by=Sites,Agents&sum=" + strings.Join(amounts[:16], ","), ""},
		{"/stats", "too many groups", get, "/stats?by=Workflow,OutputDatasets", ""},
		{"/facet/{field}", "names", get, "/facet/Workflow?limit=1000", ""},
		{"/suggest", "an unknown site, status and word", get, "/suggest?site=T2_US&status=running-opn&q=Run3Sumer22", ""},
		{"/suggest", "16 unknown words and 16 unknown names", get, "/suggest?q=" + strings.Join(unknown, "+") + "&workflow=" + strings.Join(unknown, ","), ""},
		{"/attention", "all rules", get, "/attention", ""},
		{"/errors", "groups of workflow, code, site", get, "/errors?by=workflow,exitcode,site,state", ""},
		{"/errors", "filters of /fetch, sorted", get, "/errors?by=exitcode,site&q=a&sort=-meaning,area", ""},
		{"/changes", "since the first generation, filtered", get, "/changes?since=" + generation + "&workflow=" + strings.Join(globs[:500], ","), ""},
		{"/history", "all campaigns, 400 points each", get, "/history?campaign=*&points=400", ""},
		{"/history", "all campaigns, all points", get, "/history?campaign=*", ""},
		{"/find", "a usual $regex", post, "/find", regex("(?i)summer.*v[0-9]+$")},
		{"/find", `".*" 1000 times and "x"`, post, "/find", regex(strings.Repeat(".*", 1000) + "x")},
		{"/find", "((.*){10}){10}x", post, "/find", regex("((.*){10}){10}x")},
		{"/find", "thousands in $in and $all", post, "/find", where(`{"$not":{"$or":[{"Sites":{"$in":[` + strings.Join(many, ",") + `]}},{"OutputDatasets":{"$all":[` + strings.Join(many, ",") + `]}}]}}`)},
		{"/find", "124 conditions on each element", post, "/find", where(`{"Sites":{"$elemMatch":{"$nor":[` + strings.Repeat(`{"$gt":"T2_ZZ"},`, 124) + `{"$lt":"A"}]}}}`)},
		{"any", "256 KB of Accept", get, "/fetch?limit=1&q=nothing", "accept"},
	}
}

// dear measures the most expensive requests of each resource: their answer, the
// processor time of their thread, their allocations, and how long they continue
// when their client disconnects. The time limit of a request is also that of
// its thread, so other load on the machine changes no answer.
func (r *run) dear(ctx context.Context) error {
	debug.SetGCPercent(garbage)
	for _, n := range r.Sizes {
		if err := r.dearAt(ctx, n); err != nil {
			return fmt.Errorf("%d workflows: %w", n, err)
		}
		runtime.GC()
	}
	return nil
}

func (r *run) dearAt(ctx context.Context, n int) error {
	s, err := newServed(ctx, n)
	if err != nil {
		return err
	}
	times, err := longHistory(ctx)
	if err != nil {
		return err
	}
	first, _ := s.store.Newest()
	s.change(min(n/4, 10_000)) // /changes needs something to report
	began := time.Now()
	a, err := api.New(api.Options{ //nolint:contextcheck // handlers take the context of their request; no cache: each is measured as the first of its kind
		Store: s.store, Details: details{}, Jobs: failingAll{s}, History: times, Demand: api.DemandOptions{WaitErrors: time.Hour, TimeoutErrors: time.Hour},
		Now: func() time.Time { return began.Add(threadTime()) },
	})
	if err != nil {
		return fmt.Errorf("set up the API: %w", err)
	}
	h := a.Handler()
	if _, err := askDear(ctx, h, dear{method: http.MethodGet, path: "/errors?limit=1"}); err != nil {
		return err
	}
	for _, d := range dearOf(first.ID()) {
		s.change(1) // a generation without cached results
		m, err := askDear(ctx, h, d)
		if err != nil {
			return err
		}
		left := "ends before"
		if m.took > time.Millisecond {
			s.change(1)
			after, err := leaveDear(ctx, h, d, m.took/3)
			if err != nil {
				return err
			}
			left = fmt.Sprintf("%.1f ms", after.Seconds()*1e3)
		}
		fmt.Fprintf(r.Out, "%8d | %-14s | %-44s | %d | %8.1f ms | %6.1f MB | left: %s\n",
			n, d.resource, d.what, m.status, m.cpu.Seconds()*1e3, float64(m.bytes)/(1<<20), left)
	}
	return nil
}

// measured is the result of one request.
type measured struct {
	status    int
	took, cpu time.Duration
	bytes     uint64
}

func requestOf(ctx context.Context, d dear) *http.Request {
	req := httptest.NewRequestWithContext(ctx, d.method, d.path, strings.NewReader(d.body))
	if d.method != http.MethodPost {
		req.Body, req.ContentLength = http.NoBody, 0
	}
	req.Header.Set("Accept-Encoding", "gzip")
	if d.body == "accept" {
		req.Header.Set("Accept", strings.Repeat("a/b;q=0.1,", 25_000)+"*/*")
	}
	return req
}

func askDear(ctx context.Context, h http.Handler, d dear) (m measured, err error) {
	w := &nowhere{header: http.Header{}, status: http.StatusOK}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began, cpu := time.Now(), threadTime()
	if err := serveLeft(ctx, h, d, w); err != nil {
		return m, err
	}
	m.took, m.cpu = time.Since(began), threadTime()-cpu
	runtime.ReadMemStats(&after)
	m.status, m.bytes = w.status, after.TotalAlloc-before.TotalAlloc
	if err := ctx.Err(); err != nil {
		return m, fmt.Errorf("measure: %w", err)
	}
	switch m.status {
	case http.StatusOK, http.StatusUnprocessableEntity, http.StatusTooManyRequests:
		return m, nil
	}
	return m, fmt.Errorf("%s %.80s: status %d", d.method, d.path, m.status)
}

// leaveDear measures how long a request continues after its client has
// disconnected: the shortest of three, because others use the machine too.
func leaveDear(ctx context.Context, h http.Handler, d dear, when time.Duration) (least time.Duration, err error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for range 3 {
		leaving, leave := context.WithCancel(ctx)
		left := make(chan time.Time, 1)
		timer := time.AfterFunc(when, func() { left <- time.Now(); leave() })
		err = serveLeft(leaving, h, d, &nowhere{header: http.Header{}})
		ended := time.Now()
		timer.Stop()
		leave()
		if err != nil {
			return 0, err
		}
		select {
		case at := <-left:
			if after := ended.Sub(at); least == 0 || after < least {
				least = after
			}
		default: // it was faster this time
		}
	}
	return least, nil
}

// serveLeft serves a request that may end with its client.
func serveLeft(ctx context.Context, h http.Handler, d dear, w http.ResponseWriter) (err error) {
	defer func() {
		if p := recover(); p != nil {
			if cut, ok := p.(error); !ok || !errors.Is(cut, http.ErrAbortHandler) {
				err = fmt.Errorf("%s: panic: %v", d.what, p)
			}
		}
	}()
	h.ServeHTTP(w, requestOf(ctx, d))
	return nil
}

// threadTime is the processor time of this thread, 0 where that is not known.
func threadTime() time.Duration {
	const thread = 1 // RUSAGE_THREAD
	var u syscall.Rusage
	if syscall.Getrusage(thread, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// failingAll is a source in which each workflow has failing jobs in three groups.
type failingAll struct{ s *served }

var errNotMeasured = errors.New("not measured")

func (failingAll) JobErrors(context.Context, string) ([]schema.JobError, error) {
	return nil, errNotMeasured
}

func (failingAll) JobSamples(context.Context, string, func(schema.JobError) bool, int) ([]schema.JobSample, int64, error) {
	return nil, 0, errNotMeasured
}

func (failingAll) LogEntries(context.Context, string) ([]schema.LogEntry, error) {
	return nil, errNotMeasured
}

func (failingAll) AllLogEntries(context.Context, func(string) bool, func([]schema.LogEntry) error) error {
	return ondemand.ErrAbsent
}

// FailingJobs returns the groups of all workflows.
func (f failingAll) FailingJobs(ctx context.Context, _ func(string) bool, fn func(schema.JobError) error) error {
	generation, _ := f.s.store.Newest()
	all, err := generation.Select(ctx, wire.Query{})
	if err != nil {
		return fmt.Errorf("read the names: %w", err)
	}
	const groups, codes, sites = 3, 40, 90
	for i := range all.Total() {
		name := all.Last(i, 1) //nolint:contextcheck // reading a page of a result of Select costs nothing
		for k := range groups {
			err := fn(schema.JobError{
				Workflow: name, Count: int64(1 + i%7), State: "jobfailed", ExitCode: int64(8000 + (i+k)%codes), Site: fmt.Sprintf("T2_XX_Site%02d", (i*groups+k)%sites),
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// longHistory has the maximum number of points, which does not depend on the
// number of workflows.
func longHistory(ctx context.Context) (*timeline.Timeline, error) {
	s, err := newServed(ctx, 500)
	if err != nil {
		return nil, err
	}
	now := time.Now().Add(-7 * 24 * time.Hour)
	h, err := timeline.New(timeline.Options{Now: func() time.Time { return now }})
	if err != nil {
		return nil, fmt.Errorf("set up counts over time: %w", err)
	}
	generation, _ := s.store.Newest()
	for range 2000 {
		now = now.Add(5 * time.Minute)
		h.Observe(generation, s.store.Agents(generation))
	}
	return h, nil
}
