package couchfake

import (
	"bytes"
	"slices"

	"github.com/tidwall/gjson"
)

// rewrite returns the replacement for the row b of a document, usually b
// itself. b may end with the newline of a continuous feed.
func (l *lens) rewrite(id string, b []byte) [][]byte {
	for _, a := range l.rows {
		rows := a.fault.Rewrite(id, b)
		if rows == nil {
			continue
		}
		a.rows.Add(1)
		return rows
	}
	return [][]byte{b}
}

// Rewrite returns the rows that replace row, the row of the document id; nil
// when this fault does not apply to it. It is for proxies in front of a real
// server; TurnRows does not work there.
func (f Fault) Rewrite(id string, row []byte) [][]byte {
	if len(f.IDs) > 0 && !slices.Contains(f.IDs, id) {
		return nil
	}
	return f.rewritten(row)
}

// rewritten returns the rows that replace b; nil: the fault has no effect on
// it.
func (f *Fault) rewritten(b []byte) [][]byte {
	switch f.Kind {
	case OmitRow:
		return [][]byte{}
	case TwiceRow:
		return [][]byte{b, b}
	case NullID, NullSeq:
		return f.ofFeed(b)
	}
	doc := gjson.GetBytes(b, "doc")
	if !doc.Exists() && gjson.GetBytes(b, "_id").Exists() { // a row of _find
		return one([]byte(f.document(gjson.ParseBytes(b))))
	}
	if !doc.IsObject() || gjson.GetBytes(b, "deleted").Bool() {
		return nil // no document was requested, or it was deleted
	}
	before, after := b[:doc.Index], b[doc.Index+len(doc.Raw):]
	switch f.Kind {
	case NoDoc:
		return one(bytes.TrimSuffix(before, []byte(`,"doc":`)), after)
	case DocError:
		return one(bytes.TrimSuffix(before, []byte(`"doc":`)), []byte(`"error":"timeout"`), after)
	}
	return one(before, []byte(f.document(doc)), after)
}

// row builds one row from its parts.
func one(parts ...[]byte) [][]byte { return [][]byte{bytes.Join(parts, nil)} }

// document returns what replaces doc.
func (f *Fault) document(doc gjson.Result) string {
	id := doc.Get("_id").String()
	switch f.Kind {
	case NoDoc:
		return "{}"
	case DocError:
		return `{"_id":` + quoted(id) + `,"error":"timeout"}`
	case OddDoc:
		if f.Text != "" {
			return f.Text
		}
		return "[]"
	case BrokenDoc:
		return `{"_id":` + quoted(id) + `,"_rev":"1-a","RequestName":nought}`
	case OtherDoc:
		at := doc.Get("_id").Index - doc.Index
		return doc.Raw[:at] + quoted("other-"+id) + doc.Raw[at+len(doc.Get("_id").Raw):]
	case DeletedDoc:
		return `{"_deleted":true,` + doc.Raw[1:]
	}
	return "null"
}

// ofFeed returns what NullID and NullSeq turn a row of _changes into.
func (f *Fault) ofFeed(b []byte) [][]byte {
	seq := gjson.GetBytes(b, "seq")
	if !seq.Exists() {
		return nil
	}
	if f.Kind == NullSeq {
		return one(b[:seq.Index], []byte("null"), b[seq.Index+len(seq.Raw):])
	}
	mark := []byte(`{"seq":` + seq.Raw + `,"changes":[],"id":null}`)
	if bytes.HasSuffix(b, []byte{'\n'}) {
		mark = append(mark, '\n')
	}
	return [][]byte{mark, b}
}
