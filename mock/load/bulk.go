package load

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/go-kivik/kivik/v4"

	"github.com/dmwm/wmstats/mock/gen"
)

// item is one document to write.
type item struct {
	id      string
	json    []byte
	rev     string // of the document, or ""
	deleted bool
	stubs   bool // attachment stubs were taken out
}

// batch is one bulk for one database.
type batch struct {
	db    string
	items []item
	bytes int
	at    map[string]int // positions of items by id
}

func newItem(doc gen.Doc) (item, error) {
	var head struct {
		ID          string                     `json:"_id"`
		Rev         string                     `json:"_rev"`
		Deleted     bool                       `json:"_deleted"`
		Attachments map[string]json.RawMessage `json:"_attachments"`
	}
	if err := json.Unmarshal(doc.JSON, &head); err != nil {
		return item{}, fmt.Errorf("not a document: %w", err)
	}
	if head.ID == "" {
		return item{}, errors.New("no _id")
	}
	it := item{id: head.ID, json: doc.JSON, rev: head.Rev, deleted: head.Deleted}
	if len(head.Attachments) > 0 && bytes.Contains(doc.JSON, []byte(`"stub"`)) {
		it.stubs = true
		return it, it.edit("_attachments", nil)
	}
	return it, nil
}

// edit sets a top-level member, or removes it when value is nil.
func (it *item) edit(key string, value json.RawMessage) error {
	var m map[string]json.RawMessage
	if err := json.Unmarshal(it.json, &m); err != nil {
		return fmt.Errorf("decode: %w", err)
	}
	if value == nil {
		delete(m, key)
	} else {
		m[key] = value
	}
	raw, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	it.json = raw
	return nil
}

// send writes a batch: existing documents as their next revision, others
// unchanged.
func (l *loader) send(ctx context.Context, b *batch) error {
	if len(b.items) == 0 {
		return nil
	}
	revs := map[string]string{}
	if l.mayExist(b.db) {
		var err error
		if revs, err = l.revs(ctx, b); err != nil {
			return err
		}
	}
	var fresh, invented, known []item
	for _, it := range b.items {
		rev, exists := revs[it.id]
		switch {
		case exists:
			known = l.onTop(known, b.db, it, rev)
		case it.rev != "":
			invented = append(invented, it)
		default:
			fresh = append(fresh, it)
		}
	}
	for _, part := range []chunk{{fresh, true, 0}, {invented, false, 0}, {known, true, 1}} {
		if err := l.bulk(ctx, b.db, part); err != nil {
			return err
		}
	}
	return nil
}

// chunk is the part of a batch that is written in one request.
type chunk struct {
	items    []item
	newEdits bool
	attempt  int // 0: the documents are assumed to be new; otherwise their revisions were looked up
}

// maxAttempts limits how often a document is put on top of a newer revision.
const maxAttempts = 5

func (l *loader) onTop(list []item, db string, it item, rev string) []item {
	quoted, err := json.Marshal(rev)
	if err == nil {
		err = it.edit("_rev", quoted)
	}
	if err != nil {
		l.fail(Failure{db, it.id, err.Error()})
		return list
	}
	return append(list, it)
}

// revs returns the revisions of the existing documents of a batch.
func (l *loader) revs(ctx context.Context, b *batch) (revs map[string]string, err error) {
	ids := make([]string, 0, len(b.items))
	for _, it := range b.items {
		ids = append(ids, it.id)
	}
	err = l.couch.do(ctx, "look up revisions", func() error {
		revs = map[string]string{}
		rows := l.couch.kivik.DB(b.db).AllDocs(ctx, kivik.Param("keys", ids))
		defer func() { _ = rows.Close() }() // Err reports the same error
		for rows.Next() {
			id, err := rows.ID()
			if err != nil || id == "" {
				continue // it does not exist
			}
			var value struct {
				Rev string `json:"rev"`
			}
			if err := rows.ScanValue(&value); err != nil {
				return fmt.Errorf("the revision of %s: %w", id, err)
			}
			revs[id] = value.Rev // also of a deleted document: the new revision follows it
		}
		return rows.Err()
	})
	return revs, err
}

// bulk posts documents. If the server refuses all because of one, bulk posts
// them in halves, until only the bad ones are left out.
func (l *loader) bulk(ctx context.Context, db string, p chunk) error {
	items := p.items
	if len(items) == 0 {
		return nil
	}
	docs, size := make([]any, len(items)), 0
	for i, it := range items {
		docs[i] = json.RawMessage(it.json)
		size += len(it.json)
	}
	var options []kivik.Option
	if !p.newEdits {
		options = append(options, kivik.Param("new_edits", false))
	}
	var verdicts []kivik.BulkResult
	err := l.couch.do(ctx, "write in bulk", func() (err error) {
		verdicts, err = l.couch.kivik.DB(db).BulkDocs(ctx, slices.Clone(docs), options...)
		return err
	})
	switch refused(err) {
	case 0:
		if err != nil {
			return fmt.Errorf("write %d documents: %w", len(items), err)
		}
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound:
		return fmt.Errorf("write %d documents: %w", len(items), err)
	default:
		if len(items) == 1 {
			l.fail(Failure{db, items[0].id, err.Error()})
			return nil
		}
		half := len(items) / 2
		if err := l.bulk(ctx, db, chunk{items[:half], p.newEdits, p.attempt}); err != nil {
			return err
		}
		return l.bulk(ctx, db, chunk{items[half:], p.newEdits, p.attempt})
	}
	return l.judge(ctx, db, p, verdicts, size)
}

// judge counts the answers of a bulk. A conflict means that the document was
// created meanwhile (a copy in another bulk): it is written on top.
func (l *loader) judge(ctx context.Context, db string, p chunk, verdicts []kivik.BulkResult, size int) error {
	bad := map[string]error{}
	for _, v := range verdicts {
		if v.Error != nil {
			bad[v.ID] = v.Error
		}
	}
	var created, updated, deleted int
	var again []item
	for _, it := range p.items {
		err := bad[it.id]
		switch {
		case kivik.HTTPStatus(err) == http.StatusConflict && p.attempt < maxAttempts:
			again = append(again, it)
		case err != nil:
			l.fail(Failure{db, it.id, err.Error()})
		case it.deleted:
			deleted++
		case p.attempt > 0:
			updated++
		default:
			created++
		}
	}
	l.done(created, updated, deleted, size)
	if len(again) == 0 {
		return nil
	}
	b := &batch{db: db, items: again}
	revs, err := l.revs(ctx, b)
	if err != nil {
		return err
	}
	var known []item
	for _, it := range again {
		known = l.onTop(known, db, it, revs[it.id])
	}
	return l.bulk(ctx, db, chunk{known, true, p.attempt + 1})
}
