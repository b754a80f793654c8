package sharedlog

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// Messages of the programs that are noted.
const (
	readFinished = "full read finished"
	caughtUp     = "caught up with the log"
)

// said is a message of a program.
type said struct{ program, message string }

// output passes on the output of the programs, and notes when and what they said.
type output struct {
	to io.Writer

	mu    sync.Mutex
	lines map[said]string
	at    map[said]time.Time // of the line
}

func newOutput(to io.Writer) *output {
	return &output{to: to, lines: map[said]string{}, at: map[said]time.Time{}}
}

// Write is called with whole lines, each of which begins with a program's name.
func (o *output) Write(line []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	program, text, _ := strings.Cut(string(line), ": ")
	for _, message := range []string{readFinished, caughtUp} {
		if strings.Contains(text, message) {
			o.lines[said{program, message}], o.at[said{program, message}] = text, time.Now()
		}
	}
	return o.to.Write(line) //nolint:wrapcheck // passes on the error of the output
}

// wait returns when a program wrote a message last, and the line; it waits for it.
func (o *output) wait(ctx context.Context, program, message string) (time.Time, string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, 5*time.Minute, fmt.Errorf("%s has not logged %q", program, message))
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		o.mu.Lock()
		at, line := o.at[said{program, message}], o.lines[said{program, message}]
		o.mu.Unlock()
		if line != "" {
			return at, line, nil
		}
		select {
		case <-ctx.Done():
			return at, "", context.Cause(ctx)
		case <-tick.C:
		}
	}
}

// forget forgets what a program has said.
func (o *output) forget(program, message string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.lines, said{program, message})
}

// number returns an attribute of a log line.
func number(line, name string) (n int, err error) {
	_, rest, _ := strings.Cut(line, " "+name+"=")
	if _, err := fmt.Sscanf(rest, "%d", &n); err != nil {
		return 0, fmt.Errorf("%s of %q: %w", name, line, err)
	}
	return n, nil
}
