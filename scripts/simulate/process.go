package simulate

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing/synctest"
	"time"

	"github.com/dmwm/wmstats/cacheserver/api"
	"github.com/dmwm/wmstats/cacheserver/checkpoint"
	"github.com/dmwm/wmstats/cacheserver/couch"
	"github.com/dmwm/wmstats/cacheserver/follower"
	"github.com/dmwm/wmstats/cacheserver/store"
	"github.com/dmwm/wmstats/schema"
)

// checkpointEvery is the time between two checkpoints of a process.
const checkpointEvery = 5 * time.Minute

// process is one run of our server: the parts that app assembles, without the port.
type process struct {
	tag      string
	client   *couch.Client
	store    *store.Store
	follower *follower.Follower
	keeper   *checkpoint.Keeper // nil: no checkpoint
	handler  http.Handler

	cancel context.CancelFunc
	parts  sync.WaitGroup
}

// processOptions are the options of a process.
type processOptions struct {
	plan     *Plan
	believe  bool   // accept each full read
	tag      string // of its generations
	dial     *network
	password func() string // returns its current password
	file     string        // of the checkpoint; "": none
	apis     *apis         // nil: it gets its own API
	log      *slog.Logger
}

// newProcess creates a process and starts nothing.
func newProcess(o processOptions) (*process, error) {
	p := &process{tag: o.tag}
	source := couch.Options{URL: "http://couch.invalid:5984", Dial: o.dial.Dial, Log: o.log}
	if o.plan.Login {
		source.User, source.PasswordNow = user, o.password
	}
	var err error
	if p.client, err = couch.New(source); err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	keeping := store.Options{Process: o.tag, Limits: limits(), Log: o.log}
	if o.believe {
		keeping.MaxLoss = 1
	}
	if p.store, err = store.New(keeping); err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	if p.follower, err = follower.New(follower.Options{
		Source: p.client, Store: follower.OfStore(p.store), Workers: 1,
		PollInterval: time.Duration(o.plan.Poll), RereadEvery: time.Duration(o.plan.Reread), Log: o.log,
	}); err != nil {
		return nil, fmt.Errorf("follower: %w", err)
	}
	if o.apis == nil {
		o.apis = &apis{}
	}
	if p.handler, err = o.apis.of(p); err != nil {
		return nil, err
	}
	if o.file == "" {
		return p, nil
	}
	if p.keeper, err = checkpoint.New(checkpoint.Options{
		Path: o.file, Every: checkpointEvery, Header: checkpoint.Header{Fingerprint: schema.Fingerprint(), Source: "simulation"},
		Sections: []checkpoint.Section{p.follower.Section(), p.store.Section()}, Mark: p.mark, Log: o.log,
	}); err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	return p, nil
}

// apis lets consecutive processes share one API: building one takes longer than
// simulating an hour.
type apis struct {
	store      struct{ *store.Store } // of the newest process
	quarantine func() []api.Quarantined
	handler    http.Handler
}

// of returns a handler that answers from the store of the given process.
func (a *apis) of(p *process) (http.Handler, error) {
	a.store.Store, a.quarantine = p.store, p.quarantined
	if a.handler == nil {
		made, err := api.New(api.Options{Store: &a.store, Quarantine: func() []api.Quarantined { return a.quarantine() }})
		if err != nil {
			return nil, fmt.Errorf("API: %w", err)
		}
		a.handler = made.Handler()
	}
	return a.handler, nil
}

// start starts the process.
func (p *process) start() {
	ctx, cancel := context.WithCancel(context.Background())
	p.cancel = cancel
	p.parts.Go(func() {
		if p.keeper != nil {
			p.keeper.Restore(ctx)
			p.parts.Go(func() { _ = p.keeper.Run(ctx) }) // errors are in the log
		}
		_ = p.follower.Run(ctx) // an error only after ctx has ended
	})
}

// quarantined converts the follower's list to the form of the API, as app does.
func (p *process) quarantined() []api.Quarantined {
	var list []api.Quarantined
	for _, q := range p.follower.Quarantined() {
		list = append(list, api.Quarantined{ID: q.ID, Database: q.Database, Rev: q.Rev, Path: q.Path, Reason: q.Reason,
			FirstSeen: q.First.Unix(), LastSeen: q.Last.Unix(), Count: q.Count})
	}
	return list
}

// mark identifies the state that a checkpoint would have, as app does.
func (p *process) mark() string {
	generation, ok := p.store.Newest()
	if !ok || !p.follower.Loaded() {
		return ""
	}
	return fmt.Sprint(generation.ID(), p.follower.Positions())
}

// end stops the process: regularly, with a last checkpoint, or killed.
func (p *process) end(inOrder bool) error {
	p.cancel()
	p.parts.Wait()
	if inOrder && p.keeper != nil {
		_ = p.keeper.Save(context.Background()) // errors are in the log
	}
	if err := p.client.Close(); err != nil {
		return fmt.Errorf("end of process %s: %w", p.tag, err)
	}
	return nil
}

// get sends a request to the API as a client does.
func (p *process) get(path string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(context.Background(), http.MethodGet, path, http.NoBody)
	r.RemoteAddr = "127.0.0.1:1"
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	p.handler.ServeHTTP(w, r)
	return w
}

// ours is a text in the stacks of the goroutines of our server.
const ours = "github.com/dmwm/wmstats/cacheserver/"

// leftRunning returns the stacks of our server's goroutines in this bubble. It must
// be called when no process runs.
func leftRunning() []string {
	synctest.Wait()
	buf := make([]byte, 1<<20)
	stacks := strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n")
	_, bubble, _ := strings.Cut(stacks[0], "synctest bubble ") // stacks[0] is that of this goroutine
	bubble, _, _ = strings.Cut(bubble, "]")
	var left []string
	for _, stack := range stacks[1:] {
		first, _, _ := strings.Cut(stack, "\n")
		if strings.HasSuffix(first, "synctest bubble "+bubble+"]:") && (strings.Contains(stack, ours) || strings.Contains(stack, "net/http.(*persistConn)")) {
			left = append(left, stack)
		}
	}
	return left
}

// bubbled returns the stacks of all goroutines in bubbles, to report a bubble that
// does not end.
func bubbled() (stacks []string) {
	buf := make([]byte, 1<<20)
	for stack := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		if first, _, _ := strings.Cut(stack, "\n"); strings.Contains(first, "synctest bubble") {
			stacks = append(stacks, stack)
		}
	}
	return stacks
}

// forgetCheckpoint removes a checkpoint, as if the disk were new.
func forgetCheckpoint(file string) error {
	if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the checkpoint: %w", err)
	}
	return nil
}

func checkpointFile(dir string) string { return filepath.Join(dir, "checkpoint") }
