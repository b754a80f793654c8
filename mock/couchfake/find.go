package couchfake

import (
	"encoding/base64"
	"net/http"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"
)

// findLimit is the number of documents that _find returns by default.
const findLimit = 25

// findQuery is the body of _find.
type findQuery struct {
	sel         selector
	fields      [][]string
	limit, skip int
	sort        []string
	descending  bool
	bookmark    string
}

// hit is one document found, with its sort key.
type hit struct {
	id, doc, sort string
}

// find answers POST _find.
func (c *call) find(db *database) error {
	if err := c.allow(http.MethodPost); err != nil {
		return err
	}
	body, err := c.jsonBody()
	if err != nil {
		return err
	}
	q, err := c.readFind(body)
	if err != nil {
		return err
	}
	names := selectorFields(body.Get("selector"))
	if len(q.sort) > 0 && !slices.Equal(q.sort, []string{"_id"}) && !db.indexed(q.sort, q.sort) {
		return &Error{http.StatusBadRequest, "no_usable_index",
			"No index exists for this sort, try indexing by the sort fields."}
	}
	hits, err := c.hits(db, &q)
	if err != nil {
		return err
	}
	warning := ""
	if !db.indexed(names, q.sort) {
		warning = ",\r\n\"warning\": \"No matching index found, create an index to optimize query time.\""
	}
	return c.sendHits(hits, &q, warning)
}

func (c *call) sendHits(hits []hit, q *findQuery, warning string) error {
	rw := c.rows(",\r\n")
	defer rw.close()
	if err := rw.text("{\"docs\":[\r\n"); err != nil {
		return err
	}
	bookmark := "nil"
	if q.bookmark != "" {
		bookmark = q.bookmark
	}
	for _, h := range hits {
		if err := rw.row(h.id, []byte(project(h.doc, q.fields))); err != nil {
			return err
		}
		bookmark = bookmarkAt(h)
	}
	return rw.end("\r\n],\r\n\"bookmark\": " + quoted(bookmark) + warning + "}\r\n\n")
}

func (c *call) readFind(body gjson.Result) (q findQuery, err error) {
	sel := body.Get("selector")
	if !sel.IsObject() {
		return q, &Error{http.StatusBadRequest, "missing_required_key", "Missing required key: selector"}
	}
	if q.sel, err = c.server.compileSelector(sel); err != nil {
		return q, err
	}
	q.limit = findLimit
	if v := body.Get("limit"); v.Exists() {
		if q.limit, err = wholeNumber(v.Raw); err != nil {
			return q, err
		}
	}
	if v := body.Get("skip"); v.Exists() {
		if q.skip, err = wholeNumber(v.Raw); err != nil {
			return q, err
		}
	}
	for _, f := range body.Get("fields").Array() {
		q.fields = append(q.fields, splitField(f.String()))
	}
	for _, s := range body.Get("sort").Array() {
		name, order := nameAndOrder(s)
		q.sort, q.descending = append(q.sort, name), order == "desc"
	}
	if q.bookmark = body.Get("bookmark").String(); q.bookmark == "nil" {
		q.bookmark = ""
	}
	return q, nil
}

// nameAndOrder reads "field" or {"field":"desc"}.
func nameAndOrder(v gjson.Result) (name, order string) {
	if !v.IsObject() {
		return v.String(), "asc"
	}
	v.ForEach(func(key, value gjson.Result) bool {
		name, order = key.String(), value.String()
		return false
	})
	return name, order
}

// hits returns the documents that match, sorted, after the bookmark.
func (c *call) hits(db *database, q *findQuery) (hits []hit, err error) {
	ids, _ := db.liveDocuments()
	var buf []byte
	enough := len(q.sort) == 0 && q.bookmark == ""
	ids.Scan(func(row idRow) bool {
		if strings.HasPrefix(row.id, "_design/") || c.lens.hides(row.id) {
			return true
		}
		if buf, err = appendDoc(buf[:0], row.id, row.win, ""); err != nil {
			return false
		}
		doc := gjson.ParseBytes(buf)
		if q.sel.matches(doc) {
			hits = append(hits, hit{id: row.id, doc: doc.Raw, sort: c.sortKey(doc, q.sort)})
		}
		return !enough || len(hits) < q.skip+q.limit
	})
	if err != nil {
		return nil, err
	}
	sort.SliceStable(hits, func(i, j int) bool {
		if q.descending {
			i, j = j, i
		}
		return hits[i].before(hits[j])
	})
	if q.bookmark != "" {
		last, err := readBookmark(q.bookmark)
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(hits, func(h hit) bool {
			return q.descending && h.before(last) || !q.descending && last.before(h)
		})
		if i < 0 {
			return nil, nil
		}
		hits = hits[i:]
	}
	hits = hits[min(q.skip, len(hits)):]
	return hits[:min(q.limit, len(hits))], nil
}

func (h hit) before(o hit) bool {
	if h.sort != o.sort {
		return h.sort < o.sort
	}
	return h.id < o.id
}

func (c *call) sortKey(doc gjson.Result, fields []string) string {
	key := ""
	for _, name := range fields {
		value, _ := fieldAt(doc, splitField(name))
		key += c.server.coll.key(value)
	}
	return key
}

// bookmarkAt returns an opaque text that names the last document returned.
func bookmarkAt(h hit) string {
	return seqPrefix + base64.RawURLEncoding.EncodeToString([]byte(strconv.Itoa(len(h.id))+":"+h.id+h.sort))
}

func readBookmark(text string) (hit, error) {
	invalid := &Error{http.StatusBadRequest, "invalid_bookmark", "Invalid bookmark value: " + text}
	packed, ok := strings.CutPrefix(text, seqPrefix)
	raw, err := base64.RawURLEncoding.DecodeString(packed)
	number, rest, found := strings.Cut(string(raw), ":")
	n, numErr := strconv.Atoi(number)
	if !ok || err != nil || !found || numErr != nil || n < 0 || n > len(rest) {
		return hit{}, invalid
	}
	return hit{id: rest[:n], sort: rest[n:]}, nil
}

// project keeps the named fields of a document, in their places.
func project(doc string, fields [][]string) string {
	if len(fields) == 0 {
		return doc
	}
	parsed := gjson.Parse(doc)
	var out node
	for _, path := range fields {
		if value, found := fieldAt(parsed, path); found {
			out.put(path, value.Raw)
		}
	}
	return out.text()
}

// node is an object under construction.
type node struct {
	names []string
	subs  []node
	raw   string
}

func (n *node) put(path []string, raw string) {
	if len(path) == 0 {
		n.raw = raw
		return
	}
	i := slices.Index(n.names, path[0])
	if i < 0 {
		i = len(n.names)
		n.names, n.subs = append(n.names, path[0]), append(n.subs, node{})
	}
	n.subs[i].put(path[1:], raw)
}

func (n *node) text() string {
	if n.raw != "" {
		return n.raw
	}
	members := make([]string, len(n.names))
	for i, name := range n.names {
		members[i] = quoted(name) + ":" + n.subs[i].text()
	}
	return "{" + strings.Join(members, ",") + "}"
}

// selectorFields are the fields that every match must have.
func selectorFields(sel gjson.Result) (names []string) {
	sel.ForEach(func(key, value gjson.Result) bool {
		switch name := key.String(); {
		case name == "$and":
			for _, sub := range value.Array() {
				names = append(names, selectorFields(sub)...)
			}
		case !strings.HasPrefix(name, "$"):
			names = append(names, name)
		}
		return true
	})
	return names
}
