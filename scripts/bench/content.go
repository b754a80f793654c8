package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/dmwm/wmstats/cacheserver/api/attention"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

const (
	contentWorkflows = 53_000 // they have 50 000 agent documents or some more
	contentShare     = 0.3    // of documents with new content, as agents rewrite them
	contentCycle     = 2 * time.Minute
	contentSteps     = 40 // of a cycle
	contentBatch     = 500
)

// runContent measures the section content.
func runContent(ctx context.Context, o Options) error {
	if o.Content > 0 {
		o.Workflows = o.Content
	} else {
		o.Workflows = contentWorkflows
	}
	r := &run{Options: o, prefix: fmt.Sprintf("%d: ", o.Workflows), client: &http.Client{}}
	defer r.stopAll()
	return r.content(ctx)
}

// content measures the cost of cycles in which agents rewrite all of their
// documents: none with new content, 30 % with new content, and all of them
// treated as new, as a reader that relies on revisions must do.
func (r *run) content(ctx context.Context) error {
	w := newRewriter()
	source, err := w.serve(r)
	if err != nil {
		return err
	}
	defer func() { _ = source.Close() }()  // ends with the run
	defer func() { _ = w.couch.Close() }() // ends the feeds
	alerts, err := noAlerts()
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(filepath.Dir(alerts)) }() // a temporary folder
	self := server{url: "http://" + source.Addr().String()}
	cache, err := r.startCacheWith(ctx, self, "--alerts", alerts)
	if err != nil {
		return err
	}
	if err := w.begin(); err != nil {
		return err
	}
	for range 2 { // agents begin one after the other, so one cycle does not reach all
		before, err := r.counted(ctx, cache.server)
		if err != nil {
			return err
		}
		wrote, err := w.cycle(0, false)
		if err != nil {
			return err
		}
		if err := r.appliedAll(ctx, cache.server, before.applied, wrote); err != nil {
			return err
		}
	}
	r.line("content: workflows", float64(r.Workflows), "workflows")
	events, err := r.listen(ctx, cache.server)
	if err != nil {
		return err
	}
	var cpu [3]float64
	for i, c := range []struct {
		name  string
		share float64
		all   bool
	}{{"rewritten unchanged", 0, false}, {"30 % new", contentShare, false}, {"all treated as new", 0, true}} {
		if cpu[i], err = r.contentCycle(ctx, w, cache.server, events, "content: "+c.name+": ", c.share, c.all); err != nil {
			return err
		}
	}
	r.line("content: processor time, 30 % new to all treated as new", cpu[1]/cpu[2], "x")
	r.line("content: processor time, rewritten unchanged to all treated as new", cpu[0]/cpu[2], "x")
	return nil
}

// contentCycle runs one cycle and prints what the cache server did with it. It
// returns the seconds of processor time.
func (r *run) contentCycle(ctx context.Context, w *rewriter, cache server, events *atomic.Int64, name string, share float64, all bool) (float64, error) {
	before, err := r.pulse(ctx, cache)
	if err != nil {
		return 0, err
	}
	counts, err := r.counted(ctx, cache)
	if err != nil {
		return 0, err
	}
	cpu, told := cache.cpu(), events.Load()
	wrote, err := w.cycle(share, all)
	if err != nil {
		return 0, err
	}
	if err := r.appliedAll(ctx, cache, counts.applied, wrote); err != nil {
		return 0, err
	}
	took := (cache.cpu() - cpu).Seconds()
	after, err := r.pulse(ctx, cache)
	if err != nil {
		return 0, err
	}
	if err := quiet(ctx, events); err != nil {
		return 0, err
	}
	countsNow, err := r.counted(ctx, cache)
	if err != nil {
		return 0, err
	}
	hashed := countsNow.unchanged - counts.unchanged
	_, body, err := r.do(ctx, http.MethodGet, cache.url+"/changes?since="+before.Generation, nil)
	if err != nil {
		return 0, err
	}
	var change wire.Change
	if err := json.Unmarshal(body, &change); err != nil {
		return 0, fmt.Errorf("read /changes: %w", err)
	}
	if change.Event == wire.EventReset {
		return 0, fmt.Errorf("read /changes: the differences since %s are no longer kept", before.Generation)
	}
	from, to := generationNumber(before.Generation), generationNumber(after.Generation)
	// Some documents that are treated as new lead to an equal record.
	if !all && change.Changed != len(wrote.workflows) || hashed != float64(wrote.documents-wrote.changed) {
		return 0, fmt.Errorf("%schanged records %d for %d workflows with new content, %.0f documents recognized as unchanged of %d that are",
			name, change.Changed, len(wrote.workflows), hashed, wrote.documents-wrote.changed)
	}
	r.line(name+"agent documents written", float64(wrote.documents), "documents")
	r.line(name+"bytes", float64(wrote.bytes)/1e6, "MB")
	r.line(name+"documents with new content", float64(wrote.changed), "documents")
	r.line(name+"documents decoded", float64(wrote.documents)-hashed, "documents")
	r.line(name+"workflows of documents with new content", float64(len(wrote.workflows)), "workflows")
	r.line(name+"changed records", float64(change.Changed), "records")
	r.line(name+"generations", float64(to-from), "generations")
	r.line(name+"events on /changes", float64(events.Load()-told), "events")
	r.line(name+"processor time, cache server", took, "s")
	r.line(name+"processor time per document", took*1e6/float64(wrote.documents), "us")
	return took, nil
}

// noAlerts writes a file that switches the rules of alerts off: they depend on
// the time, too, which is not measured here.
func noAlerts() (path string, err error) {
	dir, err := os.MkdirTemp("", "wmstats-bench-*")
	if err != nil {
		return "", fmt.Errorf("make a folder for the rules: %w", err)
	}
	text := "rules:\n"
	for _, name := range attention.RuleNames() {
		text += "  " + name + ": {on: false}\n"
	}
	path = filepath.Join(dir, "alerts.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return "", fmt.Errorf("write the rules: %w", err)
	}
	return path, nil
}

func (r *run) pulse(ctx context.Context, cache server) (info schema.CacheInfo, err error) {
	_, body, err := r.do(ctx, http.MethodGet, cache.url+"/pulse", nil)
	if err == nil {
		err = json.Unmarshal(body, &info)
	}
	if err != nil {
		return info, fmt.Errorf("read /pulse: %w", err)
	}
	return info, nil
}

// followed counts changes that the cache server has applied, and the unchanged
// ones among them, which cost only a hash.
type followed struct{ applied, unchanged float64 }

func (r *run) counted(ctx context.Context, cache server) (f followed, err error) {
	_, body, err := r.do(ctx, http.MethodGet, cache.url+"/metrics", nil)
	if err != nil {
		return f, err
	}
	for name, to := range map[string]*float64{"changes": &f.applied, "unchanged": &f.unchanged} {
		_, value, ok := strings.Cut(string(body), "\nwmstats_follower_"+name+"_total ")
		if !ok {
			continue // a series may appear only with its first event
		}
		if _, err := fmt.Sscan(value, to); err != nil {
			return f, fmt.Errorf("read /metrics: %w", err)
		}
	}
	return f, nil
}

// appliedAll waits until everything written has been applied: each document is
// written once in a cycle, so their number is enough.
func (r *run) appliedAll(ctx context.Context, cache server, before float64, wrote rewritten) error {
	for {
		now, err := r.counted(ctx, cache)
		if err != nil || now.applied-before >= float64(wrote.documents) {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// listen counts the events of a stream of /changes.
func (r *run) listen(ctx context.Context, cache server) (*atomic.Int64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, cache.url+"/changes?feed=sse", http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	resp, err := r.client.Do(req) //nolint:bodyclose // open until the server ends
	if err != nil {
		return nil, fmt.Errorf("follow /changes: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("follow /changes: status %d", resp.StatusCode)
	}
	var events atomic.Int64
	began := make(chan struct{})
	go func() {
		defer resp.Body.Close()
		lines := bufio.NewReader(resp.Body)
		for first := true; ; first = false {
			line, err := lines.ReadString('\n')
			if err != nil {
				return
			}
			if first {
				close(began)
			}
			if strings.HasPrefix(line, "data:") {
				events.Add(1)
			}
		}
	}()
	select {
	case <-began:
		return &events, quiet(ctx, &events)
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// quiet waits until no event has arrived for longer than a stream's interval
// between two events.
func quiet(ctx context.Context, events *atomic.Int64) error {
	const long = 2500 * time.Millisecond
	for last, since := events.Load(), time.Now(); time.Since(since) < long; {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(50 * time.Millisecond):
		}
		if now := events.Load(); now != last {
			last, since = now, time.Now()
		}
	}
	return nil
}

// generationNumber is the number in the name of a generation, 0 if it has none.
func generationNumber(generation string) int {
	n, err := strconv.Atoi(generation[strings.LastIndexByte(generation, '-')+1:])
	if err != nil {
		return 0
	}
	return n
}
