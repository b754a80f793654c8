package answers

import (
	"bufio"
	"context"
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
)

// Cores of the server and of the load.
const (
	serverCore = "0"
	loadCore   = "1"
)

// child is a server that this program started: this program again, or nginx.
type child struct {
	url string
	pid int // of the process that serves
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// startServer starts this program as a server of n workflows on one core.
func (r *run) startServer(ctx context.Context, n int) (*child, error) {
	cmd := exec.CommandContext(ctx, "taskset", "-c", serverCore, r.Program, "answers", strconv.Itoa(n))
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	cmd.Stderr = r.Log
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start a server: %w", err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start a server: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start a server: %w", err)
	}
	c := &child{cmd: cmd, in: in, out: bufio.NewReader(out), pid: cmd.Process.Pid}
	r.children = append(r.children, c)
	addr, err := c.answer("ready ")
	c.url = "http://" + addr
	return c, err
}

// answer reads the next line that a server prints. It must begin with the
// expected text.
func (c *child) answer(expected string) (rest string, err error) {
	line, err := c.out.ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("the server ended: %w", err)
	}
	rest, ok := strings.CutPrefix(strings.TrimSpace(line), expected)
	if !ok {
		return "", fmt.Errorf("the server printed %q instead of %q", line, expected)
	}
	return rest, nil
}

// tell sends the server a command and waits until it is done.
func (c *child) tell(command string) error {
	if _, err := fmt.Fprintln(c.in, command); err != nil {
		return fmt.Errorf("tell the server %q: %w", command, err)
	}
	_, err := c.answer("done " + command)
	return err
}

// stop ends a server and waits until it has ended.
func (r *run) stop(c *child) {
	if c.cmd.Process.Signal(syscall.SIGTERM) == nil {
		_ = c.cmd.Wait() // its exit code says nothing about the figures
	}
}

func (r *run) stopAll() {
	for _, c := range r.children {
		r.stop(c)
	}
}

// cpu is the processor time of all threads of the process so far.
func (c *child) cpu() (time.Duration, error) {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", c.pid))
	if err != nil || len(threads) == 0 {
		return 0, fmt.Errorf("processor time of %d: no schedstat (%w)", c.pid, err)
	}
	var sum int64
	for _, path := range threads {
		text, err := os.ReadFile(path)
		if errors.Is(err, os.ErrNotExist) {
			continue // a thread that ended
		}
		if err != nil {
			return 0, fmt.Errorf("processor time: %w", err)
		}
		first, _, _ := strings.Cut(string(text), " ")
		n, err := strconv.ParseInt(first, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("processor time: %w", err)
		}
		sum += n
	}
	return time.Duration(sum), nil
}

// fetch reads one whole answer in gzip, without decompressing it, and the time
// until its first byte.
func fetch(ctx context.Context, url string) (body []byte, first time.Duration, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, 0, fmt.Errorf("make a request: %w", err)
	}
	req.Header.Set("Accept-Encoding", "gzip")
	began := time.Now()
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return nil, 0, fmt.Errorf("fetch %s: %w", url, err)
	}
	defer resp.Body.Close()
	in := bufio.NewReader(resp.Body)
	if _, err := in.Peek(1); err != nil {
		return nil, 0, fmt.Errorf("fetch %s: %w", url, err)
	}
	first = time.Since(began)
	if body, err = io.ReadAll(in); err != nil || resp.StatusCode != http.StatusOK {
		return nil, 0, fmt.Errorf("fetch %s: status %d, %w", url, resp.StatusCode, err)
	}
	return body, first, nil
}
