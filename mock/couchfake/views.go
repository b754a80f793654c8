package couchfake

import (
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/tidwall/btree"
	"github.com/tidwall/gjson"
	"golang.org/x/sync/errgroup"
)

// View is one view of one design document, as a Go function.
type View struct {
	Design, Name string
	Count        bool                    // has the reduce function _count
	Map          func(d Doc, e *Emitter) // called once for each live document that is not a design document
}

// Doc is the document that a map function sees. It is valid only while the
// function runs: texts that are kept must be cloned.
type Doc struct {
	ID, Rev string
	Body    gjson.Result // with _id and _rev
}

// Text returns the string in a top-level field, "" if there is none.
func (d Doc) Text(field string) string {
	if v := d.Body.Get(field); v.Type == gjson.String {
		return v.Str
	}
	return ""
}

// JSON returns the JSON text in a top-level field, null if there is none.
func (d Doc) JSON(field string) string {
	if v := d.Body.Get(field); v.Exists() {
		return v.Raw
	}
	return "null"
}

// Emitter collects the rows of one document.
type Emitter struct {
	rows []*viewRow
	doc  *revision
}

// Row emits a key and a value, both JSON texts.
func (e *Emitter) Row(key, value string) {
	e.rows = append(e.rows, &viewRow{key: strings.Clone(key), value: strings.Clone(value)})
}

// RowWithDoc emits a key with the whole document as its value.
func (e *Emitter) RowWithDoc(key string) {
	e.rows = append(e.rows, &viewRow{key: strings.Clone(key), doc: e.doc})
}

// viewRow is one row of an index. It does not change once it is in the index.
type viewRow struct {
	sort       string // see collation
	id         string
	n          int // position among the rows of its document
	key, value string
	doc        *revision // the value, when it is the whole document
}

func lessRow(a, b *viewRow) bool {
	if a.sort != b.sort {
		return a.sort < b.sort
	}
	if a.id != b.id {
		return a.id < b.id
	}
	return a.n < b.n
}

// viewIndex holds the rows of one view as of a position. Queries that ask for
// an update apply the changes since then.
type viewIndex struct {
	view View

	mu   sync.Mutex
	seq  int64
	rows *btree.BTreeG[*viewRow]
	byID map[string][]*viewRow
}

// index returns the index of a view in a database, empty at first.
func (db *database) index(v View) *viewIndex {
	db.viewsMu.Lock()
	defer db.viewsMu.Unlock()
	name := v.Design + "/" + v.Name
	ix := db.views[name]
	if ix == nil {
		ix = &viewIndex{view: v, byID: make(map[string][]*viewRow),
			rows: btree.NewBTreeGOptions(lessRow, btree.Options{NoLocks: true})}
		db.views[name] = ix
	}
	return ix
}

// current returns the rows and their position, after an update if one is
// requested.
func (ix *viewIndex) current(s *Server, db *database, update bool) (*btree.BTreeG[*viewRow], int64, error) {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	var err error
	if update {
		err = ix.update(s, db)
	}
	return ix.rows.Copy(), ix.seq, err
}

// updateBatch is how many documents one goroutine maps at a time.
const updateBatch = 64

// update brings the index up to date. Unpacking and mapping documents takes
// nearly all of the time, so it runs on all cores.
func (ix *viewIndex) update(s *Server, db *database) error {
	changes, newest, _ := db.changesSince(ix.seq)
	mapped := make([][]*viewRow, len(changes))
	var next atomic.Int64
	var work errgroup.Group
	for range runtime.GOMAXPROCS(0) {
		work.Go(func() error {
			var buf []byte
			for {
				to := int(next.Add(updateBatch))
				from := to - updateBatch
				if from >= len(changes) {
					return nil
				}
				to = min(to, len(changes))
				var err error
				if buf, err = ix.mapInto(s, mapped[from:to], changes[from:to], buf); err != nil {
					return err
				}
			}
		})
	}
	if err := work.Wait(); err != nil {
		return err
	}
	for i, ch := range changes {
		for _, row := range ix.byID[ch.doc.id] {
			ix.rows.Delete(row)
		}
		delete(ix.byID, ch.doc.id)
		for _, row := range mapped[i] {
			ix.rows.Set(row)
		}
		if len(mapped[i]) > 0 {
			ix.byID[ch.doc.id] = mapped[i]
		}
	}
	ix.seq = newest
	return nil
}

// mapInto returns the rows of each change; it unpacks into buf and returns it.
func (ix *viewIndex) mapInto(s *Server, rows [][]*viewRow, changes []change, buf []byte) ([]byte, error) {
	for i, ch := range changes {
		if ch.win.deleted || strings.HasPrefix(ch.doc.id, "_design/") {
			continue
		}
		var err error
		if buf, err = appendDoc(buf[:0], ch.doc.id, ch.win, ""); err != nil {
			return buf, err
		}
		e := Emitter{doc: ch.win}
		ix.view.Map(Doc{ID: ch.doc.id, Rev: ch.win.rev(), Body: gjson.Parse(borrowed(buf))}, &e)
		for n, row := range e.rows {
			row.id, row.n = ch.doc.id, n
			row.sort = s.coll.key(gjson.Parse(row.key))
		}
		rows[i] = slices.Clip(e.rows)
	}
	return buf, nil
}

// findView reports whether a view exists in a database. It exists where a
// design document in the database names it, where all known views are built in,
// or under the name WMStats where one of the WMStatsErl documents has it (the
// front end's rewrites).
func (s *Server) findView(db *database, design, name string) (View, error) {
	known, isKnown := s.views[design+"/"+name]
	if s.opts.BuiltinViews && isKnown {
		return known, nil
	}
	doc := db.get("_design/" + design)
	if doc == nil || doc.winner().deleted {
		if v, found := s.rewritten(db, design, name); found {
			return v, nil
		}
		if doc != nil {
			return View{}, notFound("deleted")
		}
		return View{}, notFound("missing")
	}
	body, err := appendDoc(nil, doc.id, doc.winner(), "")
	if err != nil {
		return View{}, err
	}
	def := gjson.ParseBytes(body).Get("views").Get(gjson.Escape(name))
	if !def.Exists() {
		if v, found := s.rewritten(db, design, name); found {
			return v, nil
		}
		return View{}, notFound("missing_named_view")
	}
	if !isKnown {
		return View{}, notBuilt("Go function for the view " + design + "/" + name)
	}
	switch reduce := def.Get("reduce"); reduce.String() {
	case "":
		known.Count = false
	case "_count":
		known.Count = true
	default:
		return View{}, notBuilt("reduce function " + reduce.String())
	}
	return known, nil
}

// rewritten finds WMStats/<name> in the design document that really holds it.
func (s *Server) rewritten(db *database, design, name string) (View, bool) {
	if design != rewritesDesign {
		return View{}, false
	}
	for _, v := range s.views {
		if v.Name != name || v.Design == design || !strings.HasPrefix(v.Design, rewritesDesign) {
			continue
		}
		if found, err := s.findView(db, v.Design, name); err == nil {
			return found, true
		}
	}
	return View{}, false
}
