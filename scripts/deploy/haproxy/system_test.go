package haproxy

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	cacheapp "github.com/dmwm/wmstats/cacheserver/app"
	"github.com/dmwm/wmstats/mock/couchfake"
	"github.com/dmwm/wmstats/scripts/freeport"
	uiapp "github.com/dmwm/wmstats/uiserver/app"
)

const (
	requestDB = "reqmgr_workload_cache"
	workflows = 120
	// patience bounds every wait for a condition. It is long, because it only decides
	// how late a failure is reported.
	patience = 2 * time.Minute
)

// system is a stand-in with three cache servers, the balancer and two UI servers.
type system struct {
	couch  *couchfake.Server
	caches []*cache
	api    string // URL of the balancer's port for the cache servers
	users  string // URL of its port for users

	changes atomic.Int64
	mu      sync.Mutex
	stopped map[string]bool // tags of generations of processes that stop or have stopped
}

// cache is a cache server that can be restarted at its address.
type cache struct {
	o    cacheapp.Options
	app  *cacheapp.App
	tag  string // the part of its generations' names that names the process
	addr string
}

func newSystem(t *testing.T, configuration func(string) string) *system {
	t.Helper()
	program, err := exec.LookPath("haproxy")
	if err != nil {
		t.Skip("haproxy is not installed")
	}
	s := &system{couch: couchfake.New(couchfake.Options{BuiltinViews: true}), stopped: map[string]bool{}}
	t.Cleanup(func() { require.NoError(t, s.couch.Close()) })
	require.NoError(t, s.couch.Create(requestDB))
	require.NoError(t, s.couch.Create("wmstats"))
	for i := range workflows {
		s.put(t, i, 0)
	}
	endpoint, err := couchfake.Listen("127.0.0.1:0", s.couch)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, endpoint.Close(waiting(t))) })
	for range 3 {
		s.caches = append(s.caches, startCache(t, endpoint.URL()))
	}

	// The UI servers need the balancer's address, and the balancer theirs.
	sockets, addrs := make([]*os.File, 2), make([]string, 2)
	for i := range sockets {
		sockets[i], addrs[i] = listening(t)
	}
	s.users, s.api = "http://"+addrs[0], "http://"+addrs[1]
	uis := []string{startUI(t, s.api), startUI(t, s.api)}

	text, err := os.ReadFile("../../../deploy/haproxy/haproxy.cfg")
	require.NoError(t, err)
	file := string(text)
	for _, r := range [][2]string{
		{"bind :8080", "bind fd@3"}, {"bind :8082", "bind fd@4"},
		{"192.0.2.21:8080", uis[0]}, {"192.0.2.22:8080", uis[1]},
		{"192.0.2.11:8081", s.caches[0].addr}, {"192.0.2.12:8081", s.caches[1].addr}, {"192.0.2.13:8081", s.caches[2].addr},
	} {
		require.Equal(t, 1, strings.Count(file, r[0]), r[0])
		file = strings.Replace(file, r[0], r[1], 1)
	}
	runHAProxy(t, program, configuration(file), sockets)
	for _, c := range s.caches {
		s.reachable(t, c)
	}
	require.Eventually(t, func() bool {
		a, err := ask(t.Context(), s.users+"/readyz")
		return err == nil && a.status == http.StatusOK
	}, patience, 5*time.Millisecond)
	return s
}

// put writes a workflow with a priority.
func (s *system) put(t *testing.T, i, priority int) {
	name := fmt.Sprintf("workflow_%03d", i)
	assert.NoError(t, s.couch.Put(requestDB, fmt.Appendf(nil, `{"_id":%q,"RequestName":%q,"RequestType":"TaskChain","RequestStatus":"running-open","RequestPriority":%d,
		"RequestTransition":[{"Status":"running-open","UpdateTime":1795000100}]}`, name, name, priority)))
}

// change changes the next workflow, so that a new generation follows.
func (s *system) change(t *testing.T) {
	n := int(s.changes.Add(1))
	s.put(t, n%workflows, n)
}

func startCache(t *testing.T, couch string) *cache {
	t.Helper()
	addr, err := freeport.Addr(t.Context())
	require.NoError(t, err)
	o := cacheapp.Defaults()
	o.Listen, o.CouchURL, o.Checkpoint = addr, couch, filepath.Join(t.TempDir(), "checkpoint")
	o.Memory, o.DrainDelay = 64<<20, 2*time.Second
	o.Log = slog.New(slog.DiscardHandler)
	c := &cache{o: o, addr: addr}
	c.start(t)
	t.Cleanup(func() { c.stop(t) })
	return c
}

// start starts the server and waits until it is ready.
func (c *cache) start(t *testing.T) {
	t.Helper()
	var err error
	c.app, err = cacheapp.New(t.Context(), c.o)
	require.NoError(t, err)
	require.NoError(t, c.app.Start(t.Context()))
	var a answer
	require.Eventually(t, func() bool {
		a, err = ask(t.Context(), "http://"+c.addr+"/fetch?limit=1")
		return err == nil && a.status == http.StatusOK
	}, patience, 5*time.Millisecond)
	c.tag, _, _ = strings.Cut(a.header.Get("X-Generation"), "-")
}

// stop stops it as SIGTERM does.
func (c *cache) stop(t *testing.T) { assert.NoError(t, c.app.Stop(waiting(t))) }

// restart replaces the process of a cache server and waits until the balancer uses
// the new one.
func (s *system) restart(t *testing.T, c *cache, stopping func()) {
	t.Helper()
	s.mu.Lock()
	s.stopped[c.tag] = true
	s.mu.Unlock()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c.stop(t)
	}()
	stopping()
	<-ended
	c.start(t)
	s.reachable(t, c)
}

// reachable waits until the balancer sends requests to a cache server.
func (s *system) reachable(t *testing.T, c *cache) {
	t.Helper()
	require.Eventually(t, func() bool {
		a, err := ask(t.Context(), s.api+"/fetch?limit=1")
		return err == nil && strings.HasPrefix(a.header.Get("X-Generation"), c.tag+"-")
	}, patience, 5*time.Millisecond)
}

func startUI(t *testing.T, caches string) string {
	t.Helper()
	o, err := uiapp.ParseOptions([]string{"--listen", "127.0.0.1:0", "--cache-url", caches, "--log-level", "error"}, func(string) string { return "" }, io.Discard)
	require.NoError(t, err)
	o.Log = slog.New(slog.DiscardHandler)
	app, err := uiapp.New(o)
	require.NoError(t, err)
	require.NoError(t, app.Start(t.Context()))
	t.Cleanup(func() { assert.NoError(t, app.Stop(waiting(t))) })
	return app.Addr()
}

// listening is an open port, passed to a program at its start: a port that is merely
// free might be taken meanwhile.
func listening(t *testing.T) (socket *os.File, addr string) {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	tcp, ok := l.(*net.TCPListener)
	require.True(t, ok)
	socket, err = tcp.File()
	require.NoError(t, err)
	t.Cleanup(func() { _ = socket.Close() })
	return socket, l.Addr().String()
}

func runHAProxy(t *testing.T, program, configuration string, sockets []*os.File) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "haproxy.cfg")
	require.NoError(t, os.WriteFile(file, []byte(configuration), 0o600))
	log, err := os.Create(filepath.Join(t.TempDir(), "log")) // a file: it is written while it is read
	require.NoError(t, err)
	defer log.Close()
	cmd := exec.CommandContext(t.Context(), program, "-db", "-f", file)
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = log, log, sockets
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = patience
	require.NoError(t, cmd.Start())
	for _, socket := range sockets {
		require.NoError(t, socket.Close())
	}
	t.Cleanup(func() {
		_ = cmd.Wait() // the test's context has ended, and with it HAProxy
		if text, _ := os.ReadFile(log.Name()); t.Failed() {
			t.Logf("haproxy wrote: %s", text)
		}
	})
}

// waiting returns a context that outlives the test's.
func waiting(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
	t.Cleanup(cancel)
	http.DefaultClient.CloseIdleConnections() // servers wait for open connections
	return ctx
}
