package couch

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync/atomic"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/jsonscan"
	"github.com/dmwm/wmstats/schema/raw"
	"golang.org/x/sync/errgroup"
)

// PerGroup is the maximum number of samples per group of failing jobs.
const PerGroup = 10

// jobDesigns are the design documents that may hold jobsByStatusWorkflow:
// WMStatsErl3 on the server, and WMStats behind the front end, which rewrites
// paths.
var jobDesigns = [...]string{"WMStatsErl3", "WMStats"}

// jobView remembers which of jobDesigns answered last.
type jobView struct{ last atomic.Int32 }

// JobErrors reads the groups of failing jobs of one workflow, most jobs first.
// Groups that differ in no field of the record are merged. Without the view the
// error is ErrNotFound.
func (c *Client) JobErrors(ctx context.Context, workflow string) ([]schema.JobError, error) {
	ctx, cancel := context.WithTimeout(ctx, c.o.CallTimeout)
	defer cancel()
	groups, err := c.jobGroups(ctx, workflow)
	if err != nil {
		return nil, err
	}
	found := make([]schema.JobError, 0, len(groups))
	for _, g := range groups {
		found = append(found, g.JobError)
	}
	return schema.MergeJobErrors(found), nil
}

// jobGroup is one row of the grouped view.
type jobGroup struct {
	schema.JobError
	key json.RawMessage // unchanged, since it is used in a query again
}

func (c *Client) jobGroups(ctx context.Context, workflow string) (groups []jobGroup, err error) {
	query, err := jobsOf(workflow)
	if err != nil {
		return nil, &Error{Op: "read job errors", Kind: ErrRefused, Err: err}
	}
	query.Set("group_level", "8")
	err = c.groupedJobs(ctx, "read job errors", query, func(key []byte, count int64) error {
		if g, ok := raw.DecodeJobGroup(key, count); ok {
			groups = append(groups, jobGroup{g, bytes.Clone(key)})
		}
		return nil
	}, func() { groups = groups[:0] })
	return groups, err
}

// FailingJobs calls fn with the groups of failing jobs of all selected
// workflows, in the order of workflow names, without error types. It is one
// query of the reduced view, processed as a stream; rows of other workflows are
// skipped without decoding. Only the caller's context limits its time. Without
// the view the error is ErrNotFound.
func (c *Client) FailingJobs(ctx context.Context, wanted func(workflow string) bool, fn func(schema.JobError) error) error {
	const op = "read the failing jobs of all workflows"
	var name []byte // as encoded in keys
	var take bool
	return c.groupedJobs(ctx, op, url.Values{"group_level": {"7"}}, func(key []byte, count int64) error {
		if len(name) == 0 || !bytes.HasPrefix(key, name) {
			g, ok := raw.DecodeJobGroup(key, count)
			if !ok {
				return nil // jobs without a workflow name
			}
			name = append(name[:0], upToFirst(key)...)
			name = append(name, ',')
			if take = wanted(g.Workflow); !take {
				return nil
			}
			return fn(g)
		}
		if !take {
			return nil
		}
		g, ok := raw.DecodeJobGroup(key, count)
		if !ok {
			return &Error{Op: op, Kind: ErrForm, Reason: "a key that is not a list"}
		}
		return fn(g)
	}, func() {})
}

// upToFirst returns a list up to the end of its first element.
func upToFirst(list []byte) []byte {
	var s jsonscan.Scanner
	s.Reset(list)
	s.Kind()
	s.Open()
	if s.NextElem() {
		s.Whole()
	}
	return list[:s.Offset()]
}

// groupedJobs reads rows of the reduced view. key is valid inside fn only; again
// is called before another design document is tried. If the groups have fewer
// jobs in total than the view counts before and after, the answer was cut.
func (c *Client) groupedJobs(ctx context.Context, op string, query url.Values, fn func(key []byte, count int64) error, again func()) error {
	return c.ofJobView(func(path string) error {
		again()
		before, err := c.countJobs(ctx, op, path, query)
		if (absent(err) || tooSlow(err)) && !errors.Is(err, ErrForm) {
			return err
		}
		var came int64
		err = c.viewRows(ctx, op, WMStats, path, query, func(row []byte) error {
			var key []byte
			count := int64(-1)
			if err := walk(row, never, func(name, value []byte) (bool, error) {
				var err error
				switch string(name) {
				case "key":
					key = value
				case "value":
					count, err = strconv.ParseInt(string(bytes.TrimSpace(value)), 10, 64)
				}
				return true, err
			}); err != nil || key == nil || count < 0 {
				return &Error{Op: op, Kind: ErrRow, Reason: "not a row of a grouped view", Err: err}
			}
			came += count
			return fn(key, count)
		})
		if err != nil || came >= before {
			return err
		}
		after, err := c.countJobs(ctx, op, path, query) // jobs may have been deleted meanwhile
		if err == nil && came < min(before, after) {
			err = &Error{Op: op, Kind: ErrCut, Reason: fmt.Sprintf("groups of %d of %d jobs came", came, min(before, after))}
		}
		return err
	})
}

// countJobs returns the number of jobs that a grouped query covers; 0: unknown.
func (c *Client) countJobs(ctx context.Context, op, path string, grouped url.Values) (jobs int64, err error) {
	query := maps.Clone(grouped)
	query.Del("group_level")
	var answer struct {
		Rows []struct {
			Key   json.RawMessage `json:"key"`
			Value json.RawMessage `json:"value"`
		} `json:"rows"`
	}
	if err := c.small(ctx, op, WMStats, path, query, &answer); err != nil {
		return 0, err
	}
	if len(answer.Rows) != 1 || string(answer.Rows[0].Key) != "null" {
		return 0, nil
	}
	jobs, err = strconv.ParseInt(string(answer.Rows[0].Value), 10, 64)
	if err != nil {
		return 0, nil //nolint:nilerr // a view without a count
	}
	return jobs, nil
}

// ofJobView calls read with the path of the view in each design document that
// may hold it, until one answers. The one that answered last is tried first. If
// none answers, an error of an existing view takes precedence over one of a
// missing view.
func (c *Client) ofJobView(read func(path string) error) (err error) {
	first := int(c.jobs.last.Load())
	for i := range jobDesigns {
		at := (first + i) % len(jobDesigns)
		failed := read(viewPath(jobDesigns[at], "jobsByStatusWorkflow"))
		if !absent(failed) && !tooSlow(failed) {
			c.jobs.last.Store(int32(at)) //nolint:gosec // an index of a short list
			return failed
		}
		if err == nil || errors.Is(err, ErrNotFound) || errors.Is(err, ErrGone) {
			err = failed
		}
	}
	return err
}

// viewRows streams the rows of a view.
func (c *Client) viewRows(ctx context.Context, op string, db Database, path string, query url.Values, fn func(row []byte) error) error {
	s, err := c.open(ctx, op, http.MethodGet, db, path, query, nil, c.o.ReadIdle)
	if err != nil {
		return err
	}
	defer s.close()
	_, err = s.rows(fn, func() {})
	return err
}

// JobSamples reads jobsummary documents of the matching groups of failing jobs
// of one workflow: at most limit, and at most PerGroup per group. Each group
// gets one before any gets a second; groups with most jobs come first. total is
// the number of jobs in the matching groups. An unusable document is left out
// and logged. Without the view the error is ErrNotFound.
func (c *Client) JobSamples(ctx context.Context, workflow string, match func(schema.JobError) bool, limit int) (samples []schema.JobSample, total int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.o.CallTimeout)
	defer cancel()
	groups, err := c.jobGroups(ctx, workflow)
	if err != nil {
		return nil, 0, err
	}
	groups = slices.DeleteFunc(groups, func(g jobGroup) bool { return !match(g.JobError) })
	slices.SortStableFunc(groups, func(a, b jobGroup) int { return cmp.Compare(b.Count, a.Count) })
	for _, g := range groups {
		total += g.Count
	}
	shares := shareOut(groups, limit)
	of := make([][]schema.JobSample, len(groups))
	const atOnce = 3
	reads, inner := errgroup.WithContext(ctx)
	reads.SetLimit(atOnce)
	for i, n := range shares {
		if n > 0 {
			reads.Go(func() (err error) {
				of[i], err = c.samplesOf(inner, groups[i].key, n)
				return err
			})
		}
	}
	if err := reads.Wait(); err != nil {
		return nil, 0, err
	}
	return append([]schema.JobSample{}, slices.Concat(of...)...), total, nil
}

// shareOut returns how many samples of each group are read: one per group and
// round, up to limit.
func shareOut(groups []jobGroup, limit int) []int {
	shares := make([]int, len(groups))
	for more := true; more && limit > 0; {
		more = false
		for i, g := range groups {
			if limit > 0 && int64(shares[i]) < min(g.Count, PerGroup) {
				shares[i]++
				limit--
				more = true
			}
		}
	}
	return shares
}

// samplesOf reads up to n documents of one group.
func (c *Client) samplesOf(ctx context.Context, key json.RawMessage, n int) (samples []schema.JobSample, err error) {
	const op = "read samples of failing jobs"
	query := url.Values{"include_docs": {"true"}, "reduce": {"false"}, "limit": {strconv.Itoa(n)}}
	body := map[string]any{"keys": []json.RawMessage{key}}
	err = c.ofJobView(func(path string) error {
		samples = samples[:0]
		_, err := c.whole(ctx, op, http.MethodPost, WMStats, path, query, body, func(r Row) error {
			doc, err := raw.DecodeJobSummary(r.Doc)
			if err != nil {
				c.o.Log.Warn("jobsummary document skipped", "id", Brief(r.ID), "err", err)
				return nil
			}
			samples = append(samples, doc.Sample())
			return nil
		}, func(r Row) error { // samples need not be complete
			c.o.Log.Warn("jobsummary document skipped: CouchDB did not send it", "id", Brief(r.ID), "err", r.Error)
			return nil
		})
		return err
	})
	return samples, err
}
