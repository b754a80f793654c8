package bench

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"net"
	"net/http"
	"time"

	"github.com/dmwm/wmstats/mock/couchfake"
	"github.com/dmwm/wmstats/mock/design"
	"github.com/dmwm/wmstats/mock/gen"
	"github.com/dmwm/wmstats/mock/live"
)

// rewriter is a stand-in in this process: a cycle of agents can pass at once, and
// its processor time is not counted for the cache server. It determines on its
// own which documents have new content.
type rewriter struct {
	couch  *couchfake.Server
	world  *gen.World
	sim    *live.Sim
	now    time.Time
	seed   maphash.Seed
	known  map[string]uint64 // content by id
	rounds int
}

// rewritten counts the writes of one cycle.
type rewritten struct {
	documents, changed int
	bytes              int64
	workflows          map[string]bool // of documents with new content
}

func newRewriter() *rewriter {
	return &rewriter{seed: maphash.MakeSeed(), known: map[string]uint64{}}
}

// begin is when the simulation begins, some cycles ago. When the last cycle has
// passed, no document has a time in the future, and no agent counts as silent,
// which would turn each of its reports into a change.
func (w *rewriter) begin() (err error) {
	w.now = time.Now().Add(-5 * contentCycle).Truncate(time.Second)
	// Requests change so rarely that none changes during the run.
	w.sim, err = live.New(live.Options{World: w.world, Rate: 0.001, Cycle: contentCycle, Start: w.now})
	return err
}

// serve fills the stand-in and serves it on a port of its own.
func (w *rewriter) serve(r *run) (net.Listener, error) {
	present := time.Now().Add(-8 * contentCycle).Unix()
	world, err := gen.New(gen.Options{Seed: uint64(r.Seed), Workflows: r.Workflows, Lean: r.Lean, NoEdges: true, JobSummaries: -1, Now: present})
	if err != nil {
		return nil, err
	}
	w.couch = couchfake.New(couchfake.Options{BuiltinViews: true})
	for _, db := range design.Databases() {
		if err := w.couch.Create(db); err != nil {
			return nil, err
		}
	}
	byDB := map[string][][]byte{design.RequestDB: nil, design.WMStatsDB: nil}
	flush := func(db string) error {
		docs := byDB[db]
		byDB[db] = nil
		return w.couch.Put(db, docs...)
	}
	for d := range world.AllParallel() {
		if d.DB != design.RequestDB && !isAgentRequest(d.JSON) {
			continue
		}
		if d.DB == design.WMStatsDB {
			w.known[d.ID] = w.hash(d.JSON)
		}
		if byDB[d.DB] = append(byDB[d.DB], d.JSON); len(byDB[d.DB]) >= contentBatch {
			if err := flush(d.DB); err != nil {
				return nil, err
			}
		}
	}
	for db := range byDB {
		if err := flush(db); err != nil {
			return nil, err
		}
	}
	w.world = world
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	srv := &http.Server{Handler: w.couch, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		if err := srv.Serve(listener); err != nil && !errors.Is(err, net.ErrClosed) {
			fmt.Fprintln(r.Log, "serve the stand-in:", err)
		}
	}()
	return listener, nil
}

func isAgentRequest(doc []byte) bool { return bytes.Contains(doc, []byte(`"type":"agent_request"`)) }

// hash returns a hash of a document without its revision and timestamp.
func (w *rewriter) hash(doc []byte) uint64 {
	var h maphash.Hash
	h.SetSeed(w.seed)
	rest := without(doc, `"_rev":"`, '"')
	_, _ = h.Write(without(rest, `"timestamp":`, ',')) // never fails
	return h.Sum64()
}

// without returns a document without the member that begins with start and ends
// before the next byte end.
func without(doc []byte, start string, end byte) []byte {
	i := bytes.Index(doc, []byte(start))
	if i < 0 {
		return doc
	}
	n := bytes.IndexByte(doc[i+len(start):], end)
	if n < 0 {
		return doc
	}
	return append(bytes.Clone(doc[:i]), doc[i+len(start)+n:]...)
}

// cycle has agents write all of their documents once: a share of them with new
// content, or all of them with a member whose value is new each time.
func (w *rewriter) cycle(share float64, all bool) (rewritten, error) {
	w.sim.SetShare(share)
	w.rounds++
	out := rewritten{workflows: map[string]bool{}}
	for range contentSteps {
		w.now = w.now.Add(contentCycle / contentSteps)
		var docs [][]byte
		for _, d := range w.sim.Step(w.now) {
			if !isAgentRequest(d.JSON) {
				continue
			}
			doc := d.JSON
			if all {
				doc = bytes.Replace(doc, []byte(`"agent_team"`), fmt.Appendf(nil, `"written":%d,"agent_team"`, w.rounds), 1)
			}
			out.documents++
			out.bytes += int64(len(doc))
			if hash := w.hash(doc); hash != w.known[d.ID] {
				w.known[d.ID] = hash
				var head struct {
					Workflow string `json:"workflow"`
				}
				if err := json.Unmarshal(doc, &head); err != nil {
					return out, fmt.Errorf("read %s: %w", d.ID, err)
				}
				out.changed++
				out.workflows[head.Workflow] = true
			}
			docs = append(docs, doc)
		}
		if err := w.couch.Put(design.WMStatsDB, docs...); err != nil {
			return out, err
		}
	}
	return out, nil
}
