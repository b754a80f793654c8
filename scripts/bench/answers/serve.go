package answers

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"runtime/pprof"
	"strconv"
	"strings"
	"time"

	"github.com/dmwm/wmstats/cacheserver/api"
	"github.com/dmwm/wmstats/cacheserver/cache"
	"github.com/dmwm/wmstats/cacheserver/join"
	"github.com/dmwm/wmstats/cacheserver/onewrite"
	"github.com/dmwm/wmstats/cacheserver/store"
	"github.com/dmwm/wmstats/mock/flat"
	"github.com/dmwm/wmstats/program/serving"
	"github.com/dmwm/wmstats/schema"
)

// served is the store behind the API, filled with flat records: the process
// that is measured. It has no CouchDB, so that a million workflows are loaded
// within a minute; everything else is as in the cache server.
type served struct {
	store  *store.Store
	cache  *cache.Cache
	source *flat.Source
	n      int
	rev    int
}

const (
	cacheBytes  = 48 << 20 // the cache server's default
	allSegments = 2 << 30  // room for all blocks of a million workflows compressed
	garbage     = 20       // its GOGC
)

// newServed builds a store of n workflows with every block compressed.
func newServed(ctx context.Context, n int) (*served, error) {
	source, err := flat.NewSized(flat.Options{Seed: 1, Workflows: n})
	if err != nil {
		return nil, fmt.Errorf("make records: %w", err)
	}
	kept, err := cache.New(cacheBytes)
	if err != nil {
		return nil, fmt.Errorf("set up the cache: %w", err)
	}
	s := &served{source: source, cache: kept, n: n}
	if s.store, err = store.New(store.Options{Process: "bench", Cache: kept, Memory: allSegments}); err != nil {
		return nil, fmt.Errorf("set up the store: %w", err)
	}
	load := s.store.BeginLoad()
	const batch = 1000
	for from := 0; from < n; from += batch {
		var changes []join.Change
		for i := from; i < min(from+batch, n); i++ {
			changes = s.appendWorkflow(changes, i)
		}
		load.Add(changes)
	}
	if _, err := load.Commit(); err != nil {
		return nil, fmt.Errorf("load records: %w", err)
	}
	return s, ctx.Err()
}

// appendWorkflow appends the documents of workflow i.
func (s *served) appendWorkflow(to []join.Change, i int) []join.Change {
	w, parts := s.source.Sides(i)
	to = append(to, s.request(&w))
	for k := range parts {
		p := &parts[k]
		to = append(to, join.Change{Kind: join.AgentReport, ID: p.Agent + "-" + p.Workflow, Rev: "1", Time: p.Time, Report: p})
	}
	return to
}

func (s *served) request(w *schema.Workflow) join.Change {
	return join.Change{Kind: join.Request, ID: w.Workflow, Rev: strconv.Itoa(s.rev), Workflow: w}
}

// change assigns count workflows, spread over the list, another priority.
func (s *served) change(count int) {
	const stride = 7919 // a prime: neighbours in time are not neighbours in the list
	changes := make([]join.Change, 0, count)
	for range count {
		s.rev++
		w, _ := s.source.Sides(s.rev * stride % s.n)
		w.Priority = int64(100_000 + s.rev)
		changes = append(changes, s.request(&w))
	}
	s.store.Apply(changes)
}

// Serve is the process that is measured: it fills a store, writes "ready
// ADDRESS" to out and serves the API until in ends. Lines of in are commands:
// "changes N" publishes N changes a second from then on, gathered for 100 ms as
// the follower does; "warm json", "warm ndjson" build the segments of all blocks;
// "profile FILE" and "profile" begin and end a profile of the processor time.
func Serve(ctx context.Context, n int, in io.Reader, out io.Writer) error {
	debug.SetGCPercent(garbage)
	s, err := newServed(ctx, n)
	if err != nil {
		return err
	}
	a, err := api.New(api.Options{ //nolint:contextcheck // handlers take the context of their request
		Store: s.store, Cache: s.cache, Details: details{}, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return fmt.Errorf("set up the API: %w", err)
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	server := &http.Server{
		Handler: a.Handler(), ConnContext: onewrite.Context,
		ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: time.Minute, IdleTimeout: 2 * time.Minute,
	}
	go func() { _ = server.Serve(onewrite.Listener(serving.Listener(listener, time.Minute))) }() // it ends with Close below
	defer func() { _ = server.Close() }()                                                        // connections may be cut: nothing is measured any more
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	fmt.Fprintf(out, "ready %s\n", listener.Addr())
	return s.obey(ctx, in, out)
}

// obey executes the commands in the lines of in, and publishes changes
// meanwhile.
func (s *served) obey(ctx context.Context, in io.Reader, out io.Writer) error {
	lines := make(chan string)
	go func() {
		defer close(lines)
		for scanner := bufio.NewScanner(in); scanner.Scan(); {
			lines <- scanner.Text()
		}
	}()
	const gather = 100 * time.Millisecond
	tick := time.NewTicker(gather)
	defer tick.Stop()
	perSecond := 0
	for {
		select {
		case <-ctx.Done():
			return nil
		case line, more := <-lines:
			if !more {
				return nil
			}
			name, rest, _ := strings.Cut(line, " ")
			var err error
			switch name {
			case "changes":
				perSecond, err = strconv.Atoi(rest)
			case "warm":
				err = s.warm(ctx, rest)
			case "profile":
				err = profile(rest)
			default:
				err = errors.New("unknown command")
			}
			if err != nil {
				return fmt.Errorf("command %q: %w", line, err)
			}
			fmt.Fprintln(out, "done", line)
		case <-tick.C:
			if perSecond > 0 {
				s.change(max(1, perSecond/int(time.Second/gather)))
			}
		}
	}
}

// profile writes a processor profile to a file until the next call, which has no
// file name.
func profile(path string) error {
	if path == "" {
		pprof.StopCPUProfile()
		return nil
	}
	file, err := os.Create(path) //nolint:gosec // the one who runs this names it
	if err != nil {
		return fmt.Errorf("begin a profile: %w", err)
	}
	if err := pprof.StartCPUProfile(file); err != nil {
		return fmt.Errorf("begin a profile: %w", err)
	}
	return nil
}
