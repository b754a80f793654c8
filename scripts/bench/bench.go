// Package bench measures the two servers as they run: as processes, over HTTP,
// with the CouchDB stand-in beside them. Each figure is one line: name, value,
// unit. Figures that depend on the machine come with a ratio to the naive way
// in the same run. The parts' own benchmarks (go test -bench) are beside their
// code; scripts/bench.sh runs both.
package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Options of one run.
type Options struct {
	Bin       string // folder of the programs
	Workflows int
	Seed      int64
	Changes   int // changes that the latency is measured over
	PerSecond int // changes per second meanwhile
	Out       io.Writer
	Log       io.Writer // what the programs print
}

// Run measures the first read, memory, and the latency of changes.
func Run(ctx context.Context, o Options) error {
	r := &run{Options: o, client: &http.Client{}}
	defer r.stopAll()
	couch, err := r.startCouch(ctx)
	if err != nil {
		return err
	}
	discard, err := r.discardRead(ctx, couch)
	if err != nil {
		return err
	}
	cache, err := r.firstRead(ctx, couch, discard)
	if err != nil {
		return err
	}
	if err := r.latency(ctx, couch, cache); err != nil {
		return err
	}
	return r.memory(ctx, cache, "after changes")
}

type run struct {
	Options
	client *http.Client
	procs  []*exec.Cmd
}

// server is one started program.
type server struct {
	url string
	cmd *exec.Cmd
}

func (r *run) line(name string, value float64, unit string) {
	fmt.Fprintf(r.Out, "%-44s %12s %s\n", name, strconv.FormatFloat(value, 'f', decimals(value), 64), unit)
}

func decimals(v float64) int {
	switch {
	case v >= 1000:
		return 0
	case v >= 10:
		return 1
	}
	return 3
}

// freeAddr finds a free port. Another program could take it before it is used;
// then the start fails and says so.
func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	addr := l.Addr().String()
	if err := l.Close(); err != nil {
		return "", fmt.Errorf("free the port again: %w", err)
	}
	return addr, nil
}

func (r *run) start(program string, args ...string) (*exec.Cmd, error) {
	cmd := exec.Command(filepath.Join(r.Bin, program), args...)
	cmd.Stdout, cmd.Stderr = r.Log, r.Log
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s (run `make build` first?): %w", program, err)
	}
	r.procs = append(r.procs, cmd)
	return cmd, nil
}

func (r *run) stopAll() {
	for i := len(r.procs) - 1; i >= 0; i-- {
		cmd := r.procs[i]
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
			fmt.Fprintln(r.Log, "stop:", err)
		}
		_ = cmd.Wait() // its exit code says nothing about the figures
	}
}

func (r *run) startCouch(ctx context.Context) (server, error) {
	addr, err := freeAddr()
	if err != nil {
		return server{}, err
	}
	cmd, err := r.start("mock", "couch", "--listen", addr, "--workflows", strconv.Itoa(r.Workflows), "--seed", strconv.FormatInt(r.Seed, 10))
	if err != nil {
		return server{}, err
	}
	s := server{url: "http://" + addr, cmd: cmd}
	return s, r.ready(ctx, s.url+"/_up")
}

// ready waits until url answers 200.
func (r *run) ready(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, 20*time.Minute, fmt.Errorf("%s is not ready after 20 minutes", url))
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

// status reads one figure of /proc/PID/status, in bytes; 0 where there is none.
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
// and in the kernel; 0 where /proc does not tell.
func (s server) cpu() time.Duration {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	// The name of the program, in brackets, may hold spaces: count after it.
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
