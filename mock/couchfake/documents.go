package couchfake

import (
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"strings"

	"github.com/tidwall/gjson"
)

// checkID refuses the ids that CouchDB reserves for itself, and those that only
// a real server can store.
func checkID(id string) error {
	switch {
	case id == "":
		return badRequest("Document id must not be empty")
	case strings.HasPrefix(id, "_local/"):
		return notBuilt("_local documents")
	case strings.HasPrefix(id, "_") && !strings.HasPrefix(id, "_design/"):
		return &Error{http.StatusBadRequest, "illegal_docid",
			"Only reserved document ids may start with underscore."}
	}
	return nil
}

// document handles requests for one document.
func (c *call) document(db *database, id string) error {
	if err := checkID(id); err != nil {
		return err
	}
	switch c.r.Method {
	case http.MethodGet, http.MethodHead:
		return c.getDocument(db, id)
	case http.MethodPut:
		return c.putDocument(db, id)
	case http.MethodDelete:
		return c.deleteDocument(db, id)
	}
	return c.allow(http.MethodDelete, http.MethodGet, http.MethodHead, http.MethodPut)
}

func (c *call) getDocument(db *database, id string) error {
	for _, unknown := range []string{"revs", "revs_info", "open_revs", "atts_since"} {
		if c.query.Get(unknown) != "" && c.query.Get(unknown) != "false" {
			return notBuilt("parameter " + unknown)
		}
	}
	doc := db.get(id)
	if doc == nil || c.lens.hides(id) {
		return notFound("missing")
	}
	shown := doc.winner()
	if rev := c.query.Get("rev"); rev != "" {
		i := doc.leaf(rev)
		if i < 0 {
			return notFound("missing")
		}
		shown = doc.leaves[i]
	} else if shown.deleted {
		return notFound("deleted")
	}
	conflicts, err := c.flag("conflicts")
	if err != nil {
		return err
	}
	extra := ""
	if conflicts {
		extra = doc.conflicts()
	}
	etag := `"` + shown.rev() + `"`
	if extra == "" && c.r.Header.Get("If-None-Match") == etag {
		return c.notModified(etag)
	}
	body, err := appendDoc(nil, id, shown, extra)
	if err != nil {
		return err
	}
	if extra != "" { // the body has more than the revision: no ETag
		return c.send(http.StatusOK, string(body))
	}
	return c.send(http.StatusOK, string(body), "ETag", etag)
}

// conflicts lists the live losing revisions as a member of the document, ""
// when there are none.
func (d *document) conflicts() string {
	var list []byte
	for _, leaf := range d.leaves[1:] {
		if !leaf.deleted {
			list = append(append(list, ','), quoted(leaf.rev())...)
		}
	}
	if len(list) == 0 {
		return ""
	}
	return `,"_conflicts":[` + string(list[1:]) + `]`
}

// draftBody reads a document from the request.
func (c *call) draftBody(db *database) (draft, error) {
	body, err := c.jsonBody()
	if err != nil {
		return draft{}, err
	}
	return c.draft(db, body)
}

// draft parses a document that came over HTTP.
func (c *call) draft(db *database, doc gjson.Result) (draft, error) {
	if !doc.IsObject() {
		return draft{}, badRequest("Document must be a JSON object")
	}
	d, err := db.codec.parseDraft([]byte(doc.Raw), true)
	if err == nil && d.size > c.server.opts.MaxDocumentBytes {
		err = &Error{http.StatusRequestEntityTooLarge, "document_too_large", d.id}
	}
	return d, err
}

func (c *call) putDocument(db *database, id string) error {
	d, err := c.draftBody(db)
	if err != nil {
		return err
	}
	if d.id != "" && d.id != id {
		return badRequest("Document ID must match id in URL")
	}
	d.id = id
	if err := c.nameRevision(&d); err != nil {
		return err
	}
	return c.store(db, d, http.StatusCreated)
}

func (c *call) postDocument(db *database) error {
	d, err := c.draftBody(db)
	if err != nil {
		return err
	}
	if d.id == "" {
		d.id = newID()
	}
	if err := checkID(d.id); err != nil {
		return err
	}
	return c.store(db, d, http.StatusCreated)
}

func (c *call) deleteDocument(db *database, id string) error {
	doc := db.get(id)
	if doc == nil {
		return notFound("missing")
	}
	if doc.winner().deleted {
		return notFound("deleted")
	}
	d := draft{id: id, deleted: true}
	if err := c.nameRevision(&d); err != nil {
		return err
	}
	return c.store(db, d, http.StatusOK)
}

// nameRevision returns the revision to replace, from wherever the client put
// it: the body, ?rev= or If-Match. They must not differ.
func (c *call) nameRevision(d *draft) error {
	for _, rev := range []string{c.query.Get("rev"), strings.Trim(c.r.Header.Get("If-Match"), `"`)} {
		if rev == "" {
			continue
		}
		if d.rev != "" && d.rev != rev {
			return badRequest("Document rev from request body and query string have different values")
		}
		d.rev = rev
	}
	return nil
}

// store writes one document and answers with its revision.
func (c *call) store(db *database, d draft, status int) error {
	mode := newEdit
	if c.query.Get("new_edits") == "false" {
		mode = replicated
	}
	if d.rev != "" {
		if _, _, err := parseRev(d.rev); err != nil {
			return err
		}
	}
	id := d.id
	w := db.write(mode, d)[0]
	if w.err != nil {
		return w.err
	}
	headers := []string{"ETag", `"` + w.rev + `"`}
	if c.r.Method != http.MethodDelete {
		headers = append(headers, "Location", c.location(db.name, id))
	}
	if c.r.Method == http.MethodPost {
		headers = headers[2:]
	}
	return c.send(status, `{"ok":true,"id":`+quoted(id)+`,"rev":`+quoted(w.rev)+`}`, headers...)
}

// newID generates an id for a document that came without one.
func newID() string {
	var raw [16]byte
	_, _ = rand.Read(raw[:]) // never fails
	return hex.EncodeToString(raw[:])
}
