package e2e

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/mock/gen"
	"github.com/dmwm/wmstats/schema/wire"
)

// program is a server as a separate process, which gets real signals.
type program struct {
	t    *testing.T
	cmd  *exec.Cmd
	addr string
	log  *safeLog
	done chan struct{} // closed when the process has ended
}

type safeLog struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *safeLog) add(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.WriteString(line + "\n")
}

func (l *safeLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// programs has the paths of both built servers.
type programs struct{ cache, ui string }

func buildPrograms(t *testing.T) programs {
	t.Helper()
	if testing.Short() {
		t.Skip("processes")
	}
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", dir, "github.com/dmwm/wmstats/cacheserver/cmd/cacheserver", "github.com/dmwm/wmstats/uiserver/cmd/uiserver")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	return programs{filepath.Join(dir, "cacheserver"), filepath.Join(dir, "uiserver")}
}

var servingAt = regexp.MustCompile(`msg=serving (?:addr=|url=http://)(\S+)`)

func startProgram(t *testing.T, bin string, args ...string) *program {
	t.Helper()
	p := &program{t: t, cmd: exec.CommandContext(context.WithoutCancel(t.Context()), bin, append([]string{"--listen", "127.0.0.1:0"}, args...)...), log: &safeLog{}, done: make(chan struct{})}
	errors, err := p.cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, p.cmd.Start())
	address := make(chan string, 1)
	go func() {
		defer close(p.done)
		for scan := bufio.NewScanner(errors); scan.Scan(); {
			p.log.add(scan.Text())
			if m := servingAt.FindStringSubmatch(scan.Text()); m != nil {
				address <- m[1]
			}
		}
		_ = p.cmd.Wait() // ended checks the state
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill() // most have ended: errors are ignored
		<-p.done
	})
	select {
	case p.addr = <-address:
	case <-p.done:
		require.Fail(t, "it ended", p.log.String())
	}
	waitStatus(t, "http://"+p.addr+"/readyz", http.StatusOK)
	return p
}

func (p *program) signal(s os.Signal) {
	p.t.Helper()
	require.NoError(p.t, p.cmd.Process.Signal(s))
}

// ended waits for the end, which has to come long before any timeout.
func (p *program) ended() *os.ProcessState {
	p.t.Helper()
	select {
	case <-p.done:
		return p.cmd.ProcessState
	case <-time.After(patience):
		require.Fail(p.t, "the process did not end", p.log.String())
		return nil
	}
}

// says waits for a line in the log.
func (p *program) says(text string) {
	p.t.Helper()
	require.Eventually(p.t, func() bool { return strings.Contains(p.log.String(), text) }, patience, 5*time.Millisecond, p.log)
}

// connection is a connection that stays open.
type connection struct {
	net.Conn
	r *bufio.Reader
}

func (p *program) connect() *connection {
	p.t.Helper()
	c, err := net.Dial("tcp", p.addr)
	require.NoError(p.t, err)
	p.t.Cleanup(func() { _ = c.Close() })
	return &connection{c, bufio.NewReader(c)}
}

func (c *connection) send(path string) error {
	_, err := fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", path, c.RemoteAddr())
	return err
}

func (c *connection) answer() (*http.Response, error) {
	res, err := http.ReadResponse(c.r, nil)
	if err != nil {
		return nil, err
	}
	_, err = io.Copy(io.Discard, res.Body)
	return res, err
}

// start runs both servers as processes on a stand-in. Their drain takes ten minutes
// unless something shortens it.
func (b programs) start(t *testing.T, cacheArgs, uiArgs []string) (cache, ui *program) {
	t.Helper()
	s := newCouch(t, gen.Options{Seed: 3, Workflows: 600, Lean: true, NoEdges: true})
	cache = startProgram(t, b.cache, append([]string{"--couch-url", s.endpoint.URL(), "--drain", "10m"}, cacheArgs...)...)
	ui = startProgram(t, b.ui, append([]string{"--cache-url", "http://" + cache.addr, "--drain", "10m"}, uiArgs...)...)
	return cache, ui
}

// The effects of signals on both servers.
func TestSignals(t *testing.T) {
	b := buildPrograms(t)
	t.Run("SIGTERM takes nobody's answer", b.endWithoutLoss)
	t.Run("SIGTERM ends streams", b.endStreams)
	t.Run("SIGHUP reads files again", b.readAgain)
	t.Run("a second signal ends at once", b.endAtOnce)
}

// Twenty clients of each server have an open connection when the server is told to
// stop. All get their next answer, which announces that the connection closes.
func (b programs) endWithoutLoss(t *testing.T) {
	for name, args := range map[string][]string{"at once": nil, "with a delay": {"--drain-delay", "3s"}} {
		t.Run(name, func(t *testing.T) {
			cache, ui := b.start(t, args, args)
			for _, c := range []struct {
				p    *program
				path string
			}{{ui, "/workflows"}, {cache, "/fetch"}} {
				var clients []*connection
				for range 20 {
					client := c.p.connect()
					require.NoError(t, client.send(c.path))
					res, err := client.answer()
					require.NoError(t, err)
					require.False(t, res.Close)
					clients = append(clients, client)
				}
				c.p.signal(syscall.SIGTERM)
				c.p.says("msg=stopping")
				// All send their requests in the seconds during which connections stay
				// open, even if the answers take longer.
				for _, client := range clients {
					require.NoError(t, client.send(c.path))
				}
				for _, client := range clients {
					res, err := client.answer()
					require.NoError(t, err, "%s: every client gets an answer", c.path)
					assert.Equal(t, http.StatusOK, res.StatusCode)
					assert.True(t, res.Close, "Connection: close")
				}
				assert.True(t, c.p.ended().Success(), c.p.log)
			}
		})
	}
}

// Streams end with a last event, long polls with an answer, and neither delays the
// stop.
func (b programs) endStreams(t *testing.T) {
	cache, ui := b.start(t, nil, nil)
	for _, c := range []struct {
		p      *program
		prefix string
	}{{ui, "/api"}, {cache, ""}} {
		gen := get(t, "http://"+cache.addr+"/pulse").header.Get("X-Generation")
		events := c.p.connect()
		require.NoError(t, events.send(c.prefix+"/changes?feed=sse&since="+gen))
		stream, err := http.ReadResponse(events.r, nil)
		require.NoError(t, err)
		require.Equal(t, "text/event-stream", stream.Header.Get("Content-Type"))
		poll := c.p.connect()
		require.NoError(t, poll.send(c.prefix+"/changes?feed=longpoll&timeout=5m&since="+gen))
		require.Eventually(t, func() bool {
			return strings.Contains(string(get(t, "http://"+cache.addr+"/metrics").body), "\nwmstats_feeds 2\n")
		}, patience, 5*time.Millisecond)

		c.p.signal(syscall.SIGTERM)
		text, err := io.ReadAll(stream.Body)
		require.NoError(t, err, "the stream ends without an error")
		assert.True(t, strings.HasSuffix(string(text), "\n\n"+wire.LastEvent), "%q", text)
		res, err := poll.answer()
		require.NoError(t, err)
		assert.Equal(t, http.StatusOK, res.StatusCode)
		assert.True(t, c.p.ended().Success(), c.p.log)
	}
}

// SIGHUP reads files again, and ends nothing.
func (b programs) readAgain(t *testing.T) {
	tokens := filepath.Join(t.TempDir(), "tokens")
	require.NoError(t, os.WriteFile(tokens, nil, 0o600))
	s := newCouch(t, gen.Options{Seed: 3, Workflows: 10, Lean: true, NoEdges: true})
	cache := startProgram(t, b.cache, "--couch-url", s.endpoint.URL(), "--token-file", tokens)
	free := startProgram(t, b.cache, "--couch-url", s.endpoint.URL())
	ui := startProgram(t, b.ui, "--cache-url", "http://"+free.addr, "--token-file", tokens)
	for _, p := range []*program{cache, ui} {
		p.signal(syscall.SIGHUP)
		p.says("reading files again (SIGHUP)")
		assert.Equal(t, http.StatusUnauthorized, get(t, "http://"+p.addr+"/version", "Authorization", "Bearer new").status)
	}
	// sha256 of "new"
	require.NoError(t, os.WriteFile(tokens, []byte("me:sha256:11507a0e2f5e69d5dfa40a62a1bd7b6ee57e6bcd85c67c9b8431b36fff21c437\n"), 0o600))
	for _, p := range []*program{cache, ui} {
		p.signal(syscall.SIGHUP)
		p.says("read the changed credentials file")
		assert.Equal(t, http.StatusOK, get(t, "http://"+p.addr+"/version", "Authorization", "Bearer new").status)
		p.signal(syscall.SIGTERM)
		assert.True(t, p.ended().Success(), p.log)
	}
}

// A client that reads nothing would delay the stop; a second signal ends the server.
func (b programs) endAtOnce(t *testing.T) {
	patient := []string{"--write-timeout", "10m"}
	cache, ui := b.start(t, patient, patient)
	for _, c := range []struct {
		p    *program
		path string
	}{{ui, "/api/fetch?limit=all"}, {cache, "/fetch?limit=all"}} {
		stalled := c.p.connect()
		require.NoError(t, stalled.send(c.path))
		_, err := stalled.r.Peek(1)
		require.NoError(t, err)
		c.p.signal(syscall.SIGTERM)
		c.p.says("msg=stopping")
		c.p.signal(syscall.SIGTERM)
		assert.False(t, c.p.ended().Success())
	}
}

// Both servers disconnect clients that read nothing, and release their resources.
func TestClientsThatReadNothingAreCut(t *testing.T) {
	impatient := []string{"--write-timeout", "100ms"}
	cache, ui := buildPrograms(t).start(t, append(impatient, "--streams-per-client", "100"), impatient)
	for _, c := range []struct {
		p     *program
		paths []string
	}{{ui, []string{"/api/fetch?limit=all", "/api/fetch?limit=1000&format=csv"}}, {cache, []string{"/fetch?limit=all", "/fetch?limit=1000"}}} {
		for _, path := range c.paths {
			var stalled []*connection
			for range 10 {
				s := c.p.connect()
				require.NoError(t, s.Conn.(*net.TCPConn).SetReadBuffer(1<<10))
				require.NoError(t, s.send(path))
				stalled = append(stalled, s)
			}
			for _, s := range stalled {
				// The cut is noticed without reading: writing returns a reset.
				require.Eventually(t, func() bool {
					_, err := s.Write([]byte("\r\n"))
					return err != nil
				}, patience, 5*time.Millisecond, "%s is cut", path)
			}
			// On a busy machine this client may also be too slow: wait.
			waitStatus(t, "http://"+c.p.addr+path, http.StatusOK)
		}
	}
}
