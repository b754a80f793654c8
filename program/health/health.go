// Package health tells whether a program can do its work: named checks, the text
// of /readyz, and the question that a container asks itself. It knows nothing of
// what is checked.
package health

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// Check is one line of /readyz?verbose.
type Check struct {
	Name   string
	OK     bool
	Needed bool // the program is not ready without it
	Note   string
}

// Report tells whether all that is needed is there, and has a line for each
// check: [+] is good, [-] is needed and bad, [~] is bad and not needed.
func Report(checks []Check) (ready bool, text string) {
	ready = true
	var lines strings.Builder
	for _, c := range checks {
		mark := "+"
		switch {
		case !c.OK && c.Needed:
			mark, ready = "-", false
		case !c.OK:
			mark = "~"
		}
		fmt.Fprintf(&lines, "[%s] %s: %s\n", mark, c.Name, oneLine(c.Note))
	}
	return ready, lines.String()
}

// oneLine has spaces where a note could break its line or the reader's terminal.
func oneLine(note string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return ' '
		}
		return r
	}, note)
}

// Serving is the check whether the server takes requests; false is while it
// shuts down.
func Serving(on bool) Check {
	if on {
		return Check{Name: "serving", OK: true, Needed: true, Note: "yes"}
	}
	return Check{Name: "serving", Needed: true, Note: "no, shutting down"}
}

// Files is the check of files that are read again while the program runs.
func Files(faults []string) Check {
	if len(faults) == 0 {
		return Check{Name: "files", OK: true, Note: "all in use"}
	}
	return Check{Name: "files", Note: strings.Join(faults, "; ") + "; using the last good content"}
}

// Ask asks the server that listens at host:port for a path and wants 200. A
// container without a shell tests itself with it.
func Ask(ctx context.Context, listen, path string) error {
	const (
		patience = 5 * time.Second
		longest  = 512 // bytes of an answer in the error
	)
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return fmt.Errorf("--listen %q: want host:port", listen)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	address := "http://" + net.JoinHostPort(host, port) + path
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return fmt.Errorf("health check of %s: %w", address, err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("health check: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(io.LimitReader(resp.Body, longest)) // only for the message
		return fmt.Errorf("health check: %s answered %s: %s", address, resp.Status, strings.TrimSpace(string(body)))
	}
	return nil
}
