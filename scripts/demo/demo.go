// Package demo starts the whole system as separate processes on loopback, as
// `make run` does: a CouchDB stand-in with live mock data (or a CouchDB of the
// user's), the cache server and the UI server. It waits until they are ready
// and stops them together. It is for trying and for tests, not for production.
package demo

import (
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/dmwm/wmstats/program/settings"
	"github.com/dmwm/wmstats/scripts/cluster"
)

// alerts are rules that match some of the mock data, for --alerts.
//
//go:embed alerts.yml
var alerts string

// Options say what to start and where. Addresses are host:port on loopback.
type Options struct {
	Bin       string // folder of the programs
	UIAddr    string
	CacheAddr string
	CouchAddr string // where the stand-in listens; unused with CouchURL
	CouchURL  string // a real CouchDB instead of the stand-in; may hold user:password
	Workflows int    // size of the mock data
	Seed      int64
	Live      float64 // documents of the mock data that change each second; 0: none
	Replicas  bool    // three cache servers that answer as one, behind a balancer
	Out       io.Writer
	ReadyWait time.Duration // maximum time until a program is ready; 0: two minutes
	// AgainAfter is when a process of Replicas that has ended is started again: until
	// then one sees what it is like without it.
	AgainAfter time.Duration
}

// Defaults are the options without flags and environment.
func Defaults() Options {
	return Options{
		Bin: "bin", UIAddr: "127.0.0.1:8080", CacheAddr: "127.0.0.1:8081", CouchAddr: "127.0.0.1:5984",
		Workflows: 20_000, Seed: 1, Live: 20, ReadyWait: 2 * time.Minute, AgainAfter: 20 * time.Second,
	}
}

// Settings is the table of the options.
func (o *Options) Settings() *settings.Table {
	t := settings.New("demo", "")
	t.Describe("demo starts the whole system on loopback until Ctrl-C: a CouchDB stand-in with mock data that change, the cache server and the UI server. It is what \"make run\" starts.")
	t.Text("bin", &o.Bin, "`FOLDER` of the programs")
	t.Text("ui-addr", &o.UIAddr, "address of the UI server, `HOST:PORT`")
	t.Text("cache-addr", &o.CacheAddr, "address of the cache server, `HOST:PORT`")
	t.Text("couch-addr", &o.CouchAddr, "address of the CouchDB stand-in, `HOST:PORT`")
	t.Text("couch-url", &o.CouchURL, "`URL` of a CouchDB to use instead of the stand-in; set it in the environment if it has a user and a password")
	t.Int("workflows", &o.Workflows, "workflows in the mock data")
	t.Int64("seed", &o.Seed, "seed of the mock data")
	t.Float("live", &o.Live, "`RATE` of changes in the mock data, in documents per second; 0 changes nothing")
	t.Bool("replicas", &o.Replicas, "start three cache servers that answer as one, a NATS server, two UI servers, and a balancer at --ui-addr and --cache-addr; what ends is started again after 20 seconds. It is what \"make run-ha\" starts")
	return t
}

// ParseOptions reads flags and environment. help gets what -h, --version and
// --print-config print; the error is then flag.ErrHelp.
func ParseOptions(args []string, getenv func(string) string, out, help io.Writer) (Options, error) {
	o := Defaults()
	o.Out = out
	_, err := o.Settings().Parse(args, getenv, help)
	if errors.Is(err, flag.ErrHelp) {
		return o, err
	}
	var f settings.Faults
	settings.NotNegative(&f, "workflows", o.Workflows)
	settings.NotNegative(&f, "live", o.Live)
	if o.CouchURL != "" && o.Replicas {
		f.Add("--replicas works with the mock data only, without --couch-url and COUCH_URL")
	}
	if o.CouchURL != "" {
		if u, perr := url.Parse(o.CouchURL); perr != nil || u.Host == "" {
			f.Add("--couch-url or COUCH_URL: want http://[user:password@]host:port")
		}
	}
	return o, errors.Join(err, f.Err())
}

// Run starts everything, reports when it is ready, and stops everything when
// ctx ends or when one of the programs exits.
func Run(ctx context.Context, o Options) error {
	if err := o.portsFree(); err != nil {
		return err
	}
	if o.Replicas {
		return o.runReplicas(ctx)
	}
	ctx, cancel := context.WithCancel(ctx)
	group := &group{out: o.Out, ended: make(chan error, 3)}
	err := o.start(ctx, group)
	if err == nil {
		select {
		case <-ctx.Done():
			fmt.Fprintln(o.Out, "\nstopping")
		case err = <-group.ended:
		}
	}
	cancel()
	group.stopAll()
	return err
}

func (o Options) start(ctx context.Context, g *group) error {
	began := time.Now()
	cacheArgs, err := o.cacheArgs(g)
	if err != nil {
		return err
	}
	if o.CouchURL == "" {
		if err := g.launch(o.program("mock"), "couch", "--listen", o.CouchAddr,
			"--workflows", strconv.Itoa(o.Workflows), "--seed", strconv.FormatInt(o.Seed, 10), "--scenarios",
			"--live", strconv.FormatFloat(o.Live, 'g', -1, 64)); err != nil {
			return err
		}
		if err := o.wait(ctx, g, "mock couch", "http://"+o.CouchAddr+"/_up"); err != nil {
			return err
		}
	}
	if err := g.launch(o.program("cacheserver"), cacheArgs...); err != nil {
		return err
	}
	if err := g.launch(o.program("uiserver"), "--listen", o.UIAddr, "--cache-url", "http://"+o.CacheAddr, "--log-level", "warn"); err != nil {
		return err
	}
	if err := o.wait(ctx, g, "cacheserver", "http://"+o.CacheAddr+"/readyz"); err != nil {
		return err
	}
	if err := o.wait(ctx, g, "uiserver", "http://"+o.UIAddr+"/readyz"); err != nil {
		return err
	}
	fmt.Fprintf(o.Out, "\nready after %s\n  dashboard  http://%s\n  API        http://%s/fetch?limit=10\n  old API    http://%s/wmstatsserver/data/filtered_requests?mask=RequestStatus\n  Ctrl-C stops everything\n\n",
		time.Since(began).Round(100*time.Millisecond), o.UIAddr, o.CacheAddr, o.UIAddr)
	return nil
}

// cacheArgs passes the password of CouchURL in a file that only this user can
// read, because others can see arguments and environment.
func (o Options) cacheArgs(g *group) ([]string, error) {
	args := []string{"--listen", o.CacheAddr}
	if o.CouchURL == "" {
		rules, err := g.file("wmstats-alerts-*", alerts)
		if err != nil {
			return nil, fmt.Errorf("pass the rules of alerts: %w", err)
		}
		return append(args, "--couch-url", "http://"+o.CouchAddr, "--alerts", rules), nil
	}
	u, err := url.Parse(o.CouchURL)
	if err != nil {
		return nil, errors.New("COUCH_URL: want http://[user:password@]host:port")
	}
	if u.User != nil {
		password, _ := u.User.Password()
		file, err := g.file("wmstats-couch-password-*", password)
		if err != nil {
			return nil, fmt.Errorf("pass the password: %w", err)
		}
		args = append(args, "--couch-user", u.User.Username(), "--couch-password-file", file)
		u.User = nil
	}
	return append(args, "--couch-url", u.String()), nil
}

// file writes a file that only its owner can read, and that stopAll removes.
func (g *group) file(pattern, text string) (name string, err error) {
	f, err := os.CreateTemp("", pattern) // mode 0600
	if err != nil {
		return "", err //nolint:wrapcheck // the error names the file
	}
	g.files = append(g.files, f.Name())
	_, err = f.WriteString(text)
	return f.Name(), errors.Join(err, f.Close())
}

func (o Options) program(name string) string { return filepath.Join(o.Bin, name) }

// portsFree returns an error that names an address in use, before anything is
// started.
func (o Options) portsFree() error {
	addrs := map[string]string{"UI_ADDR": o.UIAddr, "CACHE_ADDR": o.CacheAddr}
	if o.CouchURL == "" {
		addrs["COUCH_ADDR"] = o.CouchAddr
	}
	var errs []error
	for _, name := range []string{"UI_ADDR", "CACHE_ADDR", "COUCH_ADDR"} {
		addr, ok := addrs[name]
		if !ok {
			continue
		}
		l, err := net.Listen("tcp", addr)
		if err != nil {
			if errors.Is(err, syscall.EADDRINUSE) {
				err = fmt.Errorf("%s is in use by another program; choose another with %s=host:port", addr, name)
			}
			errs = append(errs, err)
			continue
		}
		if err := l.Close(); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// wait returns nil when url answers 200, else the reason why it never will.
func (o Options) wait(ctx context.Context, g *group, name, url string) error {
	fmt.Fprintf(o.Out, "waiting for %s\n", name)
	client := &http.Client{Timeout: 2 * time.Second}
	ctx, cancel := context.WithTimeoutCause(ctx, o.ReadyWait, fmt.Errorf("%s was not ready within %s", name, o.ReadyWait))
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
		if err != nil {
			return fmt.Errorf("wait for %s: %w", name, err)
		}
		if resp, err := client.Do(req); err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case err := <-g.ended:
			return err
		case <-tick.C:
		}
	}
}

// group is the set of processes; only one goroutine uses it.
type group struct {
	out   io.Writer
	procs []*process
	files []string // to be removed at the end
	ended chan error
}

type process struct {
	name string
	cmd  *exec.Cmd
	done chan struct{}
}

func (g *group) launch(program string, args ...string) error {
	name := filepath.Base(program)
	cmd := exec.Command(program, args...) // not CommandContext: it gets a signal to stop, not a kill
	cmd.Stdout = g.out
	cmd.Stderr = g.out
	cmd.SysProcAttr = cluster.OwnGroup()
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s (run `make build` first?): %w", name, err)
	}
	p := &process{name: name, cmd: cmd, done: make(chan struct{})}
	g.procs = append(g.procs, p)
	go func() {
		err := cmd.Wait()
		close(p.done)
		g.ended <- fmt.Errorf("%s ended unexpectedly (%s); its last lines are above", name, exitText(err))
	}()
	return nil
}

func exitText(err error) string {
	if err == nil {
		return "without an error"
	}
	return strings.TrimSpace(err.Error())
}

// stopAll signals every process to stop, the last started first, and kills those
// that do not stop within ten seconds.
func (g *group) stopAll() {
	defer func() {
		for _, f := range g.files {
			_ = os.Remove(f)
		}
	}()
	for i := len(g.procs) - 1; i >= 0; i-- {
		p := g.procs[i]
		select {
		case <-p.done:
			continue
		default:
		}
		if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
			fmt.Fprintf(g.out, "stop %s: %v\n", p.name, err)
		}
		select {
		case <-p.done:
		case <-time.After(10 * time.Second):
			fmt.Fprintf(g.out, "%s did not stop; killing it\n", p.name)
			_ = p.cmd.Process.Kill()
			<-p.done
		}
	}
}
