package couchfake

import (
	"crypto/md5"
	"fmt"
	"math/big"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tidwall/gjson"
)

// The feeds of _changes.
const (
	feedNormal     = "normal"
	feedLongpoll   = "longpoll"
	feedContinuous = "continuous"
)

// defaultWait is the timeout of an idle feed, and the interval of
// heartbeat=true.
const defaultWait = 60 * time.Second

// feedCheck is how many rows a filter may drop before the heartbeat is checked.
const feedCheck = 64

// feed is one _changes answer.
type feed struct {
	*call
	db *database
	rw *rowWriter

	kind        string
	limit       int // -1: none
	descending  bool
	includeDocs bool
	heartbeat   time.Duration // 0: none, the feed ends when idle for timeout
	timeout     time.Duration
	filter      docFilter // nil: all

	since   int64 // the position reached
	sent    int   // rows
	wrote   bool  // anything after the head
	lastOut time.Time
	doc     []byte // buffers
	buf     []byte
}

// docFilter reports whether a change passes. doc returns the document's JSON.
type docFilter func(id string, doc func() ([]byte, error)) (bool, error)

// changes answers GET and POST _changes.
func (c *call) changes(db *database) error {
	if err := c.allow(http.MethodGet, http.MethodPost); err != nil {
		return err
	}
	f := &feed{call: c, db: db}
	f.lens.turn = false
	if err := f.read(); err != nil {
		return err
	}
	return f.run()
}

// read reads the parameters.
func (f *feed) read() (err error) {
	switch f.kind = f.query.Get("feed"); f.kind {
	case "":
		f.kind = feedNormal
	case feedNormal, feedLongpoll, feedContinuous:
	default:
		return notBuilt("feed " + f.kind)
	}
	if f.descending, err = f.flag("descending"); err != nil {
		return err
	}
	if f.includeDocs, err = f.flag("include_docs"); err != nil {
		return err
	}
	f.limit = -1
	if text := f.query.Get("limit"); text != "" {
		if f.limit, err = wholeNumber(text); err != nil {
			return err
		}
		f.limit = max(1, f.limit) // 0 means 1 on the real server
	}
	if err := f.readTimes(); err != nil {
		return err
	}
	if err := f.readSince(); err != nil {
		return err
	}
	return f.readFilter()
}

func (f *feed) readTimes() error {
	f.timeout = defaultWait
	if text := f.query.Get("timeout"); text != "" {
		ms, err := strconv.Atoi(text)
		if err != nil || ms < 0 {
			return badRequest("Invalid timeout value. Expecting a positive integer value (in milliseconds).")
		}
		f.timeout = min(defaultWait, time.Duration(ms)*time.Millisecond)
	}
	switch text := f.query.Get("heartbeat"); text {
	case "", "false":
	case "true":
		f.heartbeat = defaultWait
	default:
		ms, err := strconv.Atoi(text)
		if err != nil || ms <= 0 {
			return badRequest("Invalid heartbeat value. Expecting a positive integer value (in milliseconds).")
		}
		f.heartbeat = time.Duration(ms) * time.Millisecond
	}
	return nil
}

func (f *feed) readSince() (err error) {
	since := f.query.Get("since")
	if id := f.r.Header.Get("Last-Event-ID"); since == "" {
		since = id
	}
	given := since != "" && since != "0" && since != "now"
	if given && f.lens.forget {
		return badRequest("Malformed sequence supplied in 'since' parameter.")
	}
	f.since, err = f.db.parseSeq(since, f.db.newest())
	if given && f.lens.rewind {
		f.since = 0
	}
	return err
}

func (f *feed) readFilter() error {
	var body gjson.Result
	if f.r.Method == http.MethodPost {
		var err error
		if body, err = f.jsonBody(); err != nil {
			return err
		}
	}
	switch name := f.query.Get("filter"); name {
	case "":
	case "_selector":
		if !body.Get("selector").IsObject() {
			return badRequest("Selector must be specified in POST payload")
		}
		sel, err := f.server.compileSelector(body.Get("selector"))
		if err != nil {
			return err
		}
		f.filter = func(_ string, doc func() ([]byte, error)) (bool, error) {
			text, err := doc()
			return err == nil && sel.matches(gjson.ParseBytes(text)), err
		}
	case "_doc_ids":
		return f.readDocIDs(body)
	case "_design":
		f.filter = func(id string, _ func() ([]byte, error)) (bool, error) {
			return strings.HasPrefix(id, "_design/"), nil
		}
	default:
		return notBuilt("filter " + name)
	}
	return nil
}

func (f *feed) readDocIDs(body gjson.Result) error {
	list := body.Get("doc_ids")
	if text := f.query.Get("doc_ids"); !list.Exists() && gjson.Valid(text) {
		list = gjson.Parse(text)
	}
	if !list.IsArray() {
		return badRequest("`doc_ids` filter parameter is not a list of doc ids.")
	}
	listed := make(map[string]bool)
	for _, id := range list.Array() {
		listed[id.String()] = true
	}
	f.filter = func(id string, _ func() ([]byte, error)) (bool, error) { return listed[id], nil }
	return nil
}

// run sends the feed to its end.
func (f *feed) run() error {
	switch f.kind {
	case feedContinuous:
		f.rw = f.rows("") // each row has its own newline
	case feedNormal:
		etag := f.etag()
		if f.r.Header.Get("If-None-Match") == etag {
			return f.notModified(etag)
		}
		f.rw = f.rows(",\r\n", "ETag", etag)
	default:
		f.rw = f.rows(",\r\n")
	}
	defer f.rw.close()
	if f.kind != feedContinuous {
		if err := f.rw.text("{\"results\":[\n"); err != nil {
			return err
		}
	}
	f.lastOut = time.Now()
	for {
		more, wake, err := f.batch()
		if err != nil {
			return err
		}
		if more {
			more, err = f.wait(wake)
		}
		if err != nil {
			return err
		}
		if !more {
			return f.end()
		}
	}
}

// etag changes with every write, whatever is requested: 25 characters in base
// 36.
func (f *feed) etag() string {
	i := f.db.info()
	sum := md5.Sum(fmt.Appendf(nil, "%d %d %d", f.db.incarnation, i.seq, i.purges))
	return `"` + strings.ToUpper(new(big.Int).SetBytes(sum[:]).Text(36)) + `"`
}

// batch sends the available changes. more reports whether the feed continues.
func (f *feed) batch() (more bool, wake <-chan struct{}, err error) {
	rows, newest, wake := f.db.changesSince(f.since)
	if f.lens.replay > 0 && (len(rows) > 0 || !f.wrote) {
		rows = append(f.db.changesBefore(f.since, f.lens.replay), rows...)
	}
	if f.descending {
		slices.Reverse(rows)
	}
	positions := f.positions(rows)
	for i, row := range rows {
		sent, err := f.change(row, positions[i])
		if err != nil {
			return false, nil, err
		}
		if sent && f.sent == f.limit || f.ended() {
			return false, nil, nil
		}
		if !sent && i%feedCheck == 0 {
			if err := f.beat(); err != nil {
				return false, nil, err
			}
		}
	}
	if !f.descending || f.sent == 0 {
		f.since = max(f.since, newest)
	}
	done := f.kind == feedNormal || f.kind == feedLongpoll && f.sent > 0
	return !done, wake, nil
}

// positions returns, for each row, the position to resume from after it. Rows
// are in the order of their writes, except with Reorder, which reverses them:
// then it is the position before all rows still to come, so that nothing is
// lost wherever the reader stops.
func (f *feed) positions(rows []change) []int64 {
	out := make([]int64, len(rows))
	if f.lens.reorder && !f.descending {
		slices.Reverse(rows)
		newest := int64(0)
		least := int64(1<<63 - 1)
		for i := len(rows) - 1; i >= 0; i-- {
			newest = max(newest, rows[i].seq)
			out[i] = least - 1
			least = min(least, rows[i].seq)
		}
		if len(rows) > 0 {
			out[len(rows)-1] = newest
		}
		return out
	}
	for i, row := range rows {
		out[i] = row.seq
	}
	return out
}

// ended reports whether a fault ends the feed here.
func (f *feed) ended() bool {
	return f.lens.endFeed != nil && f.sent >= f.lens.endFeed.Rows
}

// change sends one row if the filter accepts it.
func (f *feed) change(row change, position int64) (sent bool, err error) {
	id := row.doc.id
	if f.lens.hides(id) {
		return false, nil
	}
	f.doc = f.doc[:0]
	document := func() ([]byte, error) {
		if len(f.doc) > 0 {
			return f.doc, nil
		}
		var err error
		f.doc, err = appendDoc(f.doc, id, row.win, "")
		return f.doc, err
	}
	if f.filter != nil {
		if passes, err := f.filter(id, document); !passes || err != nil {
			f.since = position
			return false, err
		}
	}
	b := f.buf[:0]
	b = append(b, `{"seq":`...)
	b = append(append(b, '"'), f.db.seqText(position, f.salt)...)
	b = appendString(append(b, `","id":`...), id)
	b = appendString(append(b, `,"changes":[{"rev":`...), row.win.rev())
	b = append(b, "}]"...)
	if row.win.deleted {
		b = append(b, `,"deleted":true`...)
	}
	if f.includeDocs {
		b = append(b, `,"doc":`...)
		if len(f.doc) > 0 {
			b = append(b, f.doc...)
		} else if b, err = appendDoc(b, id, row.win, ""); err != nil {
			return false, err
		}
	}
	b = append(b, '}')
	if f.kind == feedContinuous {
		b = append(b, '\n')
	}
	f.buf = b
	if err := f.rw.row(id, f.buf); err != nil {
		return false, err
	}
	f.since, f.wrote = position, true
	f.lastOut = time.Now()
	f.sent++
	return true, nil
}
