package load

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/dmwm/wmstats/mock/gen"
)

// item is one document to write.
type item struct {
	id      string
	json    []byte
	rev     string // that it carries, or ""
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

// edit sets a top-level member, or takes it out when value is nil.
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

// send writes a batch: documents that exist as their next revision, others as
// they are.
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
	for _, part := range []part{{fresh, true, 0}, {invented, false, 0}, {known, true, 1}} {
		if err := l.bulk(ctx, b.db, part); err != nil {
			return err
		}
	}
	return nil
}

// part is what of a batch is written in one request.
type part struct {
	items    []item
	newEdits bool
	attempt  int // 0: the documents are thought to be new; else their revisions were looked up
}

// maxAttempts bounds how often a document is put on top of a newer revision.
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

// revs asks for the revisions of the documents of a batch that exist.
func (l *loader) revs(ctx context.Context, b *batch) (map[string]string, error) {
	var ask struct {
		Keys []string `json:"keys"`
	}
	for _, it := range b.items {
		ask.Keys = append(ask.Keys, it.id)
	}
	body, err := json.Marshal(ask)
	if err != nil {
		return nil, fmt.Errorf("encode keys: %w", err)
	}
	var answer struct {
		Rows []struct {
			ID    string `json:"id"`
			Value struct {
				Rev     string `json:"rev"`
				Deleted bool   `json:"deleted"`
			} `json:"value"`
		} `json:"rows"`
	}
	if err := l.couch.do(ctx, http.MethodPost, dbPath(b.db)+"/_all_docs", body, &answer); err != nil {
		return nil, fmt.Errorf("look up revisions: %w", err)
	}
	revs := map[string]string{}
	for _, r := range answer.Rows {
		if r.ID != "" {
			revs[r.ID] = r.Value.Rev // a deleted one too: its successor goes on top
		}
	}
	return revs, nil
}

// verdict is the answer on one document of a bulk.
type verdict struct {
	ID     string `json:"id"`
	OK     bool   `json:"ok"`
	Error  string `json:"error"`
	Reason string `json:"reason"`
}

// bulk posts documents. A server that refuses all for the sake of one gets them
// in halves, until only the bad ones are left out.
func (l *loader) bulk(ctx context.Context, db string, p part) error {
	items := p.items
	if len(items) == 0 {
		return nil
	}
	body, size := bulkBody(items, p.newEdits)
	var verdicts []verdict
	err := l.couch.do(ctx, http.MethodPost, dbPath(db)+"/_bulk_docs", body, &verdicts)
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
		if err := l.bulk(ctx, db, part{items[:half], p.newEdits, p.attempt}); err != nil {
			return err
		}
		return l.bulk(ctx, db, part{items[half:], p.newEdits, p.attempt})
	}
	return l.judge(ctx, db, p, verdicts, size)
}

func bulkBody(items []item, newEdits bool) (body []byte, size int) {
	var b bytes.Buffer
	b.WriteByte('{')
	if !newEdits {
		b.WriteString(`"new_edits":false,`)
	}
	b.WriteString(`"docs":[`)
	for i, it := range items {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(it.json)
		size += len(it.json)
	}
	b.WriteString("]}")
	return b.Bytes(), size
}

// judge counts the answers of a bulk. A conflict means that the document came
// into being meanwhile (a copy in another bulk): it is written on top.
func (l *loader) judge(ctx context.Context, db string, p part, verdicts []verdict, size int) error {
	bad := map[string]verdict{}
	for _, v := range verdicts {
		if v.Error != "" {
			bad[v.ID] = v
		}
	}
	var created, updated, deleted int
	var again []item
	for _, it := range p.items {
		v, isBad := bad[it.id]
		switch {
		case isBad && v.Error == "conflict" && p.attempt < maxAttempts:
			again = append(again, it)
		case isBad:
			l.fail(Failure{db, it.id, v.Error + ": " + v.Reason})
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
	return l.bulk(ctx, db, part{known, true, p.attempt + 1})
}
