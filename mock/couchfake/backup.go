package couchfake

import (
	"fmt"
	"maps"
	"slices"
)

// Backup is an earlier state of a database: a copy of the files in its data
// folder.
type Backup struct{ db *database }

// Backup copies a database. It costs memory for everything that is written
// after it.
func (s *Server) Backup(name string) (*Backup, error) {
	db := s.database(name)
	if db == nil {
		return nil, fmt.Errorf("back up %s: %w", name, noDatabase())
	}
	return &Backup{db.clone()}, nil
}

// Restore replaces the database of that name with a backup, as stopping the
// server, copying files and starting it does. Feeds end. The database reports
// that it is the same one as before, but its position is that of the backup, so
// positions that were returned since are ahead of it. A backup may be restored
// more than once.
func (s *Server) Restore(b *Backup) {
	restored := b.db.clone()
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.dbs[restored.name]; old != nil {
		close(old.gone)
	}
	s.dbs[restored.name] = restored
}

// clone copies a database except for its views, which are built again, and its
// feeds. Documents are replaced and never changed, so both copies may share them.
func (db *database) clone() *database {
	db.mu.Lock() // Copy writes to the tree that it copies
	defer db.mu.Unlock()
	out := newDatabase(db.name, db.incarnation, db.created, db.codec.plain)
	out.docs, out.ids, out.log = maps.Clone(db.docs), db.ids.Copy(), slices.Clone(db.log)
	out.stale, out.seq, out.purges = db.stale, db.seq, db.purges
	out.deleted, out.bytes, out.mango = db.deleted, db.bytes, slices.Clone(db.mango)
	return out
}
