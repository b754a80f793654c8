package simulate

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Plan is everything that a run does: the world and what happens in it, in
// order. The same plan yields the same schedule; the order of goroutines at one
// instant is up to the runtime.
type Plan struct {
	Seed      uint64
	Hours     float64 // how long the run takes
	Workflows int     // at the start
	Agents    int
	Poll      Span    `json:",omitzero"` // interval of polling; 0: the feed is followed
	Reread    Span    `json:",omitzero"` // interval of re-reads; 0: none
	NoViews   bool    `json:",omitempty"`
	Login     bool    `json:",omitempty"` // the stand-in asks for a password
	Events    []Event `json:",omitempty"`
}

// Kind names what an event does.
type Kind string

// What happens to documents. Doc is the number of a workflow, Agent that of an
// agent.
const (
	Request  Kind = "request"  // a request document gets a new version; one that is not there is made
	Archive  Kind = "archive"  // a request leaves the active statuses
	Remove   Kind = "remove"   // a request document is deleted
	Report   Kind = "report"   // an agent writes new counts of a workflow
	Unreport Kind = "unreport" // the document of these counts is deleted
	Rewrite  Kind = "rewrite"  // an agent writes all of its documents again, with the same counts
	Info     Kind = "info"     // an agent writes its own state
	Jobs     Kind = "jobs"     // N job documents, which nobody follows
)

// What happens to connections: to each whose number is a multiple of Every, for
// the time For.
const (
	Refuse Kind = "refuse" // new ones are refused
	Hang   Kind = "hang"   // new ones get no answer
	Reset  Kind = "reset"  // open ones are reset (at once)
	Vanish Kind = "vanish" // open ones are dead from now on, without a sign (at once)
	Stall  Kind = "stall"  // no byte passes
	Slow   Kind = "slow"   // Bytes a second of answers pass
	Cut    Kind = "cut"    // reset after so many Bytes of answers
	Buffer Kind = "buffer" // answers are kept until Bytes of them have come, or for Wait
)

// What happens to answers and rows: the stand-in does Fault to what Path meets.
const Answer Kind = "answer"

// What happens to the source.
const (
	Stop     Kind = "stop"     // the server does not run; all connections end
	Recreate Kind = "recreate" // a database is deleted, made anew after Wait with N % of its documents; the others come back after For
	Undesign Kind = "undesign" // the design document is deleted, and written again after For
	Index    Kind = "index"    // a change of the design document: its index is built for the time For
	Password Kind = "password" // the password is changed; our process gets the new one after For
	Clock    Kind = "clock"    // the clock is N seconds wrong for the time For
	Backup   Kind = "backup"   // a copy of the data is made (no fault)
	Restore  Kind = "restore"  // the newest copy of a database takes its place
	Purge    Kind = "purge"    // N request documents or reports are purged
)

// What happens to our process.
const (
	Kill Kind = "kill" // killed, and started after For from its checkpoint
	Cold Kind = "cold" // killed, and started after For without one
	Halt Kind = "halt" // stopped in order, and started after For
)

// Event is one thing that happens.
type Event struct {
	At   Span // since the start
	Kind Kind
	For  Span `json:",omitzero"`
	Wait Span `json:",omitzero"`

	DB     string `json:",omitempty"`
	Doc    int    `json:",omitempty"`
	Agent  int    `json:",omitempty"`
	N      int    `json:",omitempty"`
	Status string `json:",omitempty"` // of a request

	Every int `json:",omitempty"`
	Bytes int `json:",omitempty"`

	Fault  string `json:",omitempty"` // kind of the stand-in
	Path   string `json:",omitempty"`
	Feed   string `json:",omitempty"`
	Rows   int    `json:",omitempty"`
	Code   int    `json:",omitempty"`
	Only   []int  `json:",omitempty"` // workflows whose rows are met; none: all
	Ending bool   `json:",omitempty"` // nothing follows the error row
}

// isFault says whether the event is one, rather than the life of the documents.
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

// Span is a time.Duration that JSON has as "1h2m3s".
type Span time.Duration

func (s Span) String() string { return time.Duration(s).String() }

// MarshalText makes "1h2m3s".
func (s Span) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads "1h2m3s".
func (s *Span) UnmarshalText(text []byte) error {
	d, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("span: %w", err)
	}
	*s = Span(d)
	return nil
}

// String is the plan in the form that ParsePlan takes: one line of JSON for the
// world, and one for each event.
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

// ParsePlan reads a plan. Empty lines and lines that begin with # say nothing.
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
		return p, errors.New("no plan")
	}
	return p, nil
}
