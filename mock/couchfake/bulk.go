package couchfake

import (
	"errors"
	"net/http"
	"strings"

	"github.com/tidwall/gjson"
)

// bulkDocs answers POST _bulk_docs. Each document gets its own outcome; with
// new_edits=false only failures are listed.
func (c *call) bulkDocs(db *database) error {
	if err := c.allow(http.MethodPost); err != nil {
		return err
	}
	body, err := c.jsonBody()
	if err != nil {
		return err
	}
	docs := body.Get("docs")
	if !docs.Exists() {
		return badRequest("POST body must include `docs` parameter.")
	}
	if !docs.IsArray() {
		return badRequest("`docs` parameter must be an array.")
	}
	mode := newEdit
	switch body.Get("new_edits").Raw {
	case "", "true":
	case "false":
		mode = replicated
	default:
		return badRequest("`new_edits` parameter must be a boolean.")
	}
	drafts, err := c.bulkDrafts(db, docs, mode)
	if err != nil {
		return err
	}
	var out []string
	for i, w := range db.write(mode, drafts...) {
		switch couchErr := (*Error)(nil); {
		case errors.As(w.err, &couchErr):
			out = append(out, `{"id":`+quoted(drafts[i].id)+`,"error":`+quoted(couchErr.Name)+
				`,"reason":`+quoted(couchErr.Reason)+`}`)
		case w.err != nil:
			return w.err
		case mode == newEdit:
			out = append(out, `{"ok":true,"id":`+quoted(drafts[i].id)+`,"rev":`+quoted(w.rev)+`}`)
		}
	}
	return c.send(http.StatusCreated, "["+strings.Join(out, ",")+"]")
}

// bulkDrafts parses the documents. If one is not a document, the whole request
// fails before anything is written, as on the real server.
func (c *call) bulkDrafts(db *database, docs gjson.Result, mode writeMode) (drafts []draft, err error) {
	docs.ForEach(func(_, doc gjson.Result) bool {
		var d draft
		if d, err = c.draft(db, doc); err != nil {
			return false
		}
		if d.id == "" {
			d.id = newID()
		}
		switch err = checkID(d.id); {
		case err != nil:
		case d.rev != "":
			_, _, err = parseRev(d.rev)
		case mode == replicated:
			err = badRequest("When `new_edits: false`, the document needs `_rev` or `_revisions` specified")
		}
		drafts = append(drafts, d)
		return err == nil
	})
	return drafts, err
}

// bulkGet answers POST _bulk_get.
func (c *call) bulkGet(db *database) error {
	if err := c.allow(http.MethodPost); err != nil {
		return err
	}
	body, err := c.jsonBody()
	if err != nil {
		return err
	}
	docs := body.Get("docs")
	if !docs.IsArray() {
		return badRequest("Missing JSON list of 'docs'.")
	}
	out := []byte(`{"results":[`)
	docs.ForEach(func(_, want gjson.Result) bool {
		id := want.Get("id").String()
		if out[len(out)-1] != '[' {
			out = append(out, ',')
		}
		out = append(append(out, `{"id":`...), quoted(id)...)
		out = append(out, `,"docs":[{`...)
		out, err = c.appendBulkDoc(out, db, id, want.Get("rev").String())
		out = append(out, `}]}`...)
		return err == nil
	})
	if err != nil {
		return err
	}
	return c.send(http.StatusOK, string(out)+"]}")
}

// appendBulkDoc writes `"ok":document` or `"error":{…}`. A tombstone is an
// answer here, not an error.
func (c *call) appendBulkDoc(out []byte, db *database, id, rev string) ([]byte, error) {
	if doc := db.get(id); doc != nil && !c.lens.hides(id) {
		i := 0
		if rev != "" {
			i = doc.leaf(rev)
		}
		if i >= 0 {
			return appendDoc(append(out, `"ok":`...), id, doc.leaves[i], "")
		}
	}
	if rev == "" {
		rev = "undefined"
	}
	out = append(append(out, `"error":{"rev":`...), quoted(rev)...)
	out = append(append(out, `,"reason":"missing","id":`...), quoted(id)...)
	return append(out, `,"error":"not_found"}`...), nil
}
