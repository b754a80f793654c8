package couchfake

import (
	"net/http"
	"slices"
	"sort"
	"strconv"

	"github.com/tidwall/btree"
	"github.com/tidwall/gjson"
)

// allDocs answers _all_docs: the live documents bytewise by id, or the
// requested keys in their order.
func (c *call) allDocs(db *database) error {
	if err := c.allow(http.MethodGet, http.MethodHead, http.MethodPost); err != nil {
		return err
	}
	q, err := c.readRangeQuery()
	if err != nil {
		return err
	}
	ids, newest := db.liveDocuments()
	ids = c.seen(ids)
	offset := "null"
	var list []idRow
	if !q.hasKeys {
		var first int
		if list, first, err = idRange(ids, &q); err != nil {
			return err
		}
		offset = strconv.Itoa(first)
	}
	rw := c.rows(",\r\n")
	defer rw.close()
	head := `{"total_rows":` + strconv.Itoa(ids.Len()) + `,"offset":` + offset
	if q.updateSeq {
		head += `,"update_seq":` + quoted(db.seqText(newest, c.salt))
	}
	if err := rw.text(head + ",\"rows\":[\r\n"); err != nil {
		return err
	}
	if q.hasKeys {
		err = c.keyRows(rw, db, &q)
	} else {
		err = c.idRows(rw, db, list, &q)
	}
	if err != nil {
		return err
	}
	return rw.end("\r\n]}\n")
}

// seen leaves out the documents that a fault hides.
func (c *call) seen(ids *btree.BTreeG[idRow]) *btree.BTreeG[idRow] {
	if !c.lens.shrinks() {
		return ids
	}
	less := btree.NewBTreeGOptions(func(a, b idRow) bool { return a.id < b.id }, btree.Options{NoLocks: true})
	ids.Scan(func(row idRow) bool {
		if !c.lens.hides(row.id) {
			less.Set(row)
		}
		return true
	})
	return less
}

// idRange selects the rows from start to end, and returns how many come before
// them.
func idRange(ids *btree.BTreeG[idRow], q *rangeQuery) (rows []idRow, offset int, err error) {
	low, high := 0, ids.Len() // the rows [low, high) in ascending order
	rank := func(key string, after bool) int {
		return sort.Search(ids.Len(), func(i int) bool {
			row, _ := ids.GetAt(i)
			return row.id > key || !after && row.id == key
		})
	}
	start, end := q.start, q.end
	if start != nil && end != nil && (start.String() > end.String()) != q.descending && start.String() != end.String() {
		return nil, 0, emptyRange(q.descending)
	}
	if q.descending {
		if start != nil {
			high = rank(start.String(), true)
		}
		if end != nil {
			low = rank(end.String(), q.exclusiveEnd)
		}
	} else {
		if start != nil {
			low = rank(start.String(), false)
		}
		if end != nil {
			high = rank(end.String(), !q.exclusiveEnd)
		}
	}
	n := max(0, high-low-q.skip)
	if q.limit >= 0 {
		n = min(n, q.limit)
	}
	rows = make([]idRow, 0, n)
	offset = low + q.skip
	from := low + q.skip
	if q.descending {
		offset = ids.Len() - high + q.skip
		from = high - q.skip - n
	}
	if n > 0 {
		pivot, _ := ids.GetAt(from)
		ids.Ascend(pivot, func(row idRow) bool {
			rows = append(rows, row)
			return len(rows) < n
		})
	}
	if q.descending {
		slices.Reverse(rows)
	}
	return rows, min(offset, ids.Len()), nil
}

func (c *call) idRows(rw *rowWriter, db *database, list []idRow, q *rangeQuery) error {
	var buf []byte
	for _, row := range list {
		var err error
		if buf, err = c.appendIDRow(buf[:0], db, row, q); err != nil {
			return err
		}
		if err := rw.row(row.id, buf); err != nil {
			return err
		}
	}
	return nil
}

func (c *call) appendIDRow(buf []byte, db *database, row idRow, q *rangeQuery) ([]byte, error) {
	buf = appendString(append(buf, `{"id":`...), row.id)
	buf = appendString(append(buf, `,"key":`...), row.id)
	buf = appendString(append(buf, `,"value":{"rev":`...), row.win.rev())
	if row.win.deleted {
		buf = append(buf, `,"deleted":true`...)
	}
	buf = append(buf, '}')
	if q.includeDocs {
		buf = append(buf, `,"doc":`...)
		if row.win.deleted {
			return append(buf, "null}"...), nil
		}
		extra := ""
		if q.conflicts {
			if doc := db.get(row.id); doc != nil && doc.winner() == row.win {
				extra = doc.conflicts()
			}
		}
		var err error
		if buf, err = appendDoc(buf, row.id, row.win, extra); err != nil {
			return buf, err
		}
	}
	return append(buf, '}'), nil
}

// keyRows writes a row for every requested key, also for missing documents.
func (c *call) keyRows(rw *rowWriter, db *database, q *rangeQuery) error {
	keys := slices.Clone(q.keys)
	if q.descending {
		slices.Reverse(keys)
	}
	keys = keys[min(q.skip, len(keys)):]
	if q.limit >= 0 {
		keys = keys[:min(q.limit, len(keys))]
	}
	var buf []byte
	for _, key := range keys {
		buf = buf[:0]
		var doc *document
		if key.Type == gjson.String {
			doc = db.get(key.String())
		}
		if doc == nil || c.lens.hides(doc.id) {
			buf = append(append(append(buf, `{"key":`...), key.Raw...), `,"error":"not_found"}`...)
		} else {
			var err error
			if buf, err = c.appendIDRow(buf, db, idRow{doc.id, doc.winner()}, q); err != nil {
				return err
			}
		}
		if err := rw.row(key.String(), buf); err != nil {
			return err
		}
	}
	return nil
}
