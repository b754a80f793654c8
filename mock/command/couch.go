package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dmwm/wmstats/mock/couchfake"
	"github.com/dmwm/wmstats/mock/design"
	"github.com/dmwm/wmstats/mock/gen"
	"github.com/dmwm/wmstats/mock/live"
	"github.com/dmwm/wmstats/program/access/hosts"
	"github.com/dmwm/wmstats/program/settings"
)

// loadWait is how long load waits for a CouchDB that is starting.
const loadWait = 60 * time.Second

// stepEvery is the time between two steps of the simulation.
const stepEvery = 250 * time.Millisecond

// stopWithin limits how long open requests keep the stand-in alive.
const stopWithin = 5 * time.Second

func runCouch(ctx context.Context, e env) error {
	o := newOptions("couch", e)
	world := o.world(1000, "clock")
	listen, rate, cycle, share, tierZero, insecure := "127.0.0.1:5984", 0.0, 600*time.Second, -1.0, 0, false
	o.Text("listen", &listen, "address to listen on, `HOST:PORT`")
	o.Float("live", &rate, "approximate `RATE` of changes, in documents with new content per second; 0 changes nothing")
	o.Duration("cycle", &cycle, "with --live, longest time between two uploads of an agent")
	o.Float("share", &share, "with --live, `SHARE` of an agent's documents with new content in each upload, from 0 to 1; -1 derives it from the rate")
	o.Int("t0", &tierZero, "also serve Tier-0 databases with N requests; 0 for none")
	o.Bool("insecure", &insecure, "allow --listen on a non-loopback address without authentication")
	cred := o.credentials()
	if err := o.parse(); err != nil {
		return err
	}
	settings.NotNegative(&o.Faults, "t0", tierZero)
	settings.NotNegative(&o.Faults, "live", rate)
	if share != -1 && !(share >= 0 && share <= 1) {
		o.Add("--share \"%v\": want a number from 0 to 1, or -1", share)
	}
	if host, _, err := net.SplitHostPort(listen); err != nil {
		o.Add("--listen %q: want host:port", listen)
	} else if !hosts.Loopback(host) && !insecure && cred.user == "" {
		o.Add("--listen %q: %w", listen, hosts.Unauthenticated("--couch-user and --couch-password-file"))
	}
	settings.Positive(&o.Faults, "cycle", cycle)
	worldOpts := world.options(o)
	user, password := cred.read(o)
	if err := o.check(); err != nil {
		return err
	}
	w, err := gen.New(worldOpts)
	if err != nil {
		return err
	}
	couch := couchfake.New(couchfake.Options{User: user, Password: password, Vendor: vendor(worldOpts)})
	s := &standIn{world: w, couch: couch, tierZero: tierZero, stderr: e.stderr, now: e.now}
	if rate > 0 {
		s.live = &live.Options{World: w, Rate: rate, Cycle: cycle}
		if share >= 0 {
			s.live.Share = &share
		}
	}
	// With the default GOGC of 100, half of the memory of a filled stand-in
	// would be garbage from parsing and packing. This value costs a tenth more
	// time, and only here.
	defer debug.SetGCPercent(debug.SetGCPercent(50))
	return s.run(ctx, listen)
}

// vendor is the vendor entry of GET /. Readers that find a seed there call
// their source "mock seed 1" and show that all data are invented.
func vendor(world gen.Options) map[string]any {
	return map[string]any{"name": "mock", "seed": world.Seed, "workflows": world.Workflows}
}

// standIn is a CouchDB stand-in that is served, with the generators that fill
// and change it.
type standIn struct {
	world *gen.World
	couch *couchfake.Server
	live  *live.Options

	tierZero int // requests of the Tier-0 beside the world; 0: there is none

	stderr io.Writer
	now    func() time.Time
	ready  atomic.Bool
}

// run listens at once, so that a port in use is reported at once, and answers
// 503 until the documents are stored.
func (s *standIn) run(ctx context.Context, listen string) error {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	srv := &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ln) }()
	err = s.work(ctx, ln.Addr().String(), served)
	_ = s.couch.Close() // ends the feeds, which Shutdown would wait for
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
	defer cancel()
	if serr := srv.Shutdown(stop); serr != nil {
		_ = srv.Close()
	}
	return err
}

// work fills the stand-in and then runs the simulation until ctx ends.
func (s *standIn) work(ctx context.Context, addr string, served <-chan error) error {
	began := s.now()
	docs, bytes, err := s.fill(ctx)
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		return err
	}
	debug.FreeOSMemory() // most of the memory that filling took is not needed again
	s.ready.Store(true)
	fmt.Fprintf(s.stderr, "ready: http://%s serves %d documents, %.0f MB, of %d workflows after %.1f s\n",
		addr, docs, float64(bytes)/1e6, s.world.Options().Workflows, s.now().Sub(began).Seconds())
	var step <-chan time.Time
	var sim *live.Sim
	if s.live != nil {
		s.live.Start = s.now()
		if sim, err = live.New(*s.live); err != nil {
			return err
		}
		ticker := time.NewTicker(stepEvery)
		defer ticker.Stop()
		step = ticker.C
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-served:
			if errors.Is(err, http.ErrServerClosed) {
				return nil
			}
			return fmt.Errorf("serve: %w", err)
		case <-step:
			s.put(sim.Step(s.now()))
		}
	}
}

func (s *standIn) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.ready.Load() {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, `{"error":"starting","reason":"The documents are being generated."}`+"\n")
		return
	}
	s.couch.ServeHTTP(w, r)
}

// fill stores the world: databases, design documents, documents.
func (s *standIn) fill(ctx context.Context) (docs int, bytes int64, err error) {
	for _, db := range design.Databases() {
		if err := s.couch.Create(db); err != nil {
			return 0, 0, err
		}
	}
	designs, err := design.Documents()
	if err != nil {
		return 0, 0, err
	}
	for _, d := range designs {
		if err := s.couch.Put(d.DB, d.JSON); err != nil {
			return 0, 0, err
		}
	}
	zero, err := s.fillTierZero()
	if err != nil {
		return 0, 0, err
	}
	// Storing costs more than generating, so it runs on all cores, too: each
	// batch stays in order, and seqs are opaque anyway.
	var stores errgroup.Group
	stores.SetLimit(runtime.GOMAXPROCS(0))
	store := func(batch []gen.Doc) {
		stores.Go(func() error { s.put(batch); return nil })
	}
	const batchDocs = 300
	var pending []gen.Doc
	for doc := range s.world.AllParallel() {
		if ctx.Err() != nil {
			break
		}
		docs++
		bytes += int64(len(doc.JSON))
		if pending = append(pending, doc); len(pending) == batchDocs {
			store(pending)
			pending = nil
		}
	}
	store(pending)
	return docs + zero, bytes, stores.Wait()
}

// fillTierZero stores the databases of Tier-0, if requested.
func (s *standIn) fillTierZero() (docs int, err error) {
	if s.tierZero == 0 {
		return 0, nil
	}
	for _, db := range design.TierZeroDatabases() {
		if err := s.couch.Create(db); err != nil {
			return 0, err
		}
	}
	designs, err := design.TierZeroDocuments()
	if err != nil {
		return 0, err
	}
	for _, d := range designs {
		if err := s.couch.Put(d.DB, d.JSON); err != nil {
			return 0, err
		}
	}
	all := s.world.TierZero(s.tierZero)
	for _, d := range all {
		if err := s.couch.Put(d.DB, d.JSON); err != nil {
			return 0, err
		}
	}
	return len(all), nil
}

// put stores documents. A document that the stand-in refuses is reported and
// left out.
func (s *standIn) put(docs []gen.Doc) {
	byDB := map[string][][]byte{}
	for _, d := range docs {
		byDB[d.DB] = append(byDB[d.DB], d.JSON)
	}
	for _, db := range design.Databases() {
		if err := s.couch.Put(db, byDB[db]...); err != nil {
			fmt.Fprintln(s.stderr, "not stored:", err)
		}
	}
}
