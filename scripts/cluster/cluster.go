// Package cluster runs several cache servers that answer as one, as separate
// processes on loopback: a CouchDB stand-in with documents that change, one or three
// engines of the log (nats-server), three cache servers, two UI servers, and a
// balancer that may send each request to another server. Each process can be killed,
// frozen or cut off, and started again at its address. The package is for trying and
// for tests, not for production, and judges nothing.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/dmwm/wmstats/scripts/freeport"
)

// Number of servers; deploy/haproxy/haproxy-log.cfg has as many.
const (
	Caches = 3
	UIs    = 2
)

// Options of a Cluster. Addresses are host:port on loopback; "" is a free one.
type Options struct {
	Bin     string // folder of the programs
	Engines int    // 1 or 3; 0: 1
	HAProxy string // configuration for HAProxy, where it is installed; "": the balancer of this package

	UsersAddr string // of the balancer, for the UI servers
	APIAddr   string // of the balancer, for the cache servers
	CouchAddr string
	Source    string // host:port of a CouchDB that runs already; "": the stand-in is started, with Workflows
	Workflows int
	Seed      int64
	Live      float64  // documents that change each second
	Flags     []string // more flags of the cache servers

	// Prepare is called before the cache servers are started, with the URL of an engine
	// and that of CouchDB; nil: nothing.
	Prepare func(ctx context.Context, engine, couch string) error

	Out io.Writer // of all programs; nil: nothing
}

// Cluster is a running cluster. Create it with Start.
type Cluster struct {
	Users, API string   // URLs of the balancer
	Balancer   string   // which program it is
	Couch      *Program // nil with Options.Source
	CouchLink  *Link    // of all cache servers to it
	Engines    []*Program
	Caches     []*Program
	UIs        []*Program
	Links      [][]*Link // of each cache server to each engine

	o      Options
	dir    string
	health []string // addresses of the engines
	out    *lines
	mu     sync.Mutex
	all    []*Program
	closes []func()
}

// Start starts everything and returns when requests are answered. Stop ends it, and
// must be called after an error too.
func Start(ctx context.Context, o Options) (*Cluster, error) {
	if o.Engines == 0 {
		o.Engines = 1
	}
	c := &Cluster{o: o, out: &lines{to: o.Out}}
	var err error
	if c.dir, err = os.MkdirTemp("", "wmstats-cluster-"); err != nil {
		return c, fmt.Errorf("folder of the cluster: %w", err)
	}
	for _, step := range []func(context.Context) error{c.startCouch, c.startEngines, c.startCaches, c.startUIs} {
		if err := step(ctx); err != nil {
			return c, err
		}
	}
	return c, nil
}

// Stop ends all programs, the last started first, and removes their files.
func (c *Cluster) Stop() {
	for i := len(c.all) - 1; i >= 0; i-- {
		c.all[i].Stop()
	}
	for _, end := range c.closes {
		end()
	}
	if c.dir != "" {
		_ = os.RemoveAll(c.dir) // temporary
	}
}

// Programs are those that a user may kill.
func (c *Cluster) Programs() (list []*Program) {
	list = append(list, c.Engines...)
	list = append(list, c.Caches...)
	return append(list, c.UIs...)
}

// CacheURLs are the URLs of the cache servers themselves.
func (c *Cluster) CacheURLs() (urls []string) {
	for _, p := range c.Caches {
		urls = append(urls, "http://"+p.Addr)
	}
	return urls
}

// address returns addr, or a free one.
func address(ctx context.Context, addr string) (string, error) {
	if addr != "" {
		return addr, nil
	}
	return freeport.Addr(ctx) //nolint:wrapcheck // it names what failed
}

// add makes a program that listens on addr and starts it.
func (c *Cluster) add(name, bin, addr string, args ...string) (*Program, error) {
	p := &Program{Name: name, Addr: addr, path: filepath.Join(c.o.Bin, bin), args: args, out: c.out}
	if strings.ContainsRune(bin, filepath.Separator) {
		p.path = bin
	}
	c.mu.Lock()
	c.all = append(c.all, p)
	c.mu.Unlock()
	return p, p.Start()
}

// Beside starts another program that takes --listen. It ends with the cluster.
func (c *Cluster) Beside(ctx context.Context, name, bin string, args ...string) (*Program, error) {
	addr, err := address(ctx, "")
	if err != nil {
		return nil, err
	}
	return c.add(name, bin, addr, append([]string{"--listen", addr}, args...)...)
}

func (c *Cluster) startCouch(ctx context.Context) error {
	if c.o.Source != "" {
		return c.linkCouch(ctx, c.o.Source)
	}
	addr, err := address(ctx, c.o.CouchAddr)
	if err != nil {
		return err
	}
	c.Couch, err = c.add("couch", "mock", addr, "couch", "--listen", addr, "--workflows", strconv.Itoa(c.o.Workflows),
		"--seed", strconv.FormatInt(c.o.Seed, 10), "--live", strconv.FormatFloat(c.o.Live, 'g', -1, 64))
	if err != nil {
		return err
	}
	if err := c.linkCouch(ctx, addr); err != nil {
		return err
	}
	return c.Couch.Ready(ctx, "http://"+addr+"/_up")
}

func (c *Cluster) linkCouch(ctx context.Context, addr string) (err error) {
	if c.CouchLink, err = NewLink(ctx, addr); err != nil {
		return err
	}
	c.closes = append(c.closes, c.CouchLink.Close)
	return nil
}

// startCaches starts the cache servers and, when they have addresses, the balancer
// before them: it checks who is ready.
func (c *Cluster) startCaches(ctx context.Context) error {
	if c.o.Prepare != nil {
		if err := c.o.Prepare(ctx, "nats://"+c.Engines[0].Addr, "http://"+c.CouchLink.Addr); err != nil {
			return err
		}
	}
	for i := range Caches {
		addr, err := address(ctx, "")
		if err != nil {
			return err
		}
		var urls []string
		var links []*Link
		for _, e := range c.Engines {
			l, err := NewLink(ctx, e.Addr)
			if err != nil {
				return err
			}
			c.closes = append(c.closes, l.Close)
			links, urls = append(links, l), append(urls, "nats://"+l.Addr)
		}
		name := "cache" + strconv.Itoa(i+1)
		args := append([]string{
			"--listen", addr, "--couch-url", "http://" + c.CouchLink.Addr, "--log", strings.Join(urls, ","),
			"--log-replicas", strconv.Itoa(c.o.Engines), "--name", name, "--drain-delay", "2s", "--rate-limit", "0",
		}, c.o.Flags...)
		p, err := c.add(name, "cacheserver", addr, args...)
		if err != nil {
			return err
		}
		c.Caches, c.Links = append(c.Caches, p), append(c.Links, links)
	}
	for _, p := range c.Caches {
		if err := p.Ready(ctx, "http://"+p.Addr+"/readyz"); err != nil {
			return err
		}
	}
	return nil
}

func (c *Cluster) startUIs(ctx context.Context) error {
	users, err := address(ctx, c.o.UsersAddr)
	if err != nil {
		return err
	}
	api, err := address(ctx, c.o.APIAddr)
	if err != nil {
		return err
	}
	c.Users, c.API = "http://"+users, "http://"+api
	for i := range UIs {
		addr, err := address(ctx, "")
		if err != nil {
			return err
		}
		p, err := c.add("ui"+strconv.Itoa(i+1), "uiserver", addr, "--listen", addr, "--cache-url", c.API,
			"--drain-delay", "2s", "--rate-limit", "0", "--log-level", "warn")
		if err != nil {
			return err
		}
		c.UIs = append(c.UIs, p)
	}
	if err := c.startBalancer(ctx, users, api); err != nil {
		return err
	}
	return errors.Join(c.UIs[0].Ready(ctx, c.API+"/readyz"), c.UIs[0].Ready(ctx, c.Users+"/readyz"))
}

// Ready waits until an address of a program answers 200. It is an error if the program
// ends before.
func (p *Program) Ready(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, 5*time.Minute, errors.New("it is not ready after 5 minutes"))
	defer cancel()
	client := &http.Client{Timeout: 5 * time.Second}
	defer client.CloseIdleConnections()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
		if err != nil {
			return fmt.Errorf("wait for %s: %w", p.Name, err)
		}
		if resp, err := client.Do(req); err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w", p.Name, context.Cause(ctx))
		case <-p.Ended():
			return fmt.Errorf("wait for %s: it has ended", p.Name)
		case <-tick.C:
		}
	}
}
