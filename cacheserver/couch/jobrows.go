package couch

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
)

// EachJob calls fn with the id and the key of each row of one workflow in the
// view of failing jobs, without documents. The key is a JSON list: workflow,
// task, state, exit code, site and more. begin is called before the first row,
// and again when all rows are read again. key is valid inside fn only. Without
// the view the error is ErrNotFound.
func (c *Client) EachJob(ctx context.Context, workflow string, begin func(), fn func(id string, key []byte) error) error {
	const op = "read the jobs of a workflow"
	query, err := jobsOf(workflow)
	if err != nil {
		return &Error{Op: op, Kind: ErrRefused, Err: err}
	}
	query.Set("reduce", "false")
	return c.ofJobView(func(path string) error {
		begin()
		return c.viewRows(ctx, op, WMStats, path, query, func(row []byte) error {
			var id string
			var key []byte
			if err := walk(row, never, func(name, value []byte) (bool, error) {
				var err error
				switch string(name) {
				case "id":
					id, err = text(value)
				case "key":
					key = value
				}
				return true, err
			}); err != nil || id == "" || key == nil {
				return &Error{Op: op, Kind: ErrRow, Reason: "not a row of a view", Err: err}
			}
			return fn(id, key)
		})
	})
}

// jobsOf returns a query for the keys of one workflow in the view of failing jobs.
// The task follows the workflow in a key. Objects sort after all other values, so
// the end must be an object, and not {}: a key that continues after the task {} sorts
// after the list that ends there.
func jobsOf(workflow string) (url.Values, error) {
	query := url.Values{}
	for name, key := range map[string][]any{"startkey": {workflow}, "endkey": {workflow, map[string]any{"\ufff0": nil}}} {
		text, err := json.Marshal(key)
		if err != nil {
			return nil, fmt.Errorf("write a key: %w", err)
		}
		query.Set(name, string(text))
	}
	return query, nil
}
