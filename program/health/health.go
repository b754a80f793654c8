// Package health formats named checks as the text of /readyz, and has the client for
// the health check of a container. It does not implement the checks.
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

// Report returns whether all needed checks succeed, and a line for each check: [+]
// succeeded, [-] needed and failed, [~] failed but not needed.
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

// oneLine replaces line breaks and control characters in a note by spaces.
func oneLine(note string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return ' '
		}
		return r
	}, note)
}

// Serving is the check whether the server accepts requests, false while it shuts
// down.
func Serving(on bool) Check {
	if on {
		return Check{Name: "serving", OK: true, Needed: true, Note: "yes"}
	}
	return Check{Name: "serving", Needed: true, Note: "no, shutting down"}
}

// Files is the check of the files that are re-read while the program runs.
func Files(faults []string) Check {
	if len(faults) == 0 {
		return Check{Name: "files", OK: true, Note: "all in use"}
	}
	return Check{Name: "files", Note: strings.Join(faults, "; ") + "; using the last good content"}
}

// Ask requests a path from the server that listens at host:port, and returns an error
// unless the status is 200. It is the health check of a container without a shell.
func Ask(ctx context.Context, listen, path string) error {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return fmt.Errorf("--listen %q: want host:port", listen)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return AskURL(ctx, "http://"+net.JoinHostPort(host, port)+path)
}

// AskURL requests a URL, and returns an error unless the status is 200.
func AskURL(ctx context.Context, address string) error {
	const (
		patience = 5 * time.Second
		longest  = 512 // bytes of an answer in the error
	)
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
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
