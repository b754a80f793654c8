package couchfake

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"
)

// putBatch is the number of documents that are stored under one lock.
const putBatch = 500

// Create creates a database; an existing one stays as it is.
func (s *Server) Create(name string) error {
	if !validDatabaseName(name) {
		return fmt.Errorf("create database %q: not a database name", name)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dbs[name] == nil {
		s.create(name)
	}
	return nil
}

func (s *Server) create(name string) {
	s.incarnations++
	s.dbs[name] = newDatabase(name, s.incarnations, s.opts.Now(), s.opts.Uncompressed)
}

// Drop deletes a database and ends the feeds on it. It reports whether there
// was one.
func (s *Server) Drop(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	db := s.dbs[name]
	if db == nil {
		return false
	}
	delete(s.dbs, name)
	close(db.gone)
	return true
}

// Databases returns the names, sorted.
func (s *Server) Databases() []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	names := make([]string, 0, len(s.dbs))
	for name := range s.dbs {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (s *Server) database(name string) *database {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.dbs[name]
}

// Put stores documents, each a JSON object with an _id, and creates the
// database if needed. A document without _rev, or with the revision of a leaf,
// replaces the existing one; one with an unknown revision (or with _revisions)
// is stored under it, as new_edits=false does. Bytes that are not UTF-8 are
// kept, which no HTTP client could store.
//
// A document that cannot be stored is left out and named in the error; the
// others are still stored.
func (s *Server) Put(name string, docs ...[]byte) error {
	if err := s.Create(name); err != nil {
		return err
	}
	db := s.database(name)
	if db == nil {
		return fmt.Errorf("put into %s: %w", name, noDatabase())
	}
	var faults []error
	first := 0
	for len(docs) > 0 {
		n := min(len(docs), putBatch)
		faults = append(faults, s.putBatch(db, first, docs[:n])...)
		first, docs = first+n, docs[n:]
	}
	return errors.Join(faults...)
}

// putBatch stores some of the documents of a Put; first is the number of the
// first one.
func (s *Server) putBatch(db *database, first int, docs [][]byte) (faults []error) {
	all := make([]draft, len(docs))
	errs := make([]error, len(docs))
	workers := runtime.GOMAXPROCS(0)
	var work sync.WaitGroup
	for w := range workers {
		work.Go(func() {
			for i := w; i < len(docs); i += workers {
				if all[i], errs[i] = db.codec.parseDraft(docs[i], false); errs[i] == nil {
					errs[i] = checkID(all[i].id)
				}
			}
		})
	}
	work.Wait()
	good := make([]draft, 0, len(all))
	for i, err := range errs {
		if err != nil {
			faults = append(faults, fmt.Errorf("put document %d (%q) into %s: %w", first+i, all[i].id, db.name, err))
			continue
		}
		good = append(good, all[i])
	}
	for i, w := range db.write(overwrite, good...) {
		if w.err != nil {
			faults = append(faults, fmt.Errorf("put %s into %s: %w", good[i].id, db.name, w.err))
		}
	}
	return faults
}

// Delete leaves a tombstone in a document's place. It reports whether there
// was a live document.
func (s *Server) Delete(name, id string) bool {
	db := s.database(name)
	if db == nil {
		return false
	}
	doc := db.get(id)
	if doc == nil || doc.winner().deleted {
		return false
	}
	d := draft{id: id, rev: doc.winner().rev(), deleted: true}
	return db.write(newEdit, d)[0].err == nil
}

// Doc returns the winning revision of a live document, with _id and _rev.
func (s *Server) Doc(name, id string) (doc []byte, ok bool) {
	db := s.database(name)
	if db == nil {
		return nil, false
	}
	found := db.get(id)
	if found == nil || found.winner().deleted {
		return nil, false
	}
	doc, err := appendDoc(nil, id, found.winner(), "")
	if err != nil {
		s.opts.Log.Error("stored document is damaged", "db", name, "id", id, "err", err)
		return nil, false
	}
	return doc, true
}

// Stats are the sizes of one database.
type Stats struct {
	Docs, Deleted int       // live documents, tombstones
	Bytes         int64     // of the winners, as JSON without _id and _rev
	Changes       int64     // writes so far
	Created       time.Time // when the database was created
}

// Stats returns the sizes of a database; ok is false if there is none.
func (s *Server) Stats(name string) (st Stats, ok bool) {
	db := s.database(name)
	if db == nil {
		return Stats{}, false
	}
	i := db.info()
	return Stats{i.live, i.deleted, i.bytes, i.seq, db.created}, true
}
