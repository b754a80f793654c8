package couch

import (
	"context"
	"net/http"
	"net/url"

	"github.com/dmwm/wmstats/schema/raw"
)

// ByID requests the documents of some ids in one request and calls fn once for
// each id, in no fixed order. The row has the document (valid JSON with this _id
// and a _rev), or Deleted or Missing if CouchDB says so, or it is Lacking:
// CouchDB answered, but without this document. Rows are valid inside fn only. An
// error of fn ends the read and is returned unchanged. After any error fn may
// have been called for some of the ids only.
func (c *Client) ByID(ctx context.Context, db Database, ids []string, fn func(Row) error) error {
	if len(ids) == 0 {
		return nil
	}
	// Rows are matched by id, never by their place in the answer, and a "not
	// found" counts only if no other row has the document.
	left := make(map[string]Row, len(ids))
	for _, id := range ids {
		left[id] = Row{ID: id, Error: noRow}
	}
	op := "read documents of " + db.String()
	query, body := url.Values{"include_docs": {"true"}}, map[string]any{"keys": ids}
	s, err := c.open(ctx, op, http.MethodPost, db, "_all_docs", query, body, c.o.CallTimeout)
	if err != nil {
		return err
	}
	defer s.close()
	if _, err = s.rows(func(text []byte) error {
		row, err := askedRow(text)
		if err != nil {
			return &Error{Op: op, Kind: ErrForm, Err: err}
		}
		known, asked := left[row.ID]
		switch {
		case !asked: // not requested, or its document has already come
		case row.Doc != nil:
			delete(left, row.ID)
			return fn(row)
		case known.Error == noRow || row.Lacking():
			left[row.ID] = row
		}
		return nil
	}, func() {}); err != nil {
		return err
	}
	for _, row := range left {
		if err := fn(row); err != nil {
			return err
		}
	}
	return nil
}

// noRow is the error of an id for which no row came.
const noRow = "no row in the answer"

// askedRow parses a row of documents that were requested by id. Its Doc is nil
// unless the document is plausible.
func askedRow(text []byte) (Row, error) {
	c, err := rowOf(text, len(text)) // never use the shortcut: check each value
	if err != nil {
		return Row{}, err
	}
	row := c.Row
	if row.ID == "" {
		// Only a row without id, revision and document states that there is no
		// document.
		row.ID = keyOf(text)
		row.Missing = row.Error == "not_found" && row.Rev == "" && row.Doc == nil
	}
	fault := row.Fault()
	switch {
	case row.Doc != nil && fault == "":
		row.Deleted = false // the document exists
	case row.Deleted:
		row.Doc = nil
	case row.Doc != nil:
		row.Doc, row.Error = nil, fault
	}
	return row, nil
}

// keyOf returns the key of a row; "" when it is not a string.
func keyOf(row []byte) (id string) {
	_ = walk(row, never, func(key, value []byte) (bool, error) {
		if string(key) != "key" {
			return true, nil
		}
		id, _ = text(value) // only strings were requested
		return false, nil
	})
	return id
}

// Fault says why the row's document can't be the one that CouchDB has under the
// row's id and must be ignored; "" when it can be, or when there is no document.
func (r Row) Fault() string {
	if len(r.Doc) == 0 {
		return ""
	}
	head, err := raw.Peek(r.Doc)
	switch {
	case err != nil:
		return "not a JSON object"
	case !head.IsOf(r.ID):
		return "the document has another _id"
	case head.Deleted && !r.Deleted:
		return "the document is marked as deleted, the row is not"
	case head.Rev == "" && hasError(r.Doc):
		return "an error instead of the document"
	}
	return ""
}

// hasError reports whether an object has a member error.
func hasError(doc []byte) (found bool) {
	_ = walk(doc, never, func(key, _ []byte) (bool, error) {
		found = found || string(key) == "error"
		return !found, nil
	})
	return found
}

// whole is bulk for answers that are useless without all of their documents: it
// requests the missing ones by id. lost is called for each that does not come
// then either; its error ends the read. whole returns what followed the rows.
func (c *Client) whole(ctx context.Context, op, method string, db Database, path string, query url.Values, body any, fn, lost func(Row) error) (tail, error) {
	var lacking []string
	t, err := c.rowsOf(ctx, op, method, db, path, query, body, func(r Row) error {
		switch {
		case r.Deleted:
			return nil
		case r.Lacking() || r.Fault() != "":
			lacking = append(lacking, r.ID)
			return nil
		}
		return fn(r)
	})
	if err != nil {
		return t, err
	}
	return t, c.ByID(ctx, db, lacking, func(r Row) error {
		switch {
		case r.Lacking():
			return lost(r)
		case r.Doc == nil:
			return nil // deleted since the index was read
		}
		return fn(r)
	})
}

// faultless passes plausible documents to fn; any other is an error.
func faultless(op string, fn func(Row) error) func(Row) error {
	return func(r Row) error {
		if fault := r.Fault(); fault != "" {
			return &Error{Op: op, Kind: ErrRow, Reason: r.ID + ": " + fault}
		}
		return fn(r)
	}
}

// notHad is the error of a document that exists and did not come.
func notHad(op string, r Row) error {
	return &Error{Op: op, Kind: ErrRow, Code: r.Error, Reason: "the document " + r.ID + " did not come"}
}

// Documents reads the documents of some ids in the order of the ids. keep copies a
// document, as bytes.Clone does. See ByID.
func (c *Client) Documents(ctx context.Context, db Database, ids []string, keep func(doc []byte) []byte) ([]Row, error) {
	ctx, cancel := context.WithTimeout(ctx, c.o.CallTimeout)
	defer cancel()
	found := make(map[string]Row, len(ids))
	err := c.ByID(ctx, db, ids, func(r Row) error {
		if r.Doc != nil {
			r.Doc = keep(r.Doc)
		}
		found[r.ID] = r
		return nil
	})
	if err != nil {
		return nil, err
	}
	rows := make([]Row, 0, len(ids))
	for _, id := range ids {
		rows = append(rows, found[id])
	}
	return rows, nil
}
