package couch

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/dmwm/wmstats/schema/jsonscan"
)

// Row is one document as a bulk read or a feed delivers it. Its slices are valid
// only until the callback returns or the loop continues: keep copies.
type Row struct {
	ID      string
	Rev     string // opaque; "" when only the document has it
	Deleted bool   // a tombstone
	Missing bool   // requested by id, and the server reports that it does not exist
	Error   string // what the server or the row has instead of the document; often ""

	// Doc is the raw document. A row without one that is neither Deleted nor
	// Missing says nothing about the document: it is assumed to exist.
	Doc []byte
}

// Lacking reports whether the row is without the document that it is about.
func (r Row) Lacking() bool { return len(r.Doc) == 0 && !r.Deleted && !r.Missing }

// Change is one row of a changes feed. A row without an ID only moves the
// position: the feed has skipped documents that were not requested. A row
// without a Seq does not move it.
type Change struct {
	Row
	Seq Seq
	End bool // not a row: the end of an answer

	none bool // the row has an empty list of changes
}

var errRowForm = errors.New("not a row of the expected form")

// parseRow finds the parts of a row of _all_docs, a view or _changes. If the
// members come in CouchDB's order, it reads up to the document and takes the
// rest of the row as the document without parsing it; in any other order it
// parses everything.
func parseRow(row []byte) (c Change, err error) { return rowOf(row, 3) }

// rowOf is parseRow that takes the rest of the row as the document after the
// given number of members that CouchDB writes before it.
func rowOf(row []byte, before int) (c Change, err error) {
	seen := 0
	rest := func(key []byte) bool { return seen >= before && string(key) == "doc" }
	var linked string
	err = walk(row, rest, func(key, value []byte) (bool, error) {
		known, err := c.member(key, value)
		seen += known
		if string(key) == "value" {
			linked = linkOf(value)
		}
		return true, err
	})
	if linked != "" {
		c.ID = linked
	}
	return c, err
}

// parseDoc returns the row of a bare document, as _find delivers it.
func parseDoc(doc []byte) (r Row, err error) {
	r.Doc = doc
	err = walk(doc, never, func(key, value []byte) (bool, error) {
		var err error
		switch string(key) {
		case "_id":
			r.ID, err = text(value)
		case "_rev":
			r.Rev, err = text(value)
		}
		return r.ID == "" || r.Rev == "", err
	})
	return r, err
}

// never is for walk: no member is the rest of the object.
func never([]byte) bool { return false }

// walk visits the members of an object until visit stops. It does not look into
// values. If rest returns true for a key, its value is the rest of the object.
func walk(object []byte, rest func(key []byte) bool, visit func(key, value []byte) (more bool, err error)) error {
	var s jsonscan.Scanner
	s.Reset(object)
	if s.Kind() != jsonscan.Object {
		return errRowForm
	}
	s.Open()
	for key, ok := s.NextKey(); ok; key, ok = s.NextKey() {
		var value []byte
		taken := false
		if rest(key) {
			value, taken = s.Rest()
		}
		if !taken {
			value = s.Whole()
		}
		if s.Err() != nil {
			break
		}
		if more, err := visit(key, value); err != nil || !more {
			return err
		}
	}
	if err := s.End(); err != nil {
		return fmt.Errorf("%w: %w", errRowForm, err)
	}
	return nil
}

// member reads one member of a row and reports whether CouchDB writes it before
// the document.
func (c *Change) member(key, value []byte) (known int, err error) {
	switch string(key) {
	case "id":
		c.ID, err = text(value)
	case "seq":
		c.Seq = seqOf(value)
	case "changes":
		c.Rev, err = revOf(value, `[{"rev":"`)
		c.none = string(value) == "[]"
	case "value":
		err = c.value(value)
	case "key":
	case "deleted":
		c.Deleted = string(value) == "true"
		return 0, nil
	case "error":
		c.fault(value)
		return 0, nil
	case "doc":
		if string(value) != "null" {
			c.Doc = value
		}
		return 0, nil
	default:
		return 0, nil
	}
	return 1, err
}

// value reads the value of a row of _all_docs, {"rev":…} or
// {"rev":…,"deleted":true}; the value of any other view is ignored.
func (c *Change) value(value []byte) (err error) {
	if c.Rev, err = revOf(value, `{"rev":"`); err != nil || c.Rev != "" && len(value) == len(c.Rev)+len(`{"rev":""}`) {
		return err
	}
	const longest = 512 // longest value that is parsed
	if len(value) > longest || value[0] != '{' {
		return nil
	}
	var rev string
	deleted, other := false, false
	// A value of another form belongs to a view.
	if walk(value, never, func(key, value []byte) (bool, error) {
		switch string(key) {
		case "rev":
			rev, _ = text(value) // only a string is a revision
		case "deleted":
			deleted = string(value) == "true"
		default:
			other = true
		}
		return !other, nil
	}) == nil && rev != "" && !other {
		c.Rev, c.Deleted = rev, c.Deleted || deleted
	}
	return nil
}

// linkOf returns the id of the document that comes with a view row whose value
// is {"_id":…}; it may differ from the row's own id. "": the value names no
// document.
func linkOf(value []byte) (id string) {
	if !bytes.HasPrefix(value, []byte(`{"_id":`)) {
		return ""
	}
	_ = walk(value, never, func(_, value []byte) (bool, error) {
		id, _ = text(value) // only a string is an id
		return false, nil
	})
	return id
}

// fault reads the error that replaces the document.
func (c *Change) fault(value []byte) {
	var err error
	if c.Error, err = text(value); err != nil {
		c.Error = string(value)
	}
}

// text parses a JSON string; null is "".
func text(value []byte) (string, error) {
	var s jsonscan.Scanner
	s.Reset(value)
	var found string
	switch s.Kind() {
	case jsonscan.String:
		found = string(s.Text())
	case jsonscan.Null:
		s.Literal()
	default:
		return "", errRowForm
	}
	if err := s.End(); err != nil {
		return "", fmt.Errorf("%w: %w", errRowForm, err)
	}
	return found, nil
}

// revOf reads the revision that follows a known beginning. A row of another form
// returns "" here; its document has the revision too.
func revOf(value []byte, begin string) (string, error) {
	rest, ok := bytes.CutPrefix(value, []byte(begin))
	if !ok {
		return "", nil
	}
	end := bytes.IndexByte(rest, '"')
	if end < 0 {
		return "", errRowForm
	}
	return string(rest[:end]), nil
}

// Brief shortens an id for people: ids may have any length.
func Brief(id string) string {
	const most = 1 << 10
	if len(id) <= most {
		return id
	}
	return strings.ToValidUTF8(id[:most], "") + "…"
}
