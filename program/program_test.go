package program_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/program"
	"github.com/dmwm/wmstats/program/settings"
)

// All parts stop in reverse order, even if one fails.
func TestPartsStopInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var order []string
		parts := program.NewParts()
		step := func(name string, err error) {
			parts.OnStop(name, func(context.Context) error { order = append(order, name); return err })
		}
		step("first", nil)
		ctx, cancel := context.WithCancel(t.Context())
		parts.Background(ctx, "part", "do its part", func(ctx context.Context) error {
			<-ctx.Done()
			order = append(order, "part")
			return ctx.Err()
		})
		step("broken", errors.New("it broke"))
		step("last", nil)
		cancel() // the part continues until its turn
		synctest.Wait()
		assert.Empty(t, order)
		err := parts.Stop(t.Context())
		assert.EqualError(t, err, "stop broken: it broke")
		assert.Equal(t, []string{"last", "broken", "part", "first"}, order)
		assert.Equal(t, err, parts.Stop(t.Context()), "again")
		assert.Len(t, order, 4)
		assert.Empty(t, parts.Failed(), "to be told to end is no failure")
	})
}

// A part that does not end is abandoned, and the others are stopped.
func TestAPartThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stopped, end := false, make(chan struct{})
		parts := program.NewParts()
		parts.OnStop("first", func(context.Context) error { stopped = true; return nil })
		parts.Background(t.Context(), "part", "hang", func(context.Context) error { <-end; return nil })
		ctx, cancel := context.WithTimeout(t.Context(), 1)
		defer cancel()
		assert.EqualError(t, parts.Stop(ctx), "stop part: did not end in time")
		assert.True(t, stopped)
		close(end)
	})
}

// The first failed part is the reason; further failures do not block.
func TestFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		parts := program.NewParts()
		parts.Background(t.Context(), "part", "do its part", func(context.Context) error { return io.EOF })
		synctest.Wait()
		for range 20 {
			parts.Background(t.Context(), "part", "do another", func(context.Context) error { return io.EOF })
			parts.Go(func() error { return io.EOF })
		}
		parts.Go(func() error { return nil })
		synctest.Wait()
		require.NoError(t, parts.Stop(t.Context()))
		err := <-parts.Failed()
		assert.EqualError(t, err, "do its part: EOF")
		assert.ErrorIs(t, err, io.EOF)
	})
}

// served is a minimal server.
type served struct {
	*program.Server

	reloaded chan struct{}
	err      error // of Start
}

func (s *served) Start(ctx context.Context) error {
	if s.err != nil {
		return s.err
	}
	if err := s.Listen(ctx); err != nil {
		return err
	}
	s.Serve()
	return nil
}

func (s *served) Reload() { s.reloaded <- struct{}{} }

func serve(t *testing.T, o program.Options) *served {
	t.Helper()
	server, err := program.New(o)
	require.NoError(t, err)
	s := &served{Server: server, reloaded: make(chan struct{})}
	handle := o.Serving()
	handle.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "answered") })
	require.NoError(t, s.Handle(handle))
	assert.Empty(t, s.Addr())
	return s
}

func options(log io.Writer) program.Options {
	o := program.Defaults("127.0.0.1:0")
	o.LogTo = log
	return o
}

// A whole run: a signal to re-read files, the end of the context, a closed port.
func TestRun(t *testing.T) {
	var log bytes.Buffer
	o := options(&log)
	hangups := make(chan os.Signal)
	o.Hangups = hangups
	s := serve(t, o)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- program.Run(ctx, o, s.Log, s) }()
	hangups <- syscall.SIGHUP // it has started
	<-s.reloaded
	resp, err := http.Get("http://" + s.Addr())
	require.NoError(t, err)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	assert.Equal(t, "answered", string(body))
	http.DefaultClient.CloseIdleConnections()
	cancel()
	require.NoError(t, <-ended)
	_, err = net.Dial("tcp", s.Addr())
	require.Error(t, err)
	for _, line := range []string{`msg="reading files again (SIGHUP)"`, `msg=stopping drain=10s`} {
		assert.Contains(t, log.String(), line)
	}
}

func TestRunEndsWhenAPartFails(t *testing.T) {
	var log bytes.Buffer
	s := serve(t, options(&log))
	s.Go(func() error { return io.EOF })
	assert.ErrorIs(t, program.Run(t.Context(), options(&log), s.Log, s), io.EOF)
	assert.Contains(t, log.String(), `level=ERROR msg="stopping after a failure" err=EOF`)
}

// If a start fails, everything it opened is closed. Being stopped during the start is
// not a failure.
func TestRunWithoutAStart(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := serve(t, options(io.Discard))
	s.err = errors.New("no source")
	stopped := false
	s.OnStop("part", func(context.Context) error { stopped = true; return nil })
	assert.EqualError(t, program.Run(ctx, options(io.Discard), s.Log, s), "no source")
	assert.True(t, stopped)
	cancel()
	s = serve(t, options(io.Discard))
	assert.NoError(t, program.Run(ctx, options(io.Discard), s.Log, s))
}

func TestPortInUse(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	o := options(io.Discard)
	o.Listen = taken.Addr().String()
	s := serve(t, o)
	assert.EqualError(t, program.Run(t.Context(), o, s.Log, s), "address "+o.Listen+" is in use by another program: choose another with --listen")
}

// A port that was opened but never served is closed.
func TestStopWithoutServing(t *testing.T) {
	s := serve(t, options(io.Discard))
	require.NoError(t, s.Listen(t.Context()))
	require.NoError(t, s.Stop(t.Context()))
	_, err := net.Dial("tcp", s.Addr())
	assert.Error(t, err)
}

func TestStrangersAreLogged(t *testing.T) {
	for _, insecure := range []bool{true, false} {
		var log bytes.Buffer
		o := options(&log)
		if insecure {
			o.Listen = "0.0.0.0:0"
		}
		s := serve(t, o)
		require.NoError(t, s.Listen(t.Context()))
		require.NoError(t, s.Stop(t.Context()))
		assert.Equal(t, insecure, strings.Contains(log.String(), "without authentication on a non-loopback address (--insecure)"))
	}
}

func TestOptions(t *testing.T) {
	parse := func(env map[string]string, args ...string) (program.Options, error) {
		o := program.Defaults("127.0.0.1:80")
		table := settings.New("server", "X_")
		o.Add(table)
		_, err := table.Parse(args, func(name string) string { return env[name] }, io.Discard)
		var f settings.Faults
		o.Validate(&f)
		return o, errors.Join(err, f.Err())
	}
	o, err := parse(map[string]string{"X_LOG_LEVEL": "warn", "WMSTATS_LOG_FORMAT": "json"}, "--insecure", "--listen", ":80", "--rate-limit", "2.5")
	require.NoError(t, err)
	want := program.Defaults(":80")
	want.LogLevel, want.LogFormat, want.Insecure, want.Access.Rate = "warn", "json", true, 2.5
	assert.Equal(t, want, o)
	for _, listen := range []string{"0.0.0.0:80", ":80", "[::]:80", "192.0.2.1:80", "example.org:80"} {
		_, err = parse(nil, "--listen", listen)
		assert.ErrorContains(t, err, "--insecure", listen)
		_, err = parse(nil, "--listen", listen, "--token-file", "x")
		assert.NoError(t, err, listen)
		_, err = parse(nil, "--listen", listen, "-healthcheck", "--log-level", "loud")
		assert.NoError(t, err, "a health check needs nothing but the address")
	}
	_, err = parse(nil, "--listen", "h:x", "--drain=-1s", "--drain-delay=-1s", "--write-timeout=0s", "--log-level=loud", "--log-format=xml",
		"--trusted-peers=here", "--identity-header=X Y", "--hosts=http://x", "--rate-limit=-1", "--rate-burst=0")
	for _, part := range []string{"--listen", "--drain ", "--drain-delay", "--write-timeout", "--log-level", "--log-format", "--trusted-peers", "--identity-header", "--hosts", "--rate-limit", "--rate-burst"} {
		assert.ErrorContains(t, err, part)
	}
	_, err = parse(nil, "--identity-header", "X-Remote-User")
	assert.ErrorContains(t, err, "needs --trusted-peers")
}

func TestLogger(t *testing.T) {
	var out bytes.Buffer
	o := options(&out)
	o.LogFormat, o.LogLevel = "json", "warn"
	log := o.Logger()
	log.Info("not this")
	log.Warn("this")
	assert.Contains(t, out.String(), `"msg":"this"`)
	assert.NotContains(t, out.String(), "not this")
	o.Log = log
	assert.Same(t, log, o.Logger())
}

// A command line that does not ask for a server starts none.
func TestDispatch(t *testing.T) {
	started := 0
	var args []string
	dispatch := func(line ...string) (out, say string, err error) {
		var stdout, stderr bytes.Buffer
		err = program.Dispatch(t.Context(), "server", program.Call{Args: line, Stdout: &stdout, Out: &stderr}, func(_ context.Context, c program.Call) error {
			started++
			args = c.Args
			return nil
		})
		return stdout.String(), stderr.String(), err
	}
	for _, line := range [][]string{{"token", "-h"}, {"help", "token"}} {
		out, _, err := dispatch(line...)
		assert.Equal(t, flag.ErrHelp, err)
		assert.Contains(t, out, "Usage: server token NAME")
	}
	out, say, err := dispatch("token", "alice")
	assert.NoError(t, err)
	assert.Contains(t, out, "alice:sha256:")
	assert.Contains(t, say, "token for alice")
	_, _, err = dispatch("token")
	assert.ErrorContains(t, err, "want one name")
	assert.Zero(t, started)
	_, _, err = dispatch("help")
	assert.NoError(t, err)
	assert.Equal(t, []string{"-h"}, args)
	_, _, err = dispatch("--listen", "x")
	assert.NoError(t, err)
	assert.Equal(t, []string{"--listen", "x"}, args)
}

// The health check of both servers checks liveness.
func TestHealthCheckAsksForLife(t *testing.T) {
	o := options(io.Discard)
	server, err := program.New(o)
	require.NoError(t, err)
	handle := o.Serving()
	handle.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/livez" {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	require.NoError(t, server.Handle(handle))
	require.NoError(t, server.Listen(t.Context()))
	server.Serve()
	o.Listen = server.Addr()
	assert.NoError(t, o.HealthCheckNow(t.Context()))
	o.HealthURL = "http://" + server.Addr() + "/wmstats/readyz"
	assert.ErrorContains(t, o.HealthCheckNow(t.Context()), o.HealthURL+" answered 503")
	o.HealthURL = ""
	require.NoError(t, server.Stop(t.Context()))
	assert.Error(t, o.HealthCheckNow(t.Context()))
}

// The base path is checked, and kept without a slash at its end.
func TestBasePath(t *testing.T) {
	for path, want := range map[string]string{"": "", "/": "", "/wmstats/": "/wmstats", "/a/b": "/a/b", "/wmstatsserver2": "/wmstatsserver2"} {
		o, faults := options(io.Discard), settings.Faults{}
		o.BasePath = path
		o.Validate(&faults)
		o.Reserve(&faults, "/wmstatsserver")
		assert.NoError(t, faults.Err(), path)
		assert.Equal(t, want, o.BasePath, path)
	}
	for path, want := range map[string]string{
		"wmstats": `--base-path "wmstats": want a path that begins with a slash`, "/a/../b": "each part of the path", "/livez": "meaning of its own",
		"/wmstatsserver": "belongs to the REST API of the old server", "/wmstatsserver/data/": "belongs to the REST API of the old server",
	} {
		o, faults := options(io.Discard), settings.Faults{}
		o.BasePath = path
		o.Validate(&faults)
		o.Reserve(&faults, "/wmstatsserver")
		assert.ErrorContains(t, faults.Err(), want, path)
	}
	for address, ok := range map[string]bool{"": true, "http://x:1/wmstats/readyz": true, "https://x": true, "x:1": false, "/readyz": false, "http://a:b@x": false, "ftp://x": false} {
		o, faults := options(io.Discard), settings.Faults{}
		o.HealthCheck, o.HealthURL = true, address
		o.Validate(&faults)
		assert.Equal(t, ok, faults.Err() == nil, "%s: %v", address, faults.Err())
	}
}
