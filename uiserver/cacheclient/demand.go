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

// Errors reads the failing jobs of all workflows in groups by some of exitcode,
// site, workflow and state. filters are the parameters of /errors that pick
// jobs and workflows. Total of the answer is the number of all groups; ReadTime of
// its Meta is when the jobs were read from the source. That this takes a while
// the first time is a *wire.Problem with the slug not-ready.
func (c *Client) Errors(ctx context.Context, filters url.Values, by []string, limit int) ([]schema.ErrorSummary, Meta, error) {
	v := maps.Clone(filters)
	v.Set("by", strings.Join(by, ","))
	v.Set("limit", strconv.Itoa(limit))
	var list []schema.ErrorSummary
	meta, err := c.get(ctx, "/errors", v, &list)
	return list, meta, err
}

// FailingJobs is Errors with the failed jobs that agents count, and those of which
// reports have come, of the workflows that the filters pick.
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

// JobErrors reads the failing jobs of a workflow in groups by some of task,
// state, exitcode, site, agent and errortypes, under the filters of Jobs.
func (c *Client) JobErrors(ctx context.Context, workflow string, filters url.Values, by []string) ([]schema.JobError, Meta, error) {
	v := maps.Clone(filters)
	v.Set("by", strings.Join(by, ","))
	var list []schema.JobError
	meta, err := c.get(ctx, "/fetch/"+url.PathEscape(workflow)+"/errors", v, &list)
	return list, meta, err
}

// Logs reads what agents and services wrote about a workflow, newest first.
func (c *Client) Logs(ctx context.Context, workflow string) ([]schema.LogEntry, Meta, error) {
	var list []schema.LogEntry
	meta, err := c.get(ctx, "/fetch/"+url.PathEscape(workflow)+"/logs", nil, &list)
	return list, meta, err
}

// History asks for counts over time: by, campaign, site, name, since and every
// are those of the API. A campaign or site that is not followed is a
// *wire.Problem with status 404.
func (c *Client) History(ctx context.Context, v url.Values) ([]schema.TimelinePoint, Meta, error) {
	var list []schema.TimelinePoint
	meta, err := c.get(ctx, "/history", v, &list)
	return list, meta, err
}

// OpenAPI reads the description of the API, as it is.
func (c *Client) OpenAPI(ctx context.Context) (map[string]any, error) {
	var doc map[string]any
	_, err := c.get(ctx, "/openapi.json", nil, &doc)
	return doc, err
}

// Peek is the beginning of an answer, whatever it is.
type Peek struct {
	Status      int
	ContentType string
	Body        []byte // the first bytes of it
	More        bool   // there is more
}

// Peek asks for a path as a reader with curl would, and takes at most so many
// bytes of the answer; a problem is an answer too.
func (c *Client) Peek(ctx context.Context, path string, query url.Values, most int64) (Peek, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // before the rest of the body is read
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
		return Peek{}, fmt.Errorf("get %s: %w: the answer broke off: %w", path, ErrUnreachable, err)
	}
	p := Peek{Status: res.StatusCode, ContentType: res.Header.Get("Content-Type"), Body: body}
	if p.More = int64(len(body)) > most; p.More {
		p.Body = body[:most]
	}
	return p, nil
}
