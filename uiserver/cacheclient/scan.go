package cacheclient

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// Workflows iterates over all workflows of a query. It follows the next links, so
// all records are of one generation, each exactly once. If that generation expires
// during the iteration and the order is by name, the iteration continues after the
// last name on the newest generation; workflows that match all the time still come
// exactly once. An error is yielded once and ends the iteration.
func (c *Client) Workflows(ctx context.Context, q wire.Query) iter.Seq2[schema.Workflow, error] {
	q.Envelope, q.Facets, q.Format, q.Download, q.All = false, nil, wire.JSON, false, false
	return func(yield func(schema.Workflow, error) bool) {
		query := q.Values()
		for {
			var page []schema.Workflow
			meta, err := c.get(ctx, "/fetch", query, &page)
			next := meta.Next
			if p := wire.ProblemOf(err); p != nil && p.Slug() == wire.SlugGenerationExpired && p.Continue != "" {
				err, next, page = nil, p.Continue, nil
			}
			if err != nil {
				yield(schema.Workflow{}, err)
				return
			}
			for i := range page {
				if !yield(page[i], nil) {
					return
				}
			}
			if next == "" {
				return
			}
			if query, err = queryOf(next, "/fetch"); err != nil {
				yield(schema.Workflow{}, err)
				return
			}
		}
	}
}

// queryOf returns the query of an address in an answer. The address must be of the
// same resource.
func queryOf(address, path string) (url.Values, error) {
	next, err := url.Parse(address)
	if err != nil || !strings.HasSuffix(next.Path, path) {
		return nil, fmt.Errorf("get %s: next page %q is a different resource", path, address)
	}
	return next.Query(), nil
}

// Stream iterates over all workflows of a query from one answer (limit=all as
// NDJSON), in constant memory and without a timeout other than ctx. A truncated
// answer is ErrUnreachable, never a short list. The server limits the number of
// concurrent streams of a client.
func (c *Client) Stream(ctx context.Context, q wire.Query) iter.Seq2[schema.Workflow, error] {
	q.Envelope, q.Facets, q.Format, q.Download, q.All, q.Limit, q.Idx = false, nil, wire.NDJSON, false, true, 0, 0
	return func(yield func(schema.Workflow, error) bool) {
		res, err := c.open(ctx, "/fetch", q.Values(), wire.MediaNDJSON)
		if err != nil {
			yield(schema.Workflow{}, err)
			return
		}
		defer res.Body.Close()
		record := &bounded{from: res.Body}
		lines := json.NewDecoder(record)
		for {
			record.left = c.maxBody
			var w schema.Workflow
			switch err := lines.Decode(&w); {
			case errors.Is(err, io.EOF):
				return
			case errors.Is(err, ErrTooLarge):
				yield(w, fmt.Errorf("stream /fetch: decode record: %w", err))
				return
			case err != nil:
				yield(w, fmt.Errorf("stream /fetch: %w: answer truncated: %w", ErrUnreachable, err))
				return
			case !yield(w, nil):
				return
			}
		}
	}
}

// bounded limits the bytes read: a record without end must not fill the memory.
type bounded struct {
	from io.Reader
	left int64
}

// Read implements io.Reader. The error is that of the underlying reader, or
// ErrTooLarge.
func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, ErrTooLarge
	}
	n, err := b.from.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err //nolint:wrapcheck // passes on the error of the reader
}

// Follow iterates over the changes under the terms of q after the generation since,
// by long polls, until ctx ends or the caller stops. The first error is yielded and
// ends the iteration; the caller decides when to restart, with the Generation of the
// last change. After a change with Event reset, read the whole list at its
// Generation.
func (c *Client) Follow(ctx context.Context, q wire.Query, since string) iter.Seq2[wire.Change, error] {
	const wait = 30 * time.Second
	v := wire.Query{Terms: q.Terms, Text: q.Text, Names: q.Names}.Values()
	v.Set("feed", "longpoll")
	v.Set("timeout", wait.String())
	return func(yield func(wire.Change, error) bool) {
		for ctx.Err() == nil {
			if since != "" {
				v.Set("since", since)
			}
			change, err := c.poll(ctx, v, wait)
			if err != nil {
				if ctx.Err() == nil {
					yield(change, err)
				}
				return
			}
			since = change.Generation
			if change.Event == wire.EventReset || change.Added+change.Changed+change.Removed > 0 {
				if !yield(change, nil) {
					return
				}
			}
		}
	}
}

// poll is one long poll, which may take longer than other calls.
func (c *Client) poll(ctx context.Context, v url.Values, wait time.Duration) (change wire.Change, err error) {
	ctx, cancel := context.WithTimeout(ctx, wait+c.http.Timeout)
	defer cancel()
	res, err := c.open(ctx, "/changes", v, wire.MediaJSON)
	if err != nil {
		return change, err
	}
	defer res.Body.Close()
	held := c.room.enter()
	defer held.leave()
	body, err := held.read(res, c.maxBody)
	if err != nil {
		return change, fmt.Errorf("get /changes: %w", err)
	}
	if err := json.Unmarshal(body, &change); err != nil {
		return change, fmt.Errorf("get /changes: decode the answer: %w", err)
	}
	return change, nil
}

// open sends a request whose answer may take long; only ctx limits its time. The
// caller closes the body.
func (c *Client) open(ctx context.Context, path string, query url.Values, accept string) (*http.Response, error) {
	req, err := c.request(ctx, path, query, accept)
	if err != nil {
		return nil, err
	}
	long := &http.Client{Transport: c.http.Transport}
	res, err := long.Do(req)
	if err != nil {
		return nil, unanswered(ctx, path, err)
	}
	if res.StatusCode == http.StatusOK {
		return res, nil
	}
	defer res.Body.Close()
	held := c.room.enter()
	defer held.leave()
	body, err := held.read(res, c.maxBody)
	if err != nil {
		return nil, fmt.Errorf("get %s: %w", path, err)
	}
	return nil, fmt.Errorf("get %s: %w", path, problemOf(res, body))
}
