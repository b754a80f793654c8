package simulate

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Plan has all inputs of a run: the world and its events in order. The same plan yields the same schedule; the order of goroutines at one
// instant is up to the runtime.
type Plan struct {
	Seed      uint64
	Hours     float64 // simulated length of the run
	Workflows int     // at the start
	Agents    int
	Servers   int     `json:",omitempty"` // that share a log; 0: one server without a log
	Entry     int     `json:",omitempty"` // maximum length of an entry of the log; 0: the usual one
	Poll      Span    `json:",omitzero"`  // interval of polling; 0: the feed is followed
	Reread    Span    `json:",omitzero"`  // interval of re-reads; 0: none
	NoViews   bool    `json:",omitempty"`
	Login     bool    `json:",omitempty"` // the stand-in requires a password
	Events    []Event `json:",omitempty"`
}

// Kind is the kind of an event.
type Kind string

// Events of documents. Doc is the number of a workflow, Agent that of an agent.
const (
	Request  Kind = "request"  // a request document gets a new version; it is created if it does not exist
	Archive  Kind = "archive"  // a request leaves the active statuses
	Remove   Kind = "remove"   // a request document is deleted
	Report   Kind = "report"   // an agent writes new counts for a workflow
	Unreport Kind = "unreport" // the document of these counts is deleted
	Rewrite  Kind = "rewrite"  // an agent writes all of its documents again, with the same counts
	Info     Kind = "info"     // an agent writes its own state
	Jobs     Kind = "jobs"     // N job documents are written, which nobody follows
)

// Faults of connections: they affect each connection whose number is a multiple of
// Every, for the time For.
const (
	Refuse Kind = "refuse" // new ones are refused
	Hang   Kind = "hang"   // new ones get no answer
	Reset  Kind = "reset"  // open ones are reset (at once)
	Vanish Kind = "vanish" // open ones are dead from now on, without a sign (at once)
	Stall  Kind = "stall"  // no byte passes
	Slow   Kind = "slow"   // Bytes of answers pass per second
	Cut    Kind = "cut"    // connections are reset after Bytes of answers
	Buffer Kind = "buffer" // answers are held until Bytes have arrived, or for Wait
)

// Faults of answers and rows: the stand-in injects Fault into requests for Path.
const Answer Kind = "answer"

// Faults of the source.
const (
	Stop     Kind = "stop"     // the server does not run; all connections end
	Recreate Kind = "recreate" // a database is deleted, created again after Wait with N % of its documents; the others return after For
	Undesign Kind = "undesign" // the design document is deleted, and written again after For
	Index    Kind = "index"    // the design document changes: its index takes the time For to build
	Password Kind = "password" // the password is changed; our process gets the new one after For
	Clock    Kind = "clock"    // the clock is N seconds wrong for the time For
	Backup   Kind = "backup"   // the data are copied (no fault)
	Restore  Kind = "restore"  // a database is replaced with its newest copy
	Purge    Kind = "purge"    // N request documents or reports are purged
)

// Events of our process.
const (
	Kill Kind = "kill" // killed, and started after For from its checkpoint
	Cold Kind = "cold" // killed, and started after For without one
	Halt Kind = "halt" // stopped regularly, and started after For
)

// Faults between a server of several and the log (package memlog), for the time For. Server
// is its number.
const (
	LogCut     Kind = "log-cut"     // no call reaches the log
	LogDeaf    Kind = "log-deaf"    // answers are lost
	LogBlind   Kind = "log-blind"   // it reads no entries
	LogFull    Kind = "log-full"    // it stores no snapshots
	LogExcuse  Kind = "log-excuse"  // it never gets the lease
	LogFreeze  Kind = "log-freeze"  // the server stands still
	LogSlow    Kind = "log-slow"    // each call takes Wait
	LogLossy   Kind = "log-lossy"   // each Nth notice of an entry is lost
	LogDouble  Kind = "log-double"  // each Nth comes twice
	LogNoRoom  Kind = "log-no-room" // the log stores nothing, of any server
	LogReplace Kind = "log-replace" // the log is lost, and another one is created (at once)
)

// Event is one event of a plan.
type Event struct {
	At   Span // since the start
	Kind Kind
	For  Span `json:",omitzero"`
	Wait Span `json:",omitzero"`

	DB     string `json:",omitempty"`
	Doc    int    `json:",omitempty"`
	Agent  int    `json:",omitempty"`
	Server int    `json:",omitempty"`
	N      int    `json:",omitempty"`
	Status string `json:",omitempty"` // of a request

	Every int `json:",omitempty"`
	Bytes int `json:",omitempty"`

	Fault  string `json:",omitempty"` // kind of a fault of the stand-in
	Path   string `json:",omitempty"`
	Feed   string `json:",omitempty"`
	Rows   int    `json:",omitempty"`
	Code   int    `json:",omitempty"`
	Only   []int  `json:",omitempty"` // workflows whose rows are affected; none: all
	Ending bool   `json:",omitempty"` // nothing follows the error row
}

// isFault reports whether the event is a fault, not an ordinary document change.
func (e *Event) isFault() bool {
	switch e.Kind {
	case Request, Archive, Remove, Report, Unreport, Rewrite, Info, Jobs, Backup:
		return false
	}
	return true
}

func (e *Event) String() string {
	text, err := json.Marshal(e)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// Span is a time.Duration that is written as "1h2m3s" in JSON.
type Span time.Duration

func (s Span) String() string { return time.Duration(s).String() }

// MarshalText returns a text such as "1h2m3s".
func (s Span) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads a text such as "1h2m3s".
func (s *Span) UnmarshalText(text []byte) error {
	d, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("span: %w", err)
	}
	*s = Span(d)
	return nil
}

// String returns the plan in the form that ParsePlan reads: one line of JSON for
// the world, and one for each event.
func (p Plan) String() string {
	events := p.Events
	p.Events = nil
	head, err := json.Marshal(p)
	if err != nil {
		return err.Error()
	}
	lines := []string{string(head)}
	for _, e := range events {
		lines = append(lines, e.String())
	}
	return strings.Join(lines, "\n") + "\n"
}

// ParsePlan reads a plan. It ignores empty lines and lines that begin with #.
func ParsePlan(text string) (Plan, error) {
	var p Plan
	head := false
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		decoder := json.NewDecoder(strings.NewReader(line))
		decoder.DisallowUnknownFields()
		if !head {
			head = true
			if err := decoder.Decode(&p); err != nil {
				return p, fmt.Errorf("world: %w", err)
			}
			continue
		}
		var e Event
		if err := decoder.Decode(&e); err != nil {
			return p, fmt.Errorf("event %q: %w", line, err)
		}
		p.Events = append(p.Events, e)
	}
	if !head {
		return p, errors.New("the text has no plan")
	}
	return p, nil
}
