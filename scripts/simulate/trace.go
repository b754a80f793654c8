package simulate

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// traceLines is the maximum number of lines of a trace; the oldest are dropped.
const traceLines = 400

// trace holds the recent events of a run: planned events, requests that the
// stand-in answered, log lines of our process, and results of the checks.
type trace struct {
	began time.Time

	mu    sync.Mutex
	lines []line // a ring
	next  int
}

// line is formatted only when the trace is read.
type line struct {
	at     time.Duration
	format string
	args   []any
}

func newTrace() *trace { return &trace{began: time.Now()} }

// add appends a line; args must not change later.
func (t *trace) add(format string, args ...any) {
	l := line{time.Since(t.began), format, args}
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.lines) < traceLines {
		t.lines = append(t.lines, l)
		return
	}
	t.lines[t.next] = l
	t.next = (t.next + 1) % traceLines
}

func (t *trace) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var b strings.Builder
	for i := range t.lines {
		l := t.lines[(t.next+i)%len(t.lines)]
		fmt.Fprintf(&b, "%12s  %s\n", l.at.Round(time.Millisecond), fmt.Sprintf(l.format, l.args...))
	}
	return b.String()
}

// logTo is a slog.Handler that writes our process's log into the trace.
type logTo struct {
	trace *trace
	with  string
}

// Enabled leaves out debug messages.
func (logTo) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelInfo }

// Handle adds one log line to the trace.
func (h logTo) Handle(_ context.Context, r slog.Record) error {
	var b strings.Builder
	r.Attrs(func(a slog.Attr) bool {
		fmt.Fprintf(&b, " %s=%v", a.Key, a.Value)
		return true
	})
	h.trace.add("     log %s %s%s%s", r.Level, r.Message, h.with, b.String())
	return nil
}

// WithAttrs adds attributes in front of those of each line.
func (h logTo) WithAttrs(attrs []slog.Attr) slog.Handler {
	for _, a := range attrs {
		h.with += fmt.Sprintf(" %s=%v", a.Key, a.Value)
	}
	return h
}

// WithGroup changes nothing: people read the names here.
func (h logTo) WithGroup(string) slog.Handler { return h }
