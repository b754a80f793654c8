package couch

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// Row is one document as a bulk read or a feed delivers it. What it points to
// is valid only until the callback returns or the loop goes on: keep copies.
type Row struct {
	ID      string
	Rev     string // opaque; "" when only the document tells it
	Deleted bool   // a tombstone
	Missing bool   // asked for by its id and not there
	Doc     []byte // raw document; nil when there is none
}

// Change is one row of a changes feed. One without an ID only moves the
// position: the feed has passed documents that were not asked for.
type Change struct {
	Row
	Seq Seq
}

var errRowForm = errors.New("not a row of the expected form")

// parseRow finds the parts of a row of _all_docs, a view or _changes. It reads
// up to the document and takes the rest of the row as that, unseen, when all
// that CouchDB writes before it was there; in any other order it walks over
// everything.
func parseRow(raw []byte) (c Change, err error) {
	seen := 0 // members of which CouchDB writes three before the document
	rest := func(key []byte) bool { return seen >= 3 && string(key) == `"doc"` }
	err = walk(raw, rest, func(key, value []byte) (bool, error) {
		known, err := c.member(key, value)
		seen += known
		return true, err
	})
	return c, err
}

// parseDoc makes a row of a bare document, as _find delivers it.
func parseDoc(raw []byte) (r Row, err error) {
	r.Doc = raw
	never := func([]byte) bool { return false }
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
		if rest(raw[i:keyEnd]) {
			end = lastMember(raw)
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
	case `"value"`:
		c.Rev, err = revOf(value, `{"rev":"`)
		c.Deleted = c.Deleted || c.Rev != "" && bytes.HasSuffix(value, []byte(`,"deleted":true}`))
	case `"key"`:
	case `"deleted"`:
		c.Deleted = string(value) == "true"
		return 0, nil
	case `"error"`:
		c.Missing = true
		return 0, nil
	case `"doc"`:
		if value[0] == '{' {
			c.Doc = value
		}
		return 0, nil
	default:
		return 0, nil
	}
	return 1, err
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
