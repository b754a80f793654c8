package cacheclient

import (
	"context"
	"fmt"
	"iter"
	"net/url"
	"strings"

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
