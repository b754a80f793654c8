package couch

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/dmwm/wmstats/schema/jsonscan"
)

// Row is one document as a bulk read or a feed delivers it. What it points to
// is valid only until the callback returns or the loop goes on: keep copies.
type Row struct {
	ID      string
	Rev     string // opaque; "" when only the document tells it
	Deleted bool   // a tombstone
	Missing bool   // asked for by its id, and the server says that it is not there
	Error   string // what the server, or the row, has in place of the document; often ""

	// Doc is the raw document. A row with none that is neither Deleted nor
	// Missing says nothing of the document: it is there for all that is known.
	Doc []byte
}

// Lacking says that the row does not bring the document that it is about.
func (r Row) Lacking() bool { return len(r.Doc) == 0 && !r.Deleted && !r.Missing }

// Change is one row of a changes feed. One without an ID only moves the
// position: the feed has passed documents that were not asked for. One without
// a Seq does not move it.
type Change struct {
	Row
	Seq Seq
	End bool // no row: an answer that was asked for ends here

	none bool // the row says that there are no changes
}

var errRowForm = errors.New("not a row of the expected form")

// parseRow finds the parts of a row of _all_docs, a view or _changes. It reads
// up to the document and takes the rest of the row as that, unseen, when all
// that CouchDB writes before it was there; in any other order it walks over
// everything.
func parseRow(row []byte) (c Change, err error) { return rowOf(row, 3) }

// rowOf is parseRow which takes the rest of the row as the document after so
// many of the members that CouchDB writes before it.
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

// parseDoc makes a row of a bare document, as _find delivers it.
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

// never is for walk: no value is all that is left of the object.
func never([]byte) bool { return false }

// walk visits the members of an object until visit says stop. What is in a value
// is not looked at. Where rest says yes to a key, its value is all that is left
// of the object.
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

// member takes one member of a row and tells whether it is one that CouchDB
// writes before the document.
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

// value takes the value of a row of _all_docs, {"rev":…} or
// {"rev":…,"deleted":true}; that of any other view says nothing.
func (c *Change) value(value []byte) (err error) {
	if c.Rev, err = revOf(value, `{"rev":"`); err != nil || c.Rev != "" && len(value) == len(c.Rev)+len(`{"rev":""}`) {
		return err
	}
	const longest = 512 // of what is not the whole document
	if len(value) > longest || value[0] != '{' {
		return nil
	}
	var rev string
	deleted, other := false, false
	// A value of another form is a view's own.
	if walk(value, never, func(key, value []byte) (bool, error) {
		switch string(key) {
		case "rev":
			rev, _ = text(value) // what is no text is no revision
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

// linkOf gives the id of the document that comes with a row of a view whose
// value is {"_id":…}: it need not be the one that the row is of. "": the value
// names none.
func linkOf(value []byte) (id string) {
	if !bytes.HasPrefix(value, []byte(`{"_id":`)) {
		return ""
	}
	_ = walk(value, never, func(_, value []byte) (bool, error) {
		id, _ = text(value) // what is no text links to nothing
		return false, nil
	})
	return id
}

// fault takes what stands in place of the document.
func (c *Change) fault(value []byte) {
	var err error
	if c.Error, err = text(value); err != nil {
		c.Error = string(value)
	}
}

// text reads a JSON string; null is as an empty one.
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

// revOf takes the revision that follows a known beginning. A row of another
// form has none here; its document says it too.
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

// Brief is an id as it is shown to people: a source may have ids of any length.
func Brief(id string) string {
	const most = 1 << 10
	if len(id) <= most {
		return id
	}
	return strings.ToValidUTF8(id[:most], "") + "…"
}
