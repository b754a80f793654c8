package couchfake

import (
	"fmt"
	"net/http"
	"strings"
)

// serveDatabase serves a database and all paths below it.
func (s *Server) serveDatabase(c *call) error {
	name := c.path[0]
	if len(c.path) == 1 && (c.r.Method == http.MethodPut || c.r.Method == http.MethodDelete) {
		if c.r.Method == http.MethodPut {
			return s.createDatabase(c, name)
		}
		if !s.Drop(name) {
			return noDatabase()
		}
		return c.send(http.StatusOK, `{"ok":true}`)
	}
	if !validDatabaseName(name) {
		return illegalName(name)
	}
	db := s.database(name)
	if db == nil {
		return noDatabase()
	}
	if len(c.path) == 1 {
		if c.reading() {
			return c.databaseInfo(db)
		}
		if err := c.allow(http.MethodPost); err != nil {
			return err
		}
		return c.postDocument(db)
	}
	return c.serveInside(db)
}

// serveInside finds the handler of a path below a database.
func (c *call) serveInside(db *database) error {
	switch c.path[1] {
	case "_all_docs":
		return c.allDocs(db)
	case "_changes":
		return c.changes(db)
	case "_bulk_docs":
		return c.bulkDocs(db)
	case "_bulk_get":
		return c.bulkGet(db)
	case "_find":
		return c.find(db)
	case "_index":
		return c.index(db)
	case "_purge":
		return c.purge(db)
	case "_ensure_full_commit":
		return c.send(http.StatusCreated, `{"ok":true,"instance_start_time":"0"}`)
	}
	id, rest := c.path[1], c.path[2:]
	if (id == "_design" || id == "_local") && len(rest) > 0 {
		id, rest = id+"/"+rest[0], rest[1:]
	}
	design, isDesign := strings.CutPrefix(id, "_design/")
	switch {
	case len(rest) == 0:
		return c.document(db, id)
	case isDesign && rest[0] == "_view" && len(rest) == 2:
		return c.view(db, design, rest[1])
	case isDesign && strings.HasPrefix(rest[0], "_"):
		return notBuilt(rest[0] + " of a design document")
	}
	return notBuilt("attachments")
}

func illegalName(name string) error {
	return &Error{http.StatusBadRequest, "illegal_database_name", "Name: '" + name +
		"'. Only lowercase characters (a-z), digits (0-9), and any of the characters " +
		"_, $, (, ), +, -, and / are allowed. Must begin with a letter."}
}

func (s *Server) createDatabase(c *call, name string) error {
	if !validDatabaseName(name) {
		return illegalName(name)
	}
	s.mu.Lock()
	exists := s.dbs[name] != nil
	if !exists {
		s.create(name)
	}
	s.mu.Unlock()
	if exists {
		return &Error{http.StatusPreconditionFailed, "file_exists",
			"The database could not be created, the file already exists."}
	}
	return c.send(http.StatusCreated, `{"ok":true}`, "Location", c.location(name))
}

// databaseInfo answers GET /db. The sizes are those of the JSON in memory.
func (c *call) databaseInfo(db *database) error {
	i := db.info()
	if c.lens.shrinks() {
		i.live = 0
		ids, _ := db.liveDocuments()
		ids.Scan(func(row idRow) bool {
			if !c.lens.hides(row.id) {
				i.live++
			}
			return true
		})
	}
	if n := c.lens.behind; n > 0 {
		i.seq, i.live = max(0, i.seq-int64(n)), max(0, i.live-n)
	}
	return c.send(http.StatusOK, fmt.Sprintf(
		`{"instance_start_time":"%d","db_name":%s,"purge_seq":%s,"update_seq":%s,`+
			`"sizes":{"file":%d,"external":%d,"active":%d},"props":{},"doc_del_count":%d,"doc_count":%d,`+
			`"disk_format_version":8,"compact_running":false,"cluster":{"q":2,"n":1,"w":1,"r":1}}`,
		db.created.Unix(), quoted(db.name), quoted(db.seqText(i.purges, c.salt)), quoted(db.seqText(i.seq, c.salt)),
		i.bytes, i.bytes, i.bytes, i.deleted, i.live))
}
