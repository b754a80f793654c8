package couchfake

import (
	"net/http"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/tidwall/btree"
	"github.com/tidwall/gjson"
)

// view answers a query of a view.
func (c *call) view(db *database, design, name string) error {
	if err := c.allow(http.MethodGet, http.MethodHead, http.MethodPost); err != nil {
		return err
	}
	v, err := c.server.findView(db, design, name)
	if err != nil {
		return err
	}
	q, err := c.readRangeQuery()
	if err != nil {
		return err
	}
	reduce, err := q.reduces(v)
	if err != nil {
		return err
	}
	if q.update == "true" {
		if err := c.waitForIndex(db, v.Design, design); err != nil {
			return err
		}
	}
	ix := db.index(v)
	rows, seq, err := ix.current(c.server, db, q.update == "true")
	if err != nil {
		return err
	}
	rows = c.seenRows(rows)
	ranges, offset, err := c.server.pick(rows, &q)
	if err != nil {
		return err
	}
	if reduce {
		err = c.countRows(db, ranges, &q, seq)
	} else {
		err = c.mapRows(db, rows.Len(), ranges, offset, &q, seq)
	}
	if err == nil && q.update == "lazy" {
		_, _, err = ix.current(c.server, db, true)
	}
	return err
}

// reduces reports whether the query asks for counts, and refuses invalid
// combinations.
func (q *rangeQuery) reduces(v View) (bool, error) {
	reduce := v.Count
	if q.reduce != nil {
		if *q.reduce && !v.Count {
			return false, queryError("Reduce is invalid for map-only views.")
		}
		reduce = *q.reduce
	}
	switch {
	case !reduce && q.groupSet && q.groupLevel != 0:
		return false, queryError("Invalid use of grouping on a map view.")
	case reduce && q.includeDocs:
		return false, queryError("`include_docs` is invalid for reduce")
	case reduce && q.hasKeys && q.groupLevel >= 0:
		return false, queryError("Multi-key fetches for reduce views must use `group=true`")
	}
	return reduce, nil
}

func (c *call) seenRows(rows *btree.BTreeG[*viewRow]) *btree.BTreeG[*viewRow] {
	if !c.lens.shrinks() {
		return rows
	}
	less := btree.NewBTreeGOptions(lessRow, btree.Options{NoLocks: true})
	rows.Scan(func(row *viewRow) bool {
		if !c.lens.hides(row.id) {
			less.Set(row)
		}
		return true
	})
	return less
}

// pick returns the rows of the range, or of each key in turn, and the position
// of the first among all rows. Skip and limit are not applied yet.
func (s *Server) pick(rows *btree.BTreeG[*viewRow], q *rangeQuery) (picked []*viewRow, offset int, err error) {
	if !q.hasKeys {
		return s.pickRange(rows, q, q.start, q.end)
	}
	keys := q.keys
	if q.descending {
		keys = slices.Clone(keys)
		slices.Reverse(keys)
	}
	for i, key := range keys {
		some, first, err := s.pickRange(rows, q, &key, &key)
		if err != nil {
			return nil, 0, err
		}
		if i == 0 {
			offset = first
		}
		picked = append(picked, some...)
	}
	return picked, offset, nil
}

func (s *Server) pickRange(rows *btree.BTreeG[*viewRow], q *rangeQuery, start, end *gjson.Result) ([]*viewRow, int, error) {
	from, to := start, end
	fromID, toID := q.startID, q.endID
	if q.descending {
		from, to, fromID, toID = end, start, q.endID, q.startID
	}
	var fromSort, toSort string
	if from != nil {
		fromSort = s.coll.key(*from)
	}
	if to != nil {
		toSort = s.coll.key(*to)
	}
	if from != nil && to != nil && fromSort > toSort {
		return nil, 0, emptyRange(q.descending)
	}
	low, high := 0, rows.Len()
	if from != nil {
		low = rank(rows, fromSort, fromID, q.descending && q.exclusiveEnd)
	}
	if to != nil {
		high = rankEnd(rows, toSort, toID, !q.descending && q.exclusiveEnd)
	}
	if low >= high {
		return nil, low, nil
	}
	picked := make([]*viewRow, 0, high-low)
	pivot, _ := rows.GetAt(low)
	rows.Ascend(pivot, func(row *viewRow) bool {
		picked = append(picked, row)
		return len(picked) < high-low
	})
	if q.descending {
		slices.Reverse(picked)
		return picked, rows.Len() - high, nil
	}
	return picked, low, nil
}

// rank counts the rows before a lower bound. The bound itself belongs to the
// range unless it is excluded.
func rank(rows *btree.BTreeG[*viewRow], key, id string, excluded bool) int {
	return sort.Search(rows.Len(), func(i int) bool {
		row, _ := rows.GetAt(i)
		if row.sort != key {
			return row.sort > key
		}
		if excluded {
			return id != "" && row.id > id
		}
		return row.id >= id
	})
}

// rankEnd counts the rows up to an upper bound; an empty id sorts after every
// id.
func rankEnd(rows *btree.BTreeG[*viewRow], key, id string, excluded bool) int {
	return sort.Search(rows.Len(), func(i int) bool {
		row, _ := rows.GetAt(i)
		if row.sort != key {
			return row.sort > key
		}
		if id == "" {
			return excluded
		}
		if excluded {
			return row.id >= id
		}
		return row.id > id
	})
}

// window applies skip and limit.
func window[T any](rows []T, q *rangeQuery) []T {
	rows = rows[min(q.skip, len(rows)):]
	if q.limit >= 0 {
		rows = rows[:min(q.limit, len(rows))]
	}
	return rows
}

func (c *call) mapRows(db *database, total int, picked []*viewRow, offset int, q *rangeQuery, seq int64) error {
	rw := c.rows(",\r\n")
	defer rw.close()
	head := `{"total_rows":` + strconv.Itoa(total) + `,"offset":` + strconv.Itoa(min(total, offset+q.skip))
	if q.updateSeq {
		head += `,"update_seq":` + quoted(db.seqText(seq, c.salt))
	}
	if err := rw.text(head + ",\"rows\":[\r\n"); err != nil {
		return err
	}
	var buf []byte
	for _, row := range window(picked, q) {
		var err error
		if buf, err = c.appendViewRow(buf[:0], db, row, q); err != nil {
			return err
		}
		if err := rw.row(row.id, buf); err != nil {
			return err
		}
	}
	return rw.end("\r\n]}\n")
}

func (c *call) appendViewRow(buf []byte, db *database, row *viewRow, q *rangeQuery) ([]byte, error) {
	buf = appendString(append(buf, `{"id":`...), row.id)
	buf = append(append(buf, `,"key":`...), row.key...)
	buf = append(buf, `,"value":`...)
	var err error
	if row.doc == nil {
		buf = append(buf, row.value...)
	} else if buf, err = appendDoc(buf, row.id, row.doc, ""); err != nil {
		return buf, err
	}
	if q.includeDocs {
		buf = append(buf, `,"doc":`...)
		doc := db.get(row.id)
		if doc == nil || doc.winner().deleted {
			return append(buf, "null}"...), nil
		}
		extra := ""
		if q.conflicts {
			extra = doc.conflicts()
		}
		if buf, err = appendDoc(buf, row.id, doc.winner(), extra); err != nil {
			return buf, err
		}
	}
	return append(buf, '}'), nil
}

// countRows answers with _count by group.
func (c *call) countRows(db *database, picked []*viewRow, q *rangeQuery, seq int64) error {
	type group struct {
		key string
		n   int
	}
	var groups []group
	sort := ""
	for _, row := range picked {
		key, same := row.key, row.sort
		switch {
		case q.groupLevel == 0:
			key, same = "null", "all"
		case q.groupLevel > 0:
			if key = firstElements(row.key, q.groupLevel); key != row.key {
				same = c.server.coll.key(gjson.Parse(key))
			}
		}
		if len(groups) == 0 || same != sort {
			groups = append(groups, group{key: key})
			sort = same
		}
		groups[len(groups)-1].n++
	}
	rw := c.rows(",\r\n")
	defer rw.close()
	head := "{"
	if q.updateSeq {
		head += `"update_seq":` + quoted(db.seqText(seq, c.salt)) + ","
	}
	if err := rw.text(head + "\"rows\":[\r\n"); err != nil {
		return err
	}
	if len(groups) == 0 && q.groupLevel == 0 {
		groups = append(groups, group{key: "null"})
	}
	for _, g := range window(groups, q) {
		if err := rw.send([]byte(`{"key":` + g.key + `,"value":` + strconv.Itoa(g.n) + `}`)); err != nil {
			return err
		}
	}
	return rw.end("\r\n]}\n")
}

// firstElements cuts an array key to its first n elements; other keys are
// unchanged.
func firstElements(key string, n int) string {
	parsed := gjson.Parse(key)
	if !parsed.IsArray() {
		return key
	}
	parts := parsed.Array()
	if len(parts) <= n {
		return key
	}
	raw := make([]string, n)
	for i := range raw {
		raw[i] = parts[i].Raw
	}
	return "[" + strings.Join(raw, ",") + "]"
}
