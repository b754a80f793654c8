package app_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/app"
	"github.com/dmwm/wmstats/schema/wire"
)

// bufferingProxy forwards an answer when it is complete.
func bufferingProxy(t *testing.T, to string) string {
	t.Helper()
	target, err := url.Parse(to)
	require.NoError(t, err)
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.ErrorHandler = func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }
	proxy.ModifyResponse = func(r *http.Response) error {
		all, err := io.ReadAll(r.Body)
		if err != nil {
			return err
		}
		r.Body = io.NopCloser(bytes.NewReader(all))
		return nil
	}
	server := httptest.NewServer(proxy)
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return server.URL
}

// listening is an open port of this machine, passed to a program at its start:
// a port that was merely free might be taken by another program meanwhile.
func listening(t *testing.T) (socket *os.File, addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	tcp, ok := l.(*net.TCPListener)
	require.True(t, ok)
	socket, err = tcp.File()
	require.NoError(t, err)
	t.Cleanup(func() { _ = socket.Close() })
	return socket, l.Addr().String()
}

// proxyProgram runs a proxy with a configuration until the test ends; args
// receives the name of its file. The socket is file 3.
func proxyProgram(t *testing.T, program, configuration string, socket *os.File, args ...string) {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		t.Skipf("%s is not installed: no such proxy to test with", program)
	}
	file := filepath.Join(t.TempDir(), program+".conf")
	require.NoError(t, os.WriteFile(file, []byte(configuration), 0o600))
	said, err := os.Create(filepath.Join(t.TempDir(), "said")) // a file: the program continues to write while it is read
	require.NoError(t, err)
	defer said.Close()
	cmd := exec.CommandContext(t.Context(), path, append(args, file)...)
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = said, said, []*os.File{socket}
	cmd.Env = append(os.Environ(), "NGINX=3;")                               // passes the socket to nginx
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) } // a separate process group is ended by it
	cmd.WaitDelay = waitFor
	require.NoError(t, cmd.Start())
	require.NoError(t, socket.Close())   // a program that ends closes the port
	t.Cleanup(func() { _ = cmd.Wait() }) // the test's context has ended
	t.Cleanup(func() {
		if text, _ := os.ReadFile(said.Name()); t.Failed() {
			t.Logf("%s printed: %s", program, text)
		}
	})
}

// nginx is nginx with default settings and more lines for its location.
func nginx(t *testing.T, to, more string) string {
	t.Helper()
	dir := t.TempDir()
	socket, listen := listening(t)
	proxyProgram(t, "nginx", fmt.Sprintf(`daemon off; user root; pid %[1]s/pid; error_log stderr;
events {}
http {
  access_log off; client_body_temp_path %[1]s/a; proxy_temp_path %[1]s/b; fastcgi_temp_path %[1]s/c; uwsgi_temp_path %[1]s/d; scgi_temp_path %[1]s/e;
  server { listen %[2]s; location / { proxy_pass %[3]s; %[4]s } }
}
`, dir, listen, to, more), socket, "-p", dir, "-c")
	return "http://" + listen
}

func haproxy(t *testing.T, to string) string {
	t.Helper()
	socket, listen := listening(t)
	target, err := url.Parse(to)
	require.NoError(t, err)
	proxyProgram(t, "haproxy", fmt.Sprintf(`defaults
  mode http
  timeout connect 5s
  timeout client 1h
  timeout server 1h
  option http-no-delay
frontend in
  bind fd@3
  default_backend couch
backend couch
  server one %s
`, target.Host), socket, "-db", "-f")
	return "http://" + listen
}

// TestBehindAProxy: each write is shown, whatever the proxy does with feeds; a
// proxy that buffers is detected and reported, one that does not is followed.
func TestBehindAProxy(t *testing.T) {
	for _, c := range []struct {
		name   string
		proxy  func(t *testing.T, to string) string
		polled bool
	}{
		{"that buffers always", bufferingProxy, true},
		{"nginx with default settings", func(t *testing.T, to string) string { return nginx(t, to, "") }, true},
		{"nginx without buffers", func(t *testing.T, to string) string { return nginx(t, to, "proxy_buffering off;") }, false},
		{"haproxy", haproxy, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			fake, direct := couch(t)
			put(t, fake, "reqmgr_workload_cache", request("a", "running-open", 0))
			put(t, fake, "wmstats", agentRequest("a", 1))
			var log logBuffer
			o := options(t, c.proxy(t, direct), &log)
			o.Patience = app.Patience{
				Heartbeat: 200 * time.Millisecond, ReadIdle: 10 * time.Second, MinWait: 10 * time.Millisecond, MaxWait: 100 * time.Millisecond,
				LookEvery: 300 * time.Millisecond, FeedRetry: time.Hour,
			}
			a := start(t, o)
			ready(t, a.Addr())
			polled := func() (names []string) {
				_, body := get(t, a.Addr(), "/about")
				var about wire.About
				require.NoError(t, json.Unmarshal([]byte(body), &about), body)
				for _, p := range about.Polled {
					names = append(names, p.Database)
				}
				return names
			}
			for i := range 4 {
				put(t, fake, "reqmgr_workload_cache", request("a", "running-open", 100+i))
				put(t, fake, "wmstats", agentRequest("a", 200+i))
				require.Eventually(t, func() bool {
					w, ok := workflow(t, a.Addr(), "a")
					return ok && w.Priority == int64(100+i) && w.Success == int64(200+i)
				}, waitFor, 10*time.Millisecond, "write %d", i)
			}
			if !c.polled {
				assert.Empty(t, polled())
				return
			}
			require.Eventually(t, func() bool { return len(polled()) == 2 }, waitFor, 50*time.Millisecond)
			_, metrics := get(t, a.Addr(), "/metrics")
			assert.Contains(t, metrics, `wmstats_follower_polling{db="wmstats"} 1`)
			_, verbose := get(t, a.Addr(), "/readyz?verbose")
			assert.Contains(t, verbose, "polling wmstats")
			assert.Contains(t, log.String(), "Does a proxy buffer?")
			put(t, fake, "wmstats", agentRequest("a", 999))
			require.Eventually(t, func() bool { w, _ := workflow(t, a.Addr(), "a"); return w.Success == 999 }, waitFor, 10*time.Millisecond)
		})
	}
}
