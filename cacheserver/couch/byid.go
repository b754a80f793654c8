package couch

import (
	"context"
	"net/http"
	"net/url"
	"slices"

	"github.com/dmwm/wmstats/schema/raw"
)

// ByID asks for the documents of some ids, all in one request, and calls fn once
// for each id, in no fixed order: with the document, which says the same id, has
// a _rev and is JSON, or with Deleted or Missing where the source says so, or
// with a row that is Lacking: the source has answered, and not about this
// document, or not with it. Rows are valid inside fn only; an error of fn ends
// the read and is returned as it is. After any error fn may have been called for
// some of the ids.
func (c *Client) ByID(ctx context.Context, db Database, ids []string, fn func(Row) error) error {
	if len(ids) == 0 {
		return nil
	}
	// No row is believed by its place in the answer, nor a "not found" as long
	// as another row may have the document.
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
		case !asked: // it was not asked for, or its document is there already
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

// noRow is what an id has whose row has not come.
const noRow = "no row in the answer"

// askedRow reads a row of documents that were asked for by their ids. Its
// document is one that can be believed, or nil.
func askedRow(text []byte) (Row, error) {
	c, err := rowOf(text, len(text)) // never by the short way: each value is looked at
	if err != nil {
		return Row{}, err
	}
	row := c.Row
	if row.ID == "" {
		// Only a row without id, revision and document says that there is none.
		row.ID = keyOf(text)
		row.Missing = row.Error == "not_found" && row.Rev == "" && row.Doc == nil
	}
	fault := row.Fault()
	switch {
	case row.Doc != nil && fault == "":
		row.Deleted = false // it is there
	case row.Deleted:
		row.Doc = nil
	case row.Doc != nil:
		row.Doc, row.Error = nil, fault
	}
	return row, nil
}

// keyOf is the key of a row, "" when it is no text.
func keyOf(row []byte) (id string) {
	_ = walk(row, never, func(key, value []byte) (bool, error) {
		if string(key) != "key" {
			return true, nil
		}
		id, _ = text(value) // what is no text was not asked for
		return false, nil
	})
	return id
}

// Fault says why the document of a row can't be that which the source has under
// the row's id, so that it says nothing of it; "": it can, or there is none.
func (r Row) Fault() string {
	if len(r.Doc) == 0 {
		return ""
	}
	head, err := raw.Peek(r.Doc)
	switch {
	case err != nil:
		return "what came is no JSON object"
	case !head.IsOf(r.ID):
		return "a document with another _id came"
	case head.Deleted && !r.Deleted:
		return "the document says that it is deleted, the row does not"
	case head.Rev == "" && hasError(r.Doc):
		return "an error came in place of the document"
	}
	return ""
}

// hasError tells whether an object has a member error.
func hasError(doc []byte) (found bool) {
	_ = walk(doc, never, func(key, _ []byte) (bool, error) {
		found = found || string(key) == "error"
		return !found, nil
	})
	return found
}

// whole is bulk for answers that are of no use without all documents: those that
// rows lack are asked for by their ids. lost is called for one that can't be had
// so either; its error ends the read. It returns what followed the rows.
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

// faultless is fn for documents that can be believed; another one is a failure.
func faultless(op string, fn func(Row) error) func(Row) error {
	return func(r Row) error {
		if fault := r.Fault(); fault != "" {
			return &Error{Op: op, Kind: ErrRow, Reason: r.ID + ": " + fault}
		}
		return fn(r)
	}
}

// notHad is the error of a document that is there and can't be had.
func notHad(op string, r Row) error {
	return &Error{Op: op, Kind: ErrRow, Code: r.Error, Reason: "the document " + r.ID + " did not come"}
}

// Documents reads the documents of some ids, in their order, as copies that
// the caller owns; see ByID.
func (c *Client) Documents(ctx context.Context, db Database, ids []string) ([]Row, error) {
	ctx, cancel := context.WithTimeout(ctx, c.o.CallTimeout)
	defer cancel()
	found := make(map[string]Row, len(ids))
	err := c.ByID(ctx, db, ids, func(r Row) error {
		r.Doc = slices.Clone(r.Doc)
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
