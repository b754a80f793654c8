package couch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// serverFailures is the number of consecutive server errors of a feed with a
// selector after which it is tried without one.
const serverFailures = 3

// selectAgain is how long feeds are requested without a selector after the
// server refused one; the server may have been upgraded by then.
const selectAgain = time.Hour

// selectorState is the known support of filter=_selector for one database.
type selectorState struct {
	refused  time.Time // when the server refused it; zero: it is supported
	failures int       // consecutive server errors
}

// FeedOptions are the options of Changes.
type FeedOptions struct {
	Once     bool          // end at the last change instead of waiting for more; the last pair then has End set
	Patience time.Duration // with Once: longest time without a byte, if less than the client's ReadIdle; 0: ReadIdle
	Limit    int           // with Once: maximum number of rows; 0: all
	NoDocs   bool          // rows without their documents
	Alive    func()        // called for each sign of life from the server; may be nil
}

// Changes yields the changes of db after since, with documents, until the server
// ends the feed (no error: continue from the last Seq), it fails (the last pair
// has the error), or the caller stops. A feed that is silent for three
// heartbeats ends with ErrFrozen. Changes come in no fixed order and may be
// repeated. For WMStats, only tombstones and documents of the types that are
// read are requested; a server without selectors sends all. With Once the server
// is asked repeatedly, with pauses, until it has no more changes or the Limit is
// reached.
func (c *Client) Changes(ctx context.Context, db Database, since Seq, o FeedOptions) iter.Seq2[Change, error] {
	return func(yield func(Change, error) bool) {
		if o.Alive == nil {
			o.Alive = func() {}
		}
		follow := c.feed
		if o.Once {
			follow = c.changesNow
		}
		err := follow(ctx, db, since, o, yield)
		if err != nil && !errors.Is(err, errStopped) {
			yield(Change{}, err)
		}
	}
}

// errStopped means that the caller stopped the iteration.
var errStopped = errors.New("stopped by the caller")

// openFeed requests a feed, with a selector if the server supports one.
func (c *Client) openFeed(ctx context.Context, db Database, since Seq, o FeedOptions) (*stream, error) {
	query := url.Values{"include_docs": {strconv.FormatBool(!o.NoDocs)}, "since": {string(since)}, "feed": {"normal"}}
	idle := c.o.ReadIdle
	if o.Patience > 0 {
		idle = min(idle, o.Patience)
	}
	if since == "" {
		query.Set("since", "0")
	}
	if !o.Once {
		query.Set("feed", "continuous")
		query.Set("heartbeat", strconv.FormatInt(max(c.o.Heartbeat.Milliseconds(), 1), 10))
		idle = 3 * c.o.Heartbeat
	} else if o.Limit > 0 {
		query.Set("limit", strconv.Itoa(o.Limit))
	}
	op := "follow " + db.String()
	if !c.selects(db) {
		return c.open(ctx, op, http.MethodGet, db, "_changes", query, nil, idle)
	}
	selecting := url.Values{"filter": {"_selector"}}
	for key, value := range query {
		selecting[key] = value
	}
	body := map[string]any{"selector": map[string]any{"$or": []any{ofTypes(), map[string]any{"_deleted": true}}}}
	s, err := c.open(ctx, op, http.MethodPost, db, "_changes", selecting, body, idle)
	if !c.withoutSelector(db, err) {
		return s, err
	}
	all, allErr := c.open(ctx, op, http.MethodGet, db, "_changes", query, nil, idle)
	if allErr != nil {
		return nil, allErr // the selector is not what was refused
	}
	c.selectorRefused(db, err)
	return all, nil
}

// selects reports whether a feed of db is requested with a selector. All request
// documents are needed: the feed has to show one that gets archived.
func (c *Client) selects(db Database) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	state := c.selector[db]
	return db == WMStats && (state == nil || state.refused.IsZero() || time.Since(state.refused) >= selectAgain)
}

// selectorRefused records that a server sends its changes but does not support
// selectors.
func (c *Client) selectorRefused(db Database, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if absent(err) {
		c.selector[db].refused = time.Now()
	}
	c.o.Log.Warn("CouchDB does not filter changes; reading all of them", "database", db.String(), "err", err)
}

// withoutSelector records the outcome of a request with a selector and reports
// whether to repeat it without: when the server refuses it, and once when it
// keeps failing.
func (c *Client) withoutSelector(db Database, err error) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	state := c.selector[db]
	if state == nil {
		state = &selectorState{}
		c.selector[db] = state
	}
	switch {
	case absent(err):
		return true
	case errors.Is(err, ErrServer):
		state.failures++
		if state.failures >= serverFailures {
			state.failures = 0
			return true
		}
	default:
		state.failures = 0
	}
	return false
}

// feed yields the changes of a continuous feed until it ends.
func (c *Client) feed(ctx context.Context, db Database, since Seq, o FeedOptions, yield func(Change, error) bool) error {
	s, err := c.openFeed(ctx, db, since, o)
	if err != nil {
		return err
	}
	defer s.close()
	o.Alive()
	renewed := func() bool { return c.o.TLS.Number() != s.number }
	return s.continuousFeed(yield, o.Alive, renewed)
}

// continuousFeed yields the rows of a feed that has one row a line and no
// enclosing object. Its last line has the last seq; a feed that ends without it
// was cut. It also ends at the first line, or heartbeat, after renewed.
func (s *stream) continuousFeed(yield func(Change, error) bool, alive func(), renewed func() bool) error {
	for {
		line, whole, err := s.line()
		if err != nil {
			return s.cut(err)
		}
		alive()
		switch {
		case len(bytes.TrimSpace(line)) == 0: // a heartbeat
			if renewed() {
				return nil
			}
			continue
		case bytes.HasPrefix(line, []byte(`{"last_seq":`)):
			return s.lastLine(line, whole, yield)
		case bytes.TrimSpace(line)[0] != '{':
			return &Error{Op: s.op, Kind: ErrForm, Reason: "a line that is not a row"}
		case !whole:
			return &Error{Op: s.op, Kind: ErrCut, Reason: "in the middle of a change"}
		}
		if err := s.row(line, func(raw []byte) error { _, err := s.pass(raw, yield); return err }); err != nil {
			return err
		}
		if renewed() {
			return nil
		}
	}
}

// lastLine reads the position that ends a continuous feed.
func (s *stream) lastLine(line []byte, whole bool, yield func(Change, error) bool) error {
	var t tail
	if err := json.Unmarshal(line, &t); err != nil {
		if whole {
			return &Error{Op: s.op, Kind: ErrForm, Err: err}
		}
		return s.cut(io.EOF)
	}
	yield(Change{Seq: seqOf(t.LastSeq)}, nil)
	return nil
}

// pass yields one row of a feed and reports whether it is a change of a
// document.
func (s *stream) pass(raw []byte, yield func(Change, error) bool) (change bool, err error) {
	ch, err := parseRow(raw)
	change = ch.ID != ""
	switch {
	case err != nil:
		return false, &Error{Op: s.op, Kind: ErrForm, Err: err}
	case ch.ID == "" && (!ch.none || len(ch.Doc) > 0):
		return false, &Error{Op: s.op, Kind: ErrForm, Reason: "a change without id"}
	case ch.ID == "":
		// The row names no document. Its seq may be that of a change that is
		// still to come, so the position stays.
		return false, nil
	case strings.HasPrefix(ch.ID, designPrefix):
		ch = Change{Seq: ch.Seq} // a design document; only the position moves
	case ch.Deleted:
		ch.Doc = nil
	}
	ch.none = false
	if !yield(ch, nil) {
		return change, errStopped
	}
	return change, nil
}
