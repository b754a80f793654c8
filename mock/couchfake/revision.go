package couchfake

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unsafe"

	"github.com/cespare/xxhash/v2"
	"github.com/tidwall/gjson"
)

// maxHistory is how many ancestors a leaf remembers. They only serve to
// recognise a revision that arrives again with new_edits=false.
const maxHistory = 20

// maxLosers is how many losing revisions one document keeps. The real server
// keeps all of them; a writer that invents an unconnected revision for each
// upload would fill the memory here, so the lowest are dropped.
const maxLosers = 4

// revision is one leaf of a document's revision tree. It never changes once it
// is published, so readers use it without a lock.
type revision struct {
	gen     int    // N of N-text
	text    string // all after "N-"
	deleted bool
	tail    []byte   // members other than _id, _rev, _deleted, without braces
	packer  *packer  // what unpacks tail; nil: it is plain
	size    int      // length of tail when unpacked
	history []string // ancestors, newest first, at most maxHistory
}

func (r *revision) rev() string { return strconv.Itoa(r.gen) + "-" + r.text }

// beats is the rule for the winning revision: live before deleted, then the
// greatest N, then the greatest text.
func (r *revision) beats(o *revision) bool {
	if r.deleted != o.deleted {
		return !r.deleted
	}
	if r.gen != o.gen {
		return r.gen > o.gen
	}
	return r.text > o.text
}

// draft is a document as a writer sent it, parsed and packed, before it is
// known whether it may be stored.
type draft struct {
	id        string
	rev       string   // as sent; "" when absent
	ancestors []string // of _revisions, newest first, without the revision itself
	deleted   bool
	tail      []byte
	packer    *packer
	size      int
	sum       uint64 // hash of the unpacked tail
}

// parseDraft reads one document. Its members keep their order and the text of
// their numbers; white space is removed. Members that CouchDB reserves for
// itself are taken out; an unknown one is an error. A document known to be
// valid JSON is not checked again.
func (c *codec) parseDraft(doc []byte, valid bool) (draft, error) {
	compact, err := squeeze(doc)
	if err != nil {
		return draft{}, err
	}
	if !valid && !gjson.ValidBytes(compact) {
		return draft{}, invalidJSON()
	}
	if len(compact) == 0 || compact[0] != '{' {
		return draft{}, badRequest("Document must be a JSON object")
	}
	var d draft
	tail := make([]byte, 0, len(compact))
	gjson.Parse(borrowed(compact)).ForEach(func(key, value gjson.Result) bool {
		var special bool
		special, err = d.special(key.String(), value)
		if !special && err == nil {
			if len(tail) > 0 {
				tail = append(tail, ',')
			}
			tail = append(append(append(tail, key.Raw...), ':'), value.Raw...)
		}
		return err == nil
	})
	if err != nil {
		return draft{}, err
	}
	d.sum = xxhash.Sum64(tail)
	d.size = len(tail)
	d.tail, d.packer = c.pack(tail)
	return d, nil
}

// borrowed returns a text that shares the bytes of b: a copy of each document
// would double the memory that reading them takes. The text is valid until b
// changes, so anything that is kept must be cloned.
func borrowed(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// special reads a member that begins with an underscore into d.
func (d *draft) special(key string, value gjson.Result) (bool, error) {
	if !strings.HasPrefix(key, "_") {
		return false, nil
	}
	switch key {
	case "_id":
		if value.Type != gjson.String {
			return true, badRequest("Document id must be a string")
		}
		d.id = strings.Clone(value.String())
	case "_rev":
		if value.Type != gjson.String {
			return true, badRequest("Invalid rev format")
		}
		d.rev = strings.Clone(value.String())
	case "_deleted":
		d.deleted = value.Bool()
	case "_revisions":
		return true, d.readRevisions(value)
	case "_attachments":
		return false, nil
	case "_conflicts", "_deleted_conflicts", "_revs_info", "_local_seq":
	default:
		return true, &Error{http.StatusBadRequest, "doc_validation", "Bad special document member: " + key}
	}
	return true, nil
}

// readRevisions reads {"start":N,"ids":[newest,…]}: the revision itself and its
// ancestors.
func (d *draft) readRevisions(value gjson.Result) error {
	start, ids := int(value.Get("start").Int()), value.Get("ids").Array()
	if start < len(ids) || len(ids) == 0 {
		return &Error{http.StatusBadRequest, "doc_validation", "RevId isn't a string or _revisions has no ids"}
	}
	for i, id := range ids {
		rev := strconv.Itoa(start-i) + "-" + id.String()
		if i == 0 {
			d.rev = rev
		} else {
			d.ancestors = append(d.ancestors, rev)
		}
	}
	return nil
}

// parseRev splits `N-text`. Any text is accepted: agents invent theirs.
func parseRev(rev string) (gen int, text string, err error) {
	number, text, found := strings.Cut(rev, "-")
	gen, aerr := strconv.Atoi(number)
	if !found || aerr != nil || gen < 1 || text == "" {
		return 0, "", badRequest("Invalid rev format")
	}
	return gen, text, nil
}

// child returns the revision that follows parent (nil: the first one). Its text
// depends only on content and parent: the same edit yields the same revision.
func (d *draft) child(parent *revision) *revision {
	gen, parentRev := 1, ""
	var history []string
	if parent != nil {
		gen, parentRev = parent.gen+1, parent.rev()
		history = append([]string{parentRev}, parent.history...)
		history = slices.Clip(history[:min(len(history), maxHistory)])
	}
	h := md5.New()
	fmt.Fprintf(h, "%s %t %x", parentRev, d.deleted, d.sum)
	return &revision{gen: gen, text: hex.EncodeToString(h.Sum(nil)), deleted: d.deleted,
		tail: d.tail, packer: d.packer, size: d.size, history: history}
}

// appendDoc writes the whole document as CouchDB does: _id, _rev, _deleted,
// then the members in the writer's order, then extra (members with their
// leading comma).
func appendDoc(dst []byte, id string, r *revision, extra string) ([]byte, error) {
	dst = append(dst, `{"_id":`...)
	dst = appendString(dst, id)
	dst = append(dst, `,"_rev":"`...)
	dst = strconv.AppendInt(dst, int64(r.gen), 10)
	dst = append(dst, '-')
	dst = append(dst, r.text...)
	dst = append(dst, '"')
	if r.deleted {
		dst = append(dst, `,"_deleted":true`...)
	}
	if r.size > 0 {
		dst = append(dst, ',')
		var err error
		if dst, err = r.packer.appendUnpacked(dst, r.tail); err != nil {
			return dst, fmt.Errorf("unpack %s: %w", id, err)
		}
	}
	dst = append(dst, extra...)
	return append(dst, '}'), nil
}
