package simulate

import (
	"context"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/follower"
	"github.com/dmwm/wmstats/cacheserver/store"
	"github.com/dmwm/wmstats/mock/couchfake"
	"github.com/dmwm/wmstats/mock/design"
	"github.com/dmwm/wmstats/schema"
)

// TestTheOracleIsNotBlind breaks each promise without the oracle's knowledge and
// expects that the oracle reports it.
func TestTheOracleIsNotBlind(t *testing.T) {
	feed := couchfake.Match{Path: "/" + design.RequestDB + "/_changes"}
	later := func(do func(w *world)) func(*world) {
		return func(w *world) {
			w.at(w.began.Add(3*time.Minute), func() *Broken {
				do(w)
				w.source.observe()
				return nil
			})
		}
	}
	answers := func(match func(u *url.URL) bool, status int) func(*world) {
		return later(func(w *world) {
			next := w.process.handler
			w.process.handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				if match(r.URL) {
					rw.WriteHeader(status)
					return
				}
				next.ServeHTTP(rw, r)
			})
		})
	}
	for _, c := range []struct {
		name, promise string
		secretly      func(*world)
	}{
		{"changes that nobody can see", Honest, later(func(w *world) {
			w.source.fake.Misbehave(couchfake.Fault{Kind: couchfake.OmitRow, Match: feed})
			w.net.each(&linkFault{}, func(l *link) { l.end(true) }) // the open feed would deliver it
			w.source.request(1, "announced")
		})},
		{"a deletion that is none", Kept, later(func(w *world) {
			w.source.fake.Delete(design.RequestDB, documentID(2, -1))
		})},
		{"a state that stays stale", Equal, later(func(w *world) {
			w.source.fake.Misbehave(couchfake.Fault{Kind: couchfake.FailStatus, Match: couchfake.Match{Path: "/" + design.RequestDB}})
		})},
		{"a full read that is held back and nothing is gone", Equal, later(func(w *world) {
			w.source.fake.Misbehave(couchfake.Fault{Kind: couchfake.EmptyDB, Match: couchfake.Match{Path: "/" + design.RequestDB}})
			w.source.fake.Misbehave(couchfake.Fault{Kind: couchfake.ForgetSeqs, Match: feed})
			w.net.each(&linkFault{}, func(l *link) { l.end(true) })
		})},
		{"the same of agents' documents", Equal, later(func(w *world) {
			w.source.fake.Misbehave(couchfake.Fault{Kind: couchfake.EmptyDB, Match: couchfake.Match{Path: "/" + design.WMStatsDB}})
			w.source.fake.Misbehave(couchfake.Fault{Kind: couchfake.ForgetSeqs, Match: feed})
			w.net.each(&linkFault{}, func(l *link) { l.end(true) })
		})},
		{"a list that fails", Answered, answers(func(u *url.URL) bool { return u.Path == "/sites" }, http.StatusInternalServerError)},
		{"generations that are always gone", Answered, answers(func(u *url.URL) bool { return u.Query().Get("limit") == "10000" && u.Query().Has("gen") }, http.StatusGone)},
		{"pages that are not kept", Answered, answers(func(u *url.URL) bool { return u.Query().Get("limit") == pageLength && u.Query().Has("gen") }, http.StatusGone)},
		{"goroutines that stay", Stopped, later(func(w *world) {
			ctx, stop := context.WithCancel(context.Background())
			records, err := store.New(store.Options{})
			require.NoError(t, err)
			another, err := follower.New(follower.Options{Source: w.process.client, Store: follower.OfStore(records)})
			require.NoError(t, err)
			go func() { _ = another.Run(ctx) }()
			go func() { <-w.source.closing; stop() }() // so that the bubble ends
		})},
		{"a rule that is gone", Judged, later(func(w *world) { w.process.store.SetLimits(schema.DefaultLimits()) })},
		{"a rule that holds too late", Judged, later(func(w *world) {
			late := limits()
			late.Own[2].For *= 10
			w.process.store.SetLimits(late)
		})},
		{"a rule that holds too early", Judged, later(func(w *world) {
			early := limits()
			early.Own[2].For = 0
			w.process.store.SetLimits(early)
			w.source.request(7, "running-open")
		})},
		{"a loop without a pause", Gentle, later(func(w *world) {
			for range mostAsked + 1 {
				w.source.load.add()
			}
		})},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, trace := runWith(t, Plan{Hours: 0.45, Workflows: 8, Agents: 1}, c.secretly)
			require.NotNil(t, b, trace)
			require.Equal(t, c.promise, b.Promise, b)
		})
	}
}

const heldBack = "far fewer documents than are known"

// TestTrueLoss: a read may be held back only if the source has lost documents: by
// the rule, at least five and a fifth of them, or at least a half.
func TestTrueLoss(t *testing.T) {
	for _, c := range []struct {
		listed, there int
		want          bool
	}{
		{0, 0, false}, {10, 10, false}, {10, 6, false}, {10, 5, true}, {2, 1, true}, {25, 21, false}, {25, 20, true}, {26, 21, false}, {30, 24, true},
	} {
		w := &world{plan: &Plan{}, source: &source{now: map[string]value{}}}
		list := &listed{reason: heldBack, rows: map[string]value{}}
		for i := range c.listed {
			list.rows[workflowName(i)] = value{}
		}
		for i := range c.there {
			w.source.now[workflowName(i)] = value{Priority: 1}
		}
		w.source.now["another"] = value{}
		assert.Equal(t, c.want, list.trueLoss(w), "%d of %d", c.there, c.listed)
	}
}

// TestTrueLossOfAgentsDocuments: the same for agent reports and for agents. Only
// documents that have gone since the last time that nothing was stale count, and
// only those of the missed kind.
func TestTrueLossOfAgentsDocuments(t *testing.T) {
	start := time.Now()
	for _, c := range []struct {
		had, lost int
		went      time.Duration // after the last time that nothing was stale
		want      bool
	}{
		{10, 0, time.Minute, false}, {10, 4, time.Minute, false}, {10, 5, time.Minute, true}, {2, 2, time.Minute, true},
		{25, 5, time.Minute, true}, {26, 5, time.Minute, false}, {2, 2, -time.Hour, false}, {2, 2, -time.Minute, true},
	} {
		for _, kind := range []string{"agent documents", "agents"} {
			s := &source{is: newContent(), goneReports: map[[2]int]time.Time{}, goneInfos: map[int]time.Time{}}
			s.was = newContent()
			for i := range c.had {
				if kind == "agents" {
					s.was.infos[i] = 1
				} else {
					s.was.reports[[2]int{i, 0}] = report{}
				}
			}
			s.is = s.was.clone()
			for i := range c.lost {
				delete(s.is.infos, i)
				delete(s.is.reports, [2]int{i, 0})
			}
			noteGone(s.goneReports, s.was.reports, s.is.reports, start.Add(c.went))
			noteGone(s.goneInfos, s.was.infos, s.is.infos, start.Add(c.went))
			w := &world{plan: &Plan{}, source: s, lastFresh: start}
			for missed, want := range map[string]bool{"agent documents": c.want && kind != "agents", "agents": c.want && kind == "agents", "requests": false} {
				list := &listed{reason: heldBack + ": 2 of 2 " + missed + " were missing"}
				assert.Equal(t, want, list.trueLoss(w), "%d of %d %s gone, %s missed, %v", c.lost, c.had, kind, missed, c.went)
			}
		}
	}
}

// TestAValueThatComesAgain: a record equals the source's value of an hour ago. If it
// was right a moment ago, it differs since then; if not, it has differed for long.
func TestAValueThatComesAgain(t *testing.T) {
	now, v := time.Now(), value{Success: 1}
	w := &world{plan: &Plan{}, source: &source{had: map[string]map[value]time.Time{"w": {v: now.Add(-time.Hour)}}}}
	o := &oracle{w: w, list: &listed{}, fresh: now.Add(-time.Hour), agreed: map[string]time.Time{"w": now.Add(-15 * time.Second)}}
	assert.Nil(t, o.differs("w", v, value{Success: 2}, now, time.Minute))
	o.agreed["w"] = now.Add(-2 * time.Minute)
	assert.NotNil(t, o.differs("w", v, value{Success: 2}, now, time.Minute))
}
