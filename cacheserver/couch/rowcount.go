package couch

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
)

// counter returns how many rows there are; told is false when the server does
// not report it.
type counter func(ctx context.Context) (rows int64, told bool, err error)

// countLooks is how often rows are counted before a smaller answer is taken to
// be cut: others may write between an answer and its count.
const countLooks = 3

// reaches returns the error of an answer that has fewer rows than repeated
// counts. If rows can't be counted there is no error.
func reaches(ctx context.Context, op string, came int64, count counter) error {
	for look := 1; ; look++ {
		rows, told, err := count(ctx)
		switch {
		case ctx.Err() != nil:
			return ofTransport(ctx, op, ctx.Err())
		case err != nil || !told || came >= rows:
			return nil //nolint:nilerr // the answer itself was complete
		case look == countLooks:
			return &Error{Op: op, Kind: ErrCut, Reason: fmt.Sprintf("%d of %d rows came", came, rows), Err: errFewer}
		}
	}
}

// rowsOfViews counts all rows of some views.
func (c *Client) rowsOfViews(db Database, paths ...string) counter {
	return func(ctx context.Context) (rows int64, told bool, err error) {
		for _, path := range paths {
			total, _, err := c.extent(ctx, db, path, url.Values{})
			if err != nil || total == nil {
				return 0, false, err
			}
			rows += *total
		}
		return rows, true, nil
	}
}

// behindAnyID is an id greater than all others, for the end of the rows of one
// key.
const behindAnyID = "\ufff0"

// rowsOfKeys counts the rows of some keys of a view: the difference between the
// offsets of the first row of a key and of the first row after it.
func (c *Client) rowsOfKeys(db Database, path string, keys []string) counter {
	return func(ctx context.Context) (rows int64, told bool, err error) {
		for _, key := range keys {
			text, err := json.Marshal(key)
			if err != nil {
				return 0, false, fmt.Errorf("encode a key: %w", err)
			}
			_, first, err := c.extent(ctx, db, path, url.Values{"startkey": {string(text)}})
			if err != nil || first == nil {
				return 0, false, err
			}
			_, behind, err := c.extent(ctx, db, path, url.Values{"startkey": {string(text)}, "startkey_docid": {behindAnyID}})
			if err != nil || behind == nil {
				return 0, false, err
			}
			rows += *behind - *first
		}
		return rows, true, nil
	}
}

// extent returns the number of all rows of a view and of those before the first
// row of a range; nil: not reported.
func (c *Client) extent(ctx context.Context, db Database, path string, query url.Values) (total, before *int64, err error) {
	query.Set("limit", "0")
	query.Set("reduce", "false")
	var answer struct {
		Total  json.RawMessage `json:"total_rows"`
		Offset json.RawMessage `json:"offset"`
	}
	if err := c.small(ctx, "count the rows of a view", db, path, query, &answer); err != nil {
		return nil, nil, err
	}
	number := func(text json.RawMessage) *int64 {
		n, err := strconv.ParseInt(string(text), 10, 64)
		if err != nil {
			return nil
		}
		return &n
	}
	return number(answer.Total), number(answer.Offset), nil
}
