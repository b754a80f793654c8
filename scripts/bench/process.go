package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/dmwm/wmstats/scripts/bench/figures"
	"github.com/dmwm/wmstats/scripts/freeport"
)

type run struct {
	Options
	prefix string // of the names of lines
	client *http.Client
	procs  []*exec.Cmd
}

// server is one started program.
type server struct {
	url       string
	cmd       *exec.Cmd // nil: this program
	elsewhere bool      // not started here: its process is unknown
}

func (r *run) line(name string, value float64, unit string) {
	figures.Line(r.Out, r.prefix+name, value, unit, "")
}

func (r *run) start(program string, args ...string) (*exec.Cmd, error) {
	return r.startPath(filepath.Join(r.Bin, program), args...)
}

func (r *run) startPath(path string, args ...string) (*exec.Cmd, error) {
	cmd := exec.Command(path, args...)
	cmd.Stdout, cmd.Stderr = r.Log, r.Log
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s (run `make build` first?): %w", path, err)
	}
	r.procs = append(r.procs, cmd)
	return cmd, nil
}

// stopAll ends the programs in the reverse order of their start.
func (r *run) stopAll() {
	for i := len(r.procs) - 1; i >= 0; i-- {
		cmd := r.procs[i]
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
			fmt.Fprintln(r.Log, "stop:", err)
		}
		_ = cmd.Wait() // its exit code says nothing about the figures
	}
	r.procs = nil
}

// startSource starts the source of the cache server: the stand-in for CouchDB,
// which holds all documents, or this program as a source that repeats a small
// world. A source that runs already is used unchanged.
func (r *run) startSource(ctx context.Context) (server, error) {
	if r.Source != "" {
		s := server{url: strings.TrimSuffix(r.Source, "/"), elsewhere: true}
		return s, r.ready(ctx, s.url+"/_up")
	}
	addr, err := freeport.Addr(ctx)
	if err != nil {
		return server{}, err
	}
	size := []string{"--workflows", strconv.Itoa(r.Workflows), "--seed", strconv.FormatInt(r.Seed, 10)}
	var cmd *exec.Cmd
	if r.repeats() {
		size = append(size, "--agent-docs", strconv.Itoa(r.AgentDocs), "--agent-bytes", strconv.Itoa(r.AgentBytes), "--lean="+strconv.FormatBool(r.Lean))
		cmd, err = r.startPath(r.Self, append([]string{"--serve", addr}, size...)...)
	} else {
		cmd, err = r.start("mock", append([]string{"couch", "--listen", addr}, size...)...)
	}
	if err != nil {
		return server{}, err
	}
	s := server{url: "http://" + addr, cmd: cmd}
	return s, r.ready(ctx, s.url+"/_up")
}

// ready waits until url answers 200.
func (r *run) ready(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, time.Hour, fmt.Errorf("%s is not ready after an hour", url))
	defer cancel()
	for {
		status, _, err := r.do(ctx, http.MethodGet, url, nil)
		if err == nil && status == http.StatusOK {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// do sends one small request and returns the whole body.
func (r *run) do(ctx context.Context, method, url string, body any) (int, []byte, error) {
	var in io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return 0, nil, fmt.Errorf("encode body: %w", err)
		}
		in = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, url, in)
	if err != nil {
		return 0, nil, fmt.Errorf("make request: %w", err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := r.client.Do(req)
	if err != nil {
		return 0, nil, fmt.Errorf("%s %s: %w", method, url, err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, nil, fmt.Errorf("read answer of %s: %w", url, err)
	}
	return resp.StatusCode, data, nil
}

// status reads one figure of /proc/PID/status, in bytes; 0 where it is missing.
func (s server) status(key string) float64 {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, key+":"); ok {
			kb, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 64)
			if err != nil {
				return 0
			}
			return kb * 1024
		}
	}
	return 0
}

// cpu is the processor time that the program has taken so far, in user mode
// and in the kernel; 0 without /proc, or if the program runs elsewhere.
func (s server) cpu() time.Duration {
	if s.elsewhere {
		return 0
	}
	if s.cmd == nil {
		return ownCPU()
	}
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	// The name of the program, in brackets, may contain spaces: count after it.
	fields := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
	const user, system = 11, 12
	if len(fields) <= system {
		return 0
	}
	var ticks int64
	for _, field := range []string{fields[user], fields[system]} {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0
		}
		ticks += n
	}
	return time.Duration(ticks) * time.Second / 100 // USER_HZ
}
