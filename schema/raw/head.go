package raw

import (
	"github.com/cespare/xxhash/v2"

	"github.com/dmwm/wmstats/schema/jsonscan"
)

// Head is the part that all documents have in common.
type Head struct {
	ID      string
	Rev     string // opaque
	Type    string // agent_request, agent_info, jobsummary, ... ; "" for request documents
	Deleted bool
	Time    int64 // timestamp, Unix s; 0 if there is none
}

// IsOf reports whether the document can have the id. Texts of documents are
// cut, and so is ID; the id of a row of the source is not.
func (h *Head) IsOf(id string) bool {
	return h.ID == id || len(id) > maxText && h.ID == id[:cutAt(id, maxText)]
}

// readKey reads the value of one top-level key that belongs to the head.
// It reads nothing and returns false for all other keys.
func (h *Head) readKey(d *decoder, key []byte) bool {
	switch string(key) {
	case "_id":
		h.ID = d.text("_id")
	case "_rev":
		h.Rev = d.text("_rev")
	case "type":
		h.Type = d.text("type")
	case "_deleted":
		h.Deleted = d.truth("_deleted", false)
	case "timestamp":
		h.Time = d.time("timestamp")
	default:
		return false
	}
	return true
}

// Peek reads only the head of a document. Its error is a *DocError: not JSON,
// or not an object.
func Peek(raw []byte) (Head, error) {
	h, _, err := PeekHash(raw)
	return h, err
}

// PeekHash is Peek and ContentHash in one scan, for feeds in which most
// documents have not changed.
func PeekHash(raw []byte) (Head, uint64, error) {
	d := newDecoder(raw)
	h, err := d.readHead()
	if err != nil {
		return h, 0, err
	}
	return h, d.hash.Sum64(), nil
}

// readHead reads the whole document for its head and its hash. After an error
// the head holds what was read before it.
func (d *decoder) readHead() (h Head, err error) {
	if !d.openDocument() {
		return h, d.unusable("")
	}
	for key, ok := d.nextHashed(); ok; key, ok = d.nextHashed() {
		if !h.readKey(d, key) {
			d.scan.Skip()
		}
	}
	if d.scan.End() != nil {
		return h, d.unusable(h.ID)
	}
	return h, nil
}

// ContentHash is equal for documents that differ only in their top-level _rev
// and timestamp: agents rewrite every document every ten minutes, often with
// nothing else changed. It depends on the bytes of the other pairs and on their
// order, so equal content written in another way only costs a needless update.
// It is stable between processes. Bytes that are not a JSON object are hashed
// as a whole.
func ContentHash(raw []byte) uint64 {
	_, sum, err := PeekHash(raw)
	if err != nil {
		return xxhash.Sum64(raw)
	}
	return sum
}

// nextHashed is NextKey for the pairs of a document whose content is hashed. It
// leaves out _rev and timestamp and hashes the others in runs, as long as
// possible, with a comma between runs. So the hash does not depend on where the
// two stand.
func (d *decoder) nextHashed() (key []byte, ok bool) {
	end := d.scan.Offset() // of the last value
	key, ok = d.scan.NextKey()
	content := ok && string(key) != "_rev" && string(key) != "timestamp"
	switch {
	case content && d.run < 0:
		d.run = d.scan.KeyStart()
	case !content && d.run >= 0:
		if d.hashed {
			_, _ = d.hash.Write([]byte{','}) // xxhash's writes never fail
		}
		_, _ = d.hash.Write(d.doc[d.run:end])
		d.run, d.hashed = -1, true
	}
	return key, ok
}

// openDocument enters the document if it is an object.
func (d *decoder) openDocument() bool {
	if d.scan.Kind() != jsonscan.Object {
		d.scan.Skip() // finds the syntax error, if there is one
		return false
	}
	d.scan.Open()
	return true
}

// unusable is the error for a document that is not a JSON object.
func (d *decoder) unusable(id string) *DocError {
	e := &DocError{ID: id, Found: shorten(d.doc), Want: "a JSON object"}
	if err := d.scan.End(); err != nil {
		e.Err = err
	}
	if len(d.doc) == 0 {
		e.Found = "nothing"
	}
	return e
}
