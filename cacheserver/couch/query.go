package couch

import (
	"context"
	"hash/maphash"
	"slices"
)

// query reads the request documents that match a selector. A row of a query is
// only the document, so nothing confirms its identity. If _id and RequestName
// differ (they are equal in nearly all), the documents of both names are
// requested by id. An id that comes twice means that another document is
// missing, and it is unknown which.
func (c *Client) query(ctx context.Context, selector any, fn func(Row) error) error {
	const op = "query requests"
	seed, seen := maphash.MakeSeed(), map[uint64]struct{}{}
	doubted := map[string]struct{}{}
	err := c.find(ctx, Requests, selector, nil, func(r Row) error {
		key := maphash.String(seed, r.ID)
		if _, twice := seen[key]; twice {
			return &Error{Op: op, Kind: ErrRow, Reason: "the document " + r.ID + " came twice, so another one is missing"}
		}
		seen[key] = struct{}{}
		if name := requestName(r.Doc); name != "" && name != r.ID {
			doubted[r.ID], doubted[name] = struct{}{}, struct{}{}
			return nil
		}
		return fn(r)
	})
	if err != nil {
		return err
	}
	ids := make([]string, 0, len(doubted))
	for id := range doubted {
		ids = append(ids, id)
	}
	const atOnce = 200
	for some := range slices.Chunk(ids, atOnce) {
		if err := c.ByID(ctx, Requests, some, func(r Row) error {
			if r.Missing || r.Deleted {
				return nil
			}
			return fn(r)
		}); err != nil {
			return err
		}
	}
	return nil
}

// requestName returns the RequestName of a document; "" unless it is a string.
func requestName(doc []byte) (name string) {
	_ = walk(doc, never, func(key, value []byte) (bool, error) { // invalid JSON is detected later
		if string(key) != "RequestName" {
			return true, nil
		}
		name, _ = text(value)
		return false, nil
	})
	return name
}
