package couchfake

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tidwall/gjson"
)

// Kind names one kind of fault.
type Kind string

// Kinds of faults. Each says which other fields of Fault it reads.
const (
	Cut         Kind = "cut"           // close the connection after Bytes bytes of body
	CutInRow    Kind = "cut-in-row"    // close the connection in the middle of row number Rows (from 0)
	Freeze      Kind = "freeze"        // accept the request and never answer, not even headers
	FreezeAfter Kind = "freeze-after"  // stop sending after Bytes bytes of body
	FreezeInRow Kind = "freeze-in-row" // stop sending in the middle of row number Rows (from 0)
	Delay       Kind = "delay"         // answer Wait later
	Slow        Kind = "slow"          // send at most Bytes bytes a second
	FailStatus  Kind = "status"        // answer with Status (500 when 0), Error and Reason (some, when empty)
	TimeOut     Kind = "timeout"       // 500 timeout after Wait, as for a query that its shards do not answer in time
	Forbid      Kind = "forbid"        // 403, as for a resource that this login may not read
	Page        Kind = "page"          // 200 with a page of HTML, as a front end that asks for a login
	Deny        Kind = "deny"          // 401, as for a wrong password
	NoDatabase  Kind = "no-database"   // 404, as for a database that does not exist
	ErrorRow    Kind = "error-row"     // put an error object before row number Rows; with Stop no row follows it
	Replay      Kind = "replay"        // _changes: send Rows changes from before since again, at each batch
	Reorder     Kind = "reorder"       // _changes: send each batch newest first, seqs still safe to resume from
	EndFeed     Kind = "end-feed"      // _changes: end the feed after Rows rows, as the server does at a timeout
	ForgetSeqs  Kind = "forget-seqs"   // _changes: a since other than 0 and now is unknown: 400
	RewindSeqs  Kind = "rewind-seqs"   // _changes: a since other than 0 and now counts as 0
	EmptyDB     Kind = "empty"         // the database seems to hold no documents
	HalveDB     Kind = "halve"         // the database seems to hold every second document
	OtherCopy   Kind = "other-copy"    // the database's info is that of a copy that lacks the last Rows documents and changes
	Buffer      Kind = "buffer"        // hold the answer back until it has ended, as a proxy does: nothing of a continuous feed arrives
)

// Kinds of faults of single rows, of _changes, views, _all_docs (keys or all)
// and _find. Each applies to the rows of the documents in IDs, or to all rows
// without IDs. If several apply to a row, the first one counts. A row of _find
// is the document.
const (
	NullDoc    Kind = "row-null-doc"    // "doc":null, though the document exists; _find: null
	NoDoc      Kind = "row-no-doc"      // the row has no member doc; _find: {}
	DocError   Kind = "row-doc-error"   // "error":"timeout" instead of doc, beside id
	OddDoc     Kind = "row-odd-doc"     // Text instead of the document: any JSON value; "": []
	BrokenDoc  Kind = "row-broken-doc"  // a document that is not JSON; its _id can be read
	OtherDoc   Kind = "row-other-doc"   // the document says another _id than the row: "other-" and its own
	DeletedDoc Kind = "row-deleted-doc" // the document says _deleted, the row does not
	TwiceRow   Kind = "row-twice"       // the row comes twice
	OmitRow    Kind = "row-omit"        // the row does not come; _changes: the position advances
	NullID     Kind = "row-null-id"     // _changes: {"seq":…,"changes":[],"id":null} before the row
	NullSeq    Kind = "row-null-seq"    // _changes: "seq":null
	TurnRows   Kind = "rows-turned"     // all rows of an answer that ends come in the opposite order; not of _changes
)

// errorRow is what a cluster sends instead of rows that it could not get.
const errorRow = `{"error":"timeout","reason":"` + timeoutText + `"}`

const timeoutText = "The request could not be processed in a reasonable amount of time."

// Match selects the requests that a fault applies to. An empty field matches
// everything.
type Match struct {
	Method string // GET, POST …
	Path   string // prefix of the path, unescaped: "/wmstats/_changes"
	Feed   string // of _changes: normal, longpoll, continuous
}

// Fault is one injected fault: which requests it applies to, what it does, and
// how often.
type Fault struct {
	Match Match
	Kind  Kind
	Skip  int // number of matching requests that are left alone first
	Times int // number of requests that it applies to; 0: until cleared

	Bytes  int
	Rows   int
	Status int
	Error  string
	Reason string
	Stop   bool
	Wait   time.Duration
	IDs    []string
	Text   string
}

// ActiveFault is a fault in effect.
type ActiveFault struct {
	fault   Fault
	table   *faultTable
	cleared chan struct{}

	seen, hits int // guarded by table.mu
	rows       atomic.Int64
}

// Clear ends the fault. Requests that it froze continue. It may be called
// twice.
func (a *ActiveFault) Clear() { a.table.remove(a) }

// Hits counts the requests that the fault has applied to.
func (a *ActiveFault) Hits() int {
	a.table.mu.Lock()
	defer a.table.mu.Unlock()
	return a.hits
}

// Rows counts the rows that the fault has applied to, if it is one of rows.
func (a *ActiveFault) Rows() int { return int(a.rows.Load()) }

type faultTable struct {
	mu     sync.Mutex
	active []*ActiveFault
}

// Misbehave activates a fault for the requests that arrive from now on. Faults
// of different kinds add up; of one kind the first one counts.
func (s *Server) Misbehave(f Fault) *ActiveFault {
	a := &ActiveFault{fault: f, table: &s.faults, cleared: make(chan struct{})}
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.active = append(s.faults.active, a)
	return a
}

// Behave clears all faults.
func (s *Server) Behave() {
	s.faults.mu.Lock()
	active := slices.Clone(s.faults.active)
	s.faults.mu.Unlock()
	for _, a := range active {
		a.Clear()
	}
}

func (t *faultTable) remove(a *ActiveFault) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if i := slices.Index(t.active, a); i >= 0 {
		t.active = slices.Delete(t.active, i, i+1)
		close(a.cleared)
	}
}

// meet returns the faults that apply to this request and counts them.
func (t *faultTable) meet(r *http.Request) []*ActiveFault {
	t.mu.Lock()
	defer t.mu.Unlock()
	var met []*ActiveFault
	for _, a := range t.active {
		if !a.fault.Match.matches(r) {
			continue
		}
		a.seen++
		if a.seen <= a.fault.Skip || a.fault.Times > 0 && a.hits >= a.fault.Times {
			continue
		}
		a.hits++
		met = append(met, a)
	}
	return met
}

func (m Match) matches(r *http.Request) bool {
	if m.Method != "" && m.Method != r.Method || !strings.HasPrefix(r.URL.Path, m.Path) {
		return false
	}
	if m.Feed == "" {
		return true
	}
	feed := r.URL.Query().Get("feed")
	if feed == "" {
		feed = feedNormal
	}
	return strings.HasSuffix(r.URL.Path, "/_changes") && feed == m.Feed
}

// lens is what the faults of one request change in its handler.
type lens struct {
	errorRow, endFeed *Fault
	cutRow            *ActiveFault // CutInRow or FreezeInRow
	replay            int
	reorder           bool
	forget, rewind    bool
	empty, half       bool
	turn              bool
	rows              []*ActiveFault // faults of single rows
	behind            int
}

// hides reports whether a document is hidden. Half of the documents are the
// half selected by the hash of the id, always the same.
func (l *lens) hides(id string) bool {
	if l.empty {
		return true
	}
	if !l.half {
		return false
	}
	h := uint32(2166136261)
	for i := 0; i < len(id); i++ {
		h = (h ^ uint32(id[i])) * 16777619
	}
	return h>>16&1 == 0
}

// shrinks reports whether some documents are hidden.
func (l *lens) shrinks() bool { return l.empty || l.half }

// applyFaults applies what can be done before the handler, and prepares the
// rest. It returns the error to answer with, or nil.
func (c *call) applyFaults(met []*ActiveFault) error {
	for _, a := range met {
		f := &a.fault
		if err := f.validate(); err != nil {
			return &Error{http.StatusInternalServerError, "bad_fault", err.Error()}
		}
		switch f.Kind {
		case Delay:
			if err := c.pause(f.Wait); err != nil {
				return err
			}
		case Freeze:
			if err := c.freeze(a); err != nil {
				return err
			}
		case FailStatus:
			return &Error{statusOr500(f.Status), cmp.Or(f.Error, "internal_server_error"), cmp.Or(f.Reason, "made to fail")}
		case TimeOut:
			if err := c.pause(f.Wait); err != nil {
				return err
			}
			return timeout()
		case Forbid:
			return &Error{http.StatusForbidden, "forbidden", "You are not allowed to access this db."}
		case Page:
			return c.page()
		case Deny:
			return unauthorized("Name or password is incorrect.")
		case NoDatabase:
			return noDatabase()
		case Buffer:
			c.held = &bufferedWriter{ResponseWriter: c.w}
			c.w = c.held
		case Cut, FreezeAfter, Slow:
			c.w = &faultyWriter{ResponseWriter: c.w, call: c, active: a}
		default:
			c.lens.set(a)
		}
	}
	return nil
}

// page answers with a page that is not CouchDB's.
func (c *call) page() error {
	c.begun = true
	c.w.Header().Set("Content-Type", "text/html")
	_, err := c.w.Write([]byte("<!DOCTYPE html><title>Log in</title>"))
	return cmp.Or(err, errAnswered)
}

func statusOr500(status int) int {
	if status == 0 {
		return http.StatusInternalServerError
	}
	return status
}

func (l *lens) set(a *ActiveFault) {
	f := &a.fault
	switch f.Kind {
	case CutInRow, FreezeInRow:
		l.cutRow = a
	case ErrorRow:
		l.errorRow = f
	case Replay:
		l.replay = f.Rows
	case Reorder:
		l.reorder = true
	case EndFeed:
		l.endFeed = f
	case ForgetSeqs:
		l.forget = true
	case RewindSeqs:
		l.rewind = true
	case EmptyDB:
		l.empty = true
	case HalveDB:
		l.half = true
	case TurnRows:
		l.turn = true
	case OtherCopy:
		l.behind = f.Rows
	default:
		l.rows = append(l.rows, a)
	}
}

// validate refuses a fault that could never have an effect.
func (f Fault) validate() error {
	switch f.Kind {
	case Cut, CutInRow, Freeze, FreezeAfter, FreezeInRow, Delay, Slow, FailStatus, TimeOut, Forbid, Page, Deny, NoDatabase,
		ErrorRow, Replay, Reorder, EndFeed, ForgetSeqs, RewindSeqs, EmptyDB, HalveDB, OtherCopy, Buffer,
		NullDoc, NoDoc, DocError, OddDoc, BrokenDoc, OtherDoc, DeletedDoc, TwiceRow, OmitRow, NullID, NullSeq, TurnRows:
	default:
		return fmt.Errorf("fault kind %q: unknown", f.Kind)
	}
	if f.Kind == Slow && f.Bytes < 1 {
		return fmt.Errorf("fault %s: Bytes must be at least 1 a second", f.Kind)
	}
	if f.Kind == OddDoc && f.Text != "" && !gjson.Valid(f.Text) {
		return fmt.Errorf("fault %s: Text must be JSON; %s sends other text", f.Kind, BrokenDoc)
	}
	if (f.Kind == Replay || f.Kind == OtherCopy) && f.Rows < 1 {
		return fmt.Errorf("fault %s: Rows must be at least 1", f.Kind)
	}
	return nil
}
