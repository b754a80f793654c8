package couch

import (
	"context"
	"encoding/json"
	"net/url"
)

// EachJob calls fn with the id and the key of each row of one workflow in the
// view of failing jobs, without documents. The key is a JSON list: workflow,
// task, state, exit code, site and more. begin is called before the first row,
// and again when all rows are read again. key is valid inside fn only. Without
// the view the error is ErrNotFound.
func (c *Client) EachJob(ctx context.Context, workflow string, begin func(), fn func(id string, key []byte) error) error {
	const op = "read the jobs of a workflow"
	first, err := json.Marshal([]any{workflow})
	last, lastErr := json.Marshal([]any{workflow, map[string]any{}})
	if err != nil || lastErr != nil {
		return &Error{Op: op, Kind: ErrRefused, Err: err}
	}
	query := url.Values{"startkey": {string(first)}, "endkey": {string(last)}, "reduce": {"false"}}
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
