package couchfake

import (
	"net/http"
	"slices"
	"strings"

	"github.com/tidwall/gjson"
)

// purge answers POST _purge: the named revisions are forgotten, without a
// tombstone and without a row in _changes.
func (c *call) purge(db *database) error {
	if err := c.allow(http.MethodPost); err != nil {
		return err
	}
	body, err := c.jsonBody()
	if err != nil {
		return err
	}
	if !body.IsObject() {
		return badRequest("Request body must be a JSON object")
	}
	requested := map[string][]string{}
	var order []string
	body.ForEach(func(id, revs gjson.Result) bool {
		if !revs.IsArray() {
			err = badRequest("Revisions of " + id.String() + " must be a list")
			return false
		}
		order = append(order, id.String())
		for _, rev := range revs.Array() {
			if _, _, err = parseRev(rev.String()); err != nil {
				return false
			}
			requested[id.String()] = append(requested[id.String()], rev.String())
		}
		return true
	})
	if err != nil {
		return err
	}
	var purged []string
	for _, id := range order {
		revs := db.purge(id, requested[id])
		for i := range revs {
			revs[i] = quoted(revs[i])
		}
		purged = append(purged, quoted(id)+":["+strings.Join(revs, ",")+"]")
	}
	return c.send(http.StatusCreated, `{"purge_seq":null,"purged":{`+strings.Join(purged, ",")+`}}`)
}

// purge forgets leaves of a document, and the document with its last leaf. It
// returns the revisions that existed. As on the real server, the position
// advances although no change has it: views have to look for purges.
func (db *database) purge(id string, revs []string) (gone []string) {
	db.mu.Lock()
	defer db.mu.Unlock()
	doc := db.docs[id]
	if doc == nil {
		return nil
	}
	var left []*revision
	for _, leaf := range doc.leaves {
		if slices.Contains(revs, leaf.rev()) {
			gone = append(gone, leaf.rev())
		} else {
			left = append(left, leaf)
		}
	}
	switch {
	case len(gone) == 0:
		return nil
	case len(left) > 0:
		db.store(doc, id, left)
	default:
		db.count(doc.winner(), -1)
		db.outdate(doc.seq)
		delete(db.docs, id)
		db.ids.Delete(idRow{id: id})
		db.seq++
	}
	db.purges++
	close(db.wake)
	db.wake = make(chan struct{})
	db.forgetViews()
	return gone
}

// forgetViews makes every index be built again.
func (db *database) forgetViews() {
	db.viewsMu.Lock()
	defer db.viewsMu.Unlock()
	db.views = make(map[string]*viewIndex)
}

// Purge forgets documents with all their revisions. It returns how many
// existed.
func (s *Server) Purge(name string, ids ...string) (purged int) {
	db := s.database(name)
	if db == nil {
		return 0
	}
	for _, id := range ids {
		doc := db.get(id)
		if doc == nil {
			continue
		}
		var revs []string
		for _, leaf := range doc.leaves {
			revs = append(revs, leaf.rev())
		}
		if len(db.purge(id, revs)) > 0 {
			purged++
		}
	}
	return purged
}
