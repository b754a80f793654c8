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

// Workflows reads all workflows of a query, page after page along next, so that
// they are those of one generation, each once. When that generation is gone on
// the way, and the order is by name, it goes on after the last name on the
// newest: what is there, and matches, the whole time still comes exactly once.
// An error is yielded once, and ends it.
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

// queryOf is the query of an address in an answer, which has to be of the same
// resource.
func queryOf(address, path string) (url.Values, error) {
	next, err := url.Parse(address)
	if err != nil || !strings.HasSuffix(next.Path, path) {
		return nil, fmt.Errorf("get %s: next page %q is somewhere else", path, address)
	}
	return next.Query(), nil
}

// Stream reads all workflows of a query in one answer (limit=all as NDJSON), in
// constant memory and for as long as it takes; ctx bounds it. An answer that is
// cut is ErrUnreachable, never a short list. The server allows a client few of
// these at once.
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
				yield(w, fmt.Errorf("stream /fetch: a record: %w", err))
				return
			case err != nil:
				yield(w, fmt.Errorf("stream /fetch: %w: the answer broke off: %w", ErrUnreachable, err))
				return
			case !yield(w, nil):
				return
			}
		}
	}
}

// bounded reads so many bytes: a record that never ends must not fill the memory.
type bounded struct {
	from io.Reader
	left int64
}

// Read reads more. The error is that of the reader below, or ErrTooLarge.
func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, ErrTooLarge
	}
	n, err := b.from.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err //nolint:wrapcheck // as if it were the reader below
}

// Follow tells what changes under the terms of q after the generation since, by
// long polls, until ctx ends or the caller stops. Of the first error it tells
// and ends: the caller decides when to begin again, with the Generation of the
// last change. A change with Event reset says to read the list at its
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

// open sends a request whose answer may take long: ctx alone bounds it. The
// caller closes the body of a good answer.
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
