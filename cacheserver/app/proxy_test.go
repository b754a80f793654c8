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
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/app"
	"github.com/dmwm/wmstats/schema/wire"
)

// bufferingProxy passes an answer on when it has ended.
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

// proxyProgram runs a proxy with a configuration until the test ends; args get
// its file.
func proxyProgram(t *testing.T, program, configuration, listen string, args ...string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		t.Skipf("%s is not installed: no such proxy to test with", program)
	}
	file := filepath.Join(t.TempDir(), program+".conf")
	require.NoError(t, os.WriteFile(file, []byte(configuration), 0o600))
	said, err := os.Create(filepath.Join(t.TempDir(), "said")) // a file: the program goes on writing while it is read
	require.NoError(t, err)
	defer said.Close()
	cmd := exec.CommandContext(t.Context(), path, append(args, file)...)
	cmd.Stdout, cmd.Stderr = said, said
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it has no state
		_ = cmd.Wait()
	})
	if !assert.Eventually(t, func() bool {
		conn, err := net.DialTimeout("tcp", listen, time.Second)
		if err != nil {
			return false
		}
		return conn.Close() == nil
	}, waitFor, 20*time.Millisecond) {
		text, _ := os.ReadFile(said.Name())
		require.Fail(t, program+" does not listen", "%s", text)
	}
	return "http://" + listen
}

// nginx is nginx as it comes, with more lines for its location.
func nginx(t *testing.T, to, more string) string {
	t.Helper()
	dir, listen := t.TempDir(), freePort(t)
	return proxyProgram(t, "nginx", fmt.Sprintf(`daemon off; master_process off; pid %[1]s/pid; error_log stderr;
events {}
http {
  access_log off; client_body_temp_path %[1]s/a; proxy_temp_path %[1]s/b; fastcgi_temp_path %[1]s/c; uwsgi_temp_path %[1]s/d; scgi_temp_path %[1]s/e;
  server { listen %[2]s; location / { proxy_pass %[3]s; %[4]s } }
}
`, dir, listen, to, more), listen, "-p", dir, "-c")
}

func haproxy(t *testing.T, to string) string {
	t.Helper()
	listen := freePort(t)
	target, err := url.Parse(to)
	require.NoError(t, err)
	return proxyProgram(t, "haproxy", fmt.Sprintf(`defaults
  mode http
  timeout connect 5s
  timeout client 1h
  timeout server 1h
  option http-no-delay
frontend in
  bind %s
  default_backend couch
backend couch
  server one %s
`, listen, target.Host), listen, "-db", "-f")
}

// TestBehindAProxy: each write is shown, whatever the proxy does with feeds; one
// that keeps them back is found out and said, one that does not is followed.
func TestBehindAProxy(t *testing.T) {
	for _, c := range []struct {
		name   string
		proxy  func(t *testing.T, to string) string
		polled bool
	}{
		{"that buffers always", bufferingProxy, true},
		{"nginx as it comes", func(t *testing.T, to string) string { return nginx(t, to, "") }, true},
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
