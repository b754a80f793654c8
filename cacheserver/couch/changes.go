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

// serverFailures is how often in a row a feed with a selector may fail with a
// server error before it is tried without.
const serverFailures = 3

// selectAgain is how long a server is followed without a selector that did not
// offer one; it may be another server by then.
const selectAgain = time.Hour

// selectorState is what is known of filter=_selector on one database.
type selectorState struct {
	refused  time.Time // when the server did not offer it; zero: it does
	failures int       // server errors in a row
}

// FeedOptions says how to follow.
type FeedOptions struct {
	Once     bool          // end when there is nothing more, instead of waiting for it; the last change then is an End
	Patience time.Duration // with Once: without a byte, when it is less than the client's ReadIdle; 0: ReadIdle
	Limit    int           // with Once: so many rows at most; 0: all
	NoDocs   bool          // rows without their documents
	Alive    func()        // called for every sign of life of the server; nil: not
}

// Changes yields the changes of db after since, with documents, until the
// server ends the feed (no error: ask again from the last Seq), it fails (the
// last pair has the error), or the caller stops. A feed that is silent for
// three heartbeats ends with ErrFrozen. Changes come in no fixed order and may
// come again. Of WMStats only documents of the types that are read and
// tombstones are asked for; a server that can't select sends all. With Once the
// server is asked again behind what it brought, with pauses, until it has nothing
// more or the Limit is reached.
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

// errStopped says that the caller wants no more.
var errStopped = errors.New("stopped by the caller")

// openFeed asks for a feed, with a selector where the server takes one.
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
		return nil, allErr // what was refused is not the selector
	}
	c.selectorRefused(db, err)
	return all, nil
}

// selects tells whether a feed of db is to be asked for with a selector. All
// request documents are of interest: one that gets archived has to be seen.
func (c *Client) selects(db Database) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	state := c.selector[db]
	return db == WMStats && (state == nil || state.refused.IsZero() || time.Since(state.refused) >= selectAgain)
}

// selectorRefused notes that a server sends its changes, but does not select.
func (c *Client) selectorRefused(db Database, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if absent(err) {
		c.selector[db].refused = time.Now()
	}
	c.o.Log.Warn("CouchDB does not filter changes; reading all of them", "database", db.String(), "err", err)
}

// withoutSelector keeps the outcome of a request with a selector and tells
// whether to ask again without: when the server refuses it, and once when it
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

// feed passes on a continuous feed until it ends.
func (c *Client) feed(ctx context.Context, db Database, since Seq, o FeedOptions, yield func(Change, error) bool) error {
	s, err := c.openFeed(ctx, db, since, o)
	if err != nil {
		return err
	}
	defer s.close()
	o.Alive()
	return s.continuousFeed(yield, o.Alive)
}

// continuousFeed passes on a feed of one row a line, without a frame. Its last
// line holds the last seq; one that ends without it was cut.
func (s *stream) continuousFeed(yield func(Change, error) bool, alive func()) error {
	for {
		line, whole, err := s.line()
		if err != nil {
			return s.cut(err)
		}
		alive()
		switch {
		case len(bytes.TrimSpace(line)) == 0:
			continue // a heartbeat
		case bytes.HasPrefix(line, []byte(`{"last_seq":`)):
			return s.lastLine(line, whole, yield)
		case bytes.TrimSpace(line)[0] != '{':
			return &Error{Op: s.op, Kind: ErrForm, Reason: "a line that is no row"}
		case !whole:
			return &Error{Op: s.op, Kind: ErrCut, Reason: "in the middle of a change"}
		}
		if err := s.row(line, func(raw []byte) error { _, err := s.pass(raw, yield); return err }); err != nil {
			return err
		}
	}
}

// lastLine takes the position that ends a continuous feed.
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

// pass yields one row of a feed, and says whether it is a change of a document.
func (s *stream) pass(raw []byte, yield func(Change, error) bool) (change bool, err error) {
	ch, err := parseRow(raw)
	change = ch.ID != ""
	switch {
	case err != nil:
		return false, &Error{Op: s.op, Kind: ErrForm, Err: err}
	case ch.ID == "" && (!ch.none || len(ch.Doc) > 0):
		return false, &Error{Op: s.op, Kind: ErrForm, Reason: "a change without id"}
	case ch.ID == "":
		// It says nothing of a document. Its seq may be that of a change which is
		// still to come, so that the position stays.
		return false, nil
	case strings.HasPrefix(ch.ID, designPrefix):
		ch = Change{Seq: ch.Seq} // code, no document; only the position moves
	case ch.Deleted:
		ch.Doc = nil
	}
	ch.none = false
	if !yield(ch, nil) {
		return change, errStopped
	}
	return change, nil
}
