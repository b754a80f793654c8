package couch

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
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
func parseRow(raw []byte) (c Change, err error) { return rowOf(raw, 3) }

// rowOf is parseRow which takes the rest of the row as the document after so
// many of the members that CouchDB writes before it.
func rowOf(raw []byte, before int) (c Change, err error) {
	seen := 0
	rest := func(key []byte) bool { return seen >= before && string(key) == `"doc"` }
	var linked string
	err = walk(raw, rest, func(key, value []byte) (bool, error) {
		known, err := c.member(key, value)
		seen += known
		if string(key) == `"value"` {
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
func parseDoc(raw []byte) (r Row, err error) {
	r.Doc = raw
	err = walk(raw, never, func(key, value []byte) (bool, error) {
		var err error
		switch string(key) {
		case `"_id"`:
			r.ID, err = text(value)
		case `"_rev"`:
			r.Rev, err = text(value)
		}
		return r.ID == "" || r.Rev == "", err
	})
	return r, err
}

// never is for walk: no value is all that is left of the object.
func never([]byte) bool { return false }

// walk visits the members of the object raw until visit says stop. Where rest
// says yes to a key, its value is all that is left of the object.
func walk(raw []byte, rest func(key []byte) bool, visit func(key, value []byte) (more bool, err error)) error {
	i := skipSpace(raw, 0)
	if i >= len(raw) || raw[i] != '{' {
		return errRowForm
	}
	for i++; ; {
		i = skipSpace(raw, i)
		if i < len(raw) && raw[i] == '}' && skipSpace(raw, i+1) == len(raw) {
			return nil
		}
		keyEnd := skipValue(raw, i)
		colon := skipSpace(raw, keyEnd)
		if keyEnd < 0 || raw[i] != '"' || colon >= len(raw) || raw[colon] != ':' {
			return errRowForm
		}
		value := skipSpace(raw, colon+1)
		end := -1
		if rest(raw[i:keyEnd]) && value < len(raw) && raw[value] == '{' {
			end = lastMember(raw)
			if end > value && !bytes.HasSuffix(bytes.TrimRight(raw[:end], " \t\r"), []byte{'}'}) {
				end = -1 // something follows the document
			}
		}
		if end <= value {
			end = skipValue(raw, value)
		}
		if end < 0 {
			return errRowForm
		}
		if more, err := visit(raw[i:keyEnd], raw[value:end]); err != nil || !more {
			return err
		}
		if i = skipSpace(raw, end); i < len(raw) && raw[i] == ',' {
			i++
		}
	}
}

// member takes one member of a row and tells whether it is one that CouchDB
// writes before the document.
func (c *Change) member(key, value []byte) (known int, err error) {
	switch string(key) {
	case `"id"`:
		c.ID, err = text(value)
	case `"seq"`:
		c.Seq = seqOf(value)
	case `"changes"`:
		c.Rev, err = revOf(value, `[{"rev":"`)
		c.none = string(value) == "[]"
	case `"value"`:
		err = c.value(value)
	case `"key"`:
	case `"deleted"`:
		c.Deleted = string(value) == "true"
		return 0, nil
	case `"error"`:
		c.fault(value)
		return 0, nil
	case `"doc"`:
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
		case `"rev"`:
			rev, _ = text(value) // what is no text is no revision
		case `"deleted"`:
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
func linkOf(value []byte) string {
	rest, ok := bytes.CutPrefix(value, []byte(`{"_id":`))
	if !ok {
		return ""
	}
	begin := skipSpace(rest, 0)
	end := skipValue(rest, begin)
	if end < 0 {
		return ""
	}
	id, err := text(rest[begin:end])
	if err != nil {
		return "" // what is no text links to nothing
	}
	return id
}

// fault takes what stands in place of the document.
func (c *Change) fault(value []byte) {
	var err error
	if c.Error, err = text(value); err != nil {
		c.Error = string(value)
	}
}

// text reads a JSON string.
func text(value []byte) (s string, err error) {
	if n := len(value); n >= 2 && value[0] == '"' && bytes.IndexByte(value, '\\') < 0 {
		return string(value[1 : n-1]), nil
	}
	if err := json.Unmarshal(value, &s); err != nil {
		return "", fmt.Errorf("%w: %w", errRowForm, err)
	}
	return s, nil
}

// revOf takes the revision that follows a known beginning. A row of another
// form has none here; its document says it too.
func revOf(value []byte, begin string) (string, error) {
	rest, ok := bytes.CutPrefix(value, []byte(begin))
	if !ok {
		return "", nil
	}
	if end := skipString(rest, -1); end > 0 {
		return string(rest[:end-1]), nil
	}
	return "", errRowForm
}

// lastMember is where the last member of an object that fills raw ends.
func lastMember(raw []byte) int {
	raw = bytes.TrimRight(raw, " \t\r")
	if len(raw) < 2 || raw[len(raw)-1] != '}' {
		return -1
	}
	return len(raw) - 1
}

func skipSpace(b []byte, i int) int {
	for i >= 0 && i < len(b) && (b[i] == ' ' || b[i] == '\t' || b[i] == '\r' || b[i] == '\n') {
		i++
	}
	return i
}

// skipValue returns where the JSON value that begins at i ends, or -1. It
// counts brackets and passes strings; it checks nothing else.
func skipValue(b []byte, i int) int {
	if i < 0 || i >= len(b) {
		return -1
	}
	switch b[i] {
	case '"':
		return skipString(b, i)
	case '{', '[':
		depth := 0
		for ; i < len(b); i++ {
			switch b[i] {
			case '"':
				end := skipString(b, i)
				if end < 0 {
					return -1
				}
				i = end - 1
			case '{', '[':
				depth++
			case '}', ']':
				if depth--; depth == 0 {
					return i + 1
				}
			}
		}
		return -1
	}
	start := i
	for i < len(b) && b[i] != ',' && b[i] != '}' && b[i] != ']' && b[i] != ' ' {
		i++
	}
	if i == start {
		return -1
	}
	return i
}

// skipString returns where the string that begins at i ends, or -1.
func skipString(b []byte, i int) int {
	for i++; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return -1
}

// Brief is an id as it is shown to people: a source may have ids of any length.
func Brief(id string) string {
	const most = 1 << 10
	if len(id) <= most {
		return id
	}
	return strings.ToValidUTF8(id[:most], "") + "…"
}
