package cacheclient

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/url"
	"strconv"
	"strings"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// Errors reads the failing jobs of all workflows, grouped by some of exitcode, site,
// workflow and state. filters are the parameters of /errors that filter jobs and
// workflows. Meta.Total is the number of all groups, Meta.ReadTime the time of the
// read from CouchDB. Until the first read has finished, the error is a *wire.Problem
// with the slug not-ready.
func (c *Client) Errors(ctx context.Context, filters url.Values, by []string, limit int) ([]schema.ErrorSummary, Meta, error) {
	v := maps.Clone(filters)
	v.Set("by", strings.Join(by, ","))
	v.Set("limit", strconv.Itoa(limit))
	var list []schema.ErrorSummary
	meta, err := c.get(ctx, "/errors", v, &list)
	return list, meta, err
}

// FailingJobs is Errors with the number of failed jobs that agents count, and of
// those with reports, of the workflows that match the filters.
func (c *Client) FailingJobs(ctx context.Context, filters url.Values, by []string, limit int) (wire.ErrorsEnvelope, Meta, error) {
	v := maps.Clone(filters)
	v.Set("by", strings.Join(by, ","))
	v.Set("limit", strconv.Itoa(limit))
	v.Set("envelope", "1")
	var answer wire.ErrorsEnvelope
	meta, err := c.get(ctx, "/errors", v, &answer)
	return answer, meta, err
}

// Jobs reads samples of the failing jobs of a workflow, filtered by task, state,
// exitcode, site and agent.
func (c *Client) Jobs(ctx context.Context, workflow string, filters url.Values) ([]schema.JobSample, Meta, error) {
	var list []schema.JobSample
	meta, err := c.get(ctx, "/fetch/"+url.PathEscape(workflow)+"/jobs", filters, &list)
	return list, meta, err
}

// JobErrors reads the failing jobs of a workflow, grouped by some of task, state,
// exitcode, site, agent and errortypes, under the filters of Jobs.
func (c *Client) JobErrors(ctx context.Context, workflow string, filters url.Values, by []string) ([]schema.JobError, Meta, error) {
	v := maps.Clone(filters)
	v.Set("by", strings.Join(by, ","))
	var list []schema.JobError
	meta, err := c.get(ctx, "/fetch/"+url.PathEscape(workflow)+"/errors", v, &list)
	return list, meta, err
}

// Logs reads the log entries of agents and services for a workflow, newest first.
func (c *Client) Logs(ctx context.Context, workflow string) ([]schema.LogEntry, Meta, error) {
	var list []schema.LogEntry
	meta, err := c.get(ctx, "/fetch/"+url.PathEscape(workflow)+"/logs", nil, &list)
	return list, meta, err
}

// AllLogs reads the log messages about all workflows in groups; v has the parameters
// of /logs. Meta.Total is the number of all groups that match.
func (c *Client) AllLogs(ctx context.Context, v url.Values) ([]schema.LogGroup, Meta, error) {
	var list []schema.LogGroup
	meta, err := c.get(ctx, "/logs", v, &list)
	return list, meta, err
}

// History reads counts over time; v has the parameters of the API: by, campaign,
// site, release, agent, name, since, points. For a name without counts the error is
// a *wire.Problem with status 404.
func (c *Client) History(ctx context.Context, v url.Values) ([]schema.TimelinePoint, Meta, error) {
	var list []schema.TimelinePoint
	meta, err := c.get(ctx, "/history", v, &list)
	return list, meta, err
}

// ChangesOver reads changes of one kind over time, from one of /history/agents,
// /history/sites, /history/failures and /history/alerts. Meta.HistoryStart is the time
// of the state that they are compared with.
func ChangesOver[T any](ctx context.Context, c *Client, kind string, v url.Values) ([]T, Meta, error) {
	var list []T
	meta, err := c.get(ctx, "/history/"+kind, v, &list)
	return list, meta, err
}

// OpenAPI reads the OpenAPI document.
func (c *Client) OpenAPI(ctx context.Context) (map[string]any, error) {
	var doc map[string]any
	_, err := c.get(ctx, "/openapi.json", nil, &doc)
	return doc, err
}

// Peek is the start of any answer.
type Peek struct {
	Status      int
	ContentType string
	Body        []byte // first bytes
	More        bool   // the body is longer
}

// Peek requests a path as curl would, and returns at most most bytes of the answer.
// A problem is an answer, not an error.
func (c *Client) Peek(ctx context.Context, path string, query url.Values, most int64) (Peek, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // cancels the rest of the body
	req, err := c.request(ctx, path, query, wire.MediaJSON)
	if err != nil {
		return Peek{}, err
	}
	res, err := c.http.Do(req)
	if err != nil {
		return Peek{}, unanswered(ctx, path, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, most+1))
	if err != nil {
		return Peek{}, fmt.Errorf("get %s: %w: answer truncated: %w", path, ErrUnreachable, err)
	}
	p := Peek{Status: res.StatusCode, ContentType: res.Header.Get("Content-Type"), Body: body}
	if p.More = int64(len(body)) > most; p.More {
		p.Body = body[:most]
	}
	return p, nil
}
