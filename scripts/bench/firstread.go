package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"time"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/scripts/freeport"
)

// loadedCache is a cache server that has just become ready.
type loadedCache struct {
	server
	took   time.Duration // from its start
	cpu    time.Duration // of the cache server
	source time.Duration // processor time of the source meanwhile
	peak   float64       // highest resident memory so far, bytes
}

// startCache starts a cache server and waits until it is ready.
func (r *run) startCache(ctx context.Context, source server) (c loadedCache, err error) {
	return r.startCacheWith(ctx, source)
}

// startCacheWith starts one with more flags.
func (r *run) startCacheWith(ctx context.Context, source server, flags ...string) (c loadedCache, err error) {
	addr, err := freeport.Addr(ctx)
	if err != nil {
		return c, err
	}
	before, began := source.cpu(), time.Now()
	flags = append([]string{"--listen", addr, "--couch-url", source.url, "--log-level", "warn"}, flags...)
	cmd, err := r.startServer(flags)
	if err != nil {
		return c, err
	}
	c.server = server{url: "http://" + addr, cmd: cmd}
	if err := r.ready(ctx, c.url+"/readyz"); err != nil {
		return c, err
	}
	c.took, c.cpu, c.source, c.peak = time.Since(began), c.server.cpu(), source.cpu()-before, c.status("VmHWM")
	return c, nil
}

// startServer starts a cache server: the program, or this one with a profile.
func (r *run) startServer(flags []string) (*exec.Cmd, error) {
	if r.Profile == "" {
		return r.start("cacheserver", flags...)
	}
	return r.startPath(r.Self, append([]string{"profiled", r.Profile}, flags...)...)
}

// firstRead prints how long the first read took, compared with discarding the
// same bytes, and how much memory it needed.
func (r *run) firstRead(ctx context.Context, c loadedCache, thrown thrownAway) error {
	mb := float64(thrown.bytes) / 1e6
	rate := mb / c.took.Seconds()
	r.line("first read: documents", float64(thrown.docs), "documents")
	r.line("first read: bytes", mb, "MB")
	r.line("first read: start until ready", c.took.Seconds(), "s")
	r.line("first read: decoded and published", rate, "MB/s")
	r.line("first read: documents per second", float64(thrown.docs)/c.took.Seconds(), "documents/s")
	r.line("first read: ratio to discarding one by one", rate/thrown.oneByOne.rate(), "x")
	r.line("first read: ratio to discarding over two connections", rate/thrown.together.rate(), "x")
	r.line("first read: processor time, cache server", c.cpu.Seconds(), "s")
	if r.Source == "" {
		r.line("first read: processor time, source meanwhile", c.source.Seconds(), "s")
	}
	r.line("first read: MB for each s of processor time, cache server", mb/c.cpu.Seconds(), "MB/s")
	r.line("first read: processor time per workflow", float64(c.cpu.Microseconds())/float64(r.Workflows), "us")
	settled, err := r.settled(ctx, c.server, max(3*time.Second, c.took/10))
	if err != nil {
		return err
	}
	r.line("first read: highest resident memory", c.peak/1e6, "MB")
	r.line("first read: peak memory beyond the result", (c.peak-settled)/1e6, "MB")
	return r.memory(ctx, c.server, "after first read")
}

// settled waits until the cache server has released the memory that the first
// read left over, and returns its resident memory: the result. It is the lowest
// value seen before the memory stops falling for the time quiet.
func (r *run) settled(ctx context.Context, cache server, quiet time.Duration) (least float64, err error) {
	least = cache.status("VmRSS")
	for since := time.Now(); time.Since(since) < quiet; {
		select {
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		case <-time.After(50 * time.Millisecond):
		}
		if now := cache.status("VmRSS"); now < least*0.99 {
			least, since = now, time.Now()
		}
	}
	return least, nil
}

// memory prints the resident memory of the cache server.
func (r *run) memory(ctx context.Context, cache server, when string) error {
	status, body, err := r.do(ctx, "GET", cache.url+"/pulse", nil)
	if err != nil {
		return err
	}
	var info schema.CacheInfo
	if err := json.Unmarshal(body, &info); err != nil {
		return fmt.Errorf("read /pulse (status %d): %w", status, err)
	}
	if info.Workflows == 0 {
		return fmt.Errorf("read /pulse: status %d, no workflows", status)
	}
	rss := cache.status("VmRSS")
	r.line("memory "+when+": workflows", float64(info.Workflows), "workflows")
	r.line("memory "+when+": resident", rss/1e6, "MB")
	r.line("memory "+when+": highest", cache.status("VmHWM")/1e6, "MB")
	r.line("memory "+when+": per workflow", rss/1e3/float64(info.Workflows), "KB")
	r.line("memory "+when+": ratio to list records", rss/float64(info.Bytes), "x")
	return nil
}
