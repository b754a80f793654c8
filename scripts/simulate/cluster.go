package simulate

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/dmwm/wmstats/cacheserver/replica/memlog"
)

// cluster is the servers of a plan with several: they share a log, and clients
// reach them through a balancer that sends each request to the next one.
type cluster struct {
	w       *world
	engine  *memlog.Engine
	members []*member // nil: it is down
	faults  []map[memlog.Fault]int
	late    []time.Duration
	notices []int
	lives   int
	full    int    // how often the log has no room
	logs    int    // number of logs until now
	log     string // name of the newest
	turn    int
	mistake mistake
	checks  *together
}

func newCluster(w *world) *cluster {
	n := w.plan.Servers
	c := &cluster{w: w, members: make([]*member, n), late: make([]time.Duration, n), notices: make([]int, n)}
	for range n {
		c.faults = append(c.faults, map[memlog.Fault]int{})
	}
	c.checks = newTogether(c)
	c.engine = memlog.New(c.epoch())
	return c
}

// epoch returns the name of a new log.
func (c *cluster) epoch() string {
	c.logs++
	c.log = fmt.Sprintf("log%03d", c.logs)
	return c.log
}

// start starts a member.
func (c *cluster) start(at int) *Broken {
	c.lives++
	m, err := newMember(memberOptions{
		plan: c.w.plan, name: fmt.Sprintf("s%d.%d", at, c.lives), engine: c.engine, dial: c.w.net, password: c.w.ourPassword, dir: c.w.dir, believe: c.w.believing,
		after: c.checks.number, mistake: c.mistake,
		log: slog.New(logTo{trace: c.w.trace}),
	})
	if err != nil {
		return c.checks.broken("setup", "start: %v", err)
	}
	m.log.Set(c.late[at], c.notices[at])
	for f, times := range c.faults[at] {
		for range times {
			m.log.Begin(f)
		}
	}
	m.start()
	c.members[at] = m
	return nil
}

// restart restarts each server.
func (c *cluster) restart() *Broken {
	for at := range c.members {
		if b := c.end(at, true); b != nil {
			return b
		}
		if b := c.start(at); b != nil {
			return b
		}
	}
	return nil
}

// end ends a member, and checks Stopped if no other one runs.
func (c *cluster) end(at int, inOrder bool) *Broken {
	m := c.members[at]
	if m == nil {
		return nil
	}
	c.members[at] = nil
	if err := m.end(inOrder); err != nil {
		return c.checks.broken(Stopped, "%v", err)
	}
	for _, other := range c.members {
		if other != nil {
			return nil
		}
	}
	if left := leftRunning(); len(left) > 0 {
		return c.checks.broken(Stopped, "%d goroutines are left, the first:\n%s", len(left), left[0])
	}
	return nil
}

// stop ends all members.
func (c *cluster) stop() (broken *Broken) {
	for at := range c.members {
		if b := c.end(at, true); broken == nil {
			broken = b
		}
	}
	return broken
}

// supervise starts members again that have ended without being told to, as Kubernetes does.
func (c *cluster) supervise() *Broken {
	for at, m := range c.members {
		if m == nil {
			continue
		}
		select {
		case err := <-m.ended:
			c.w.trace.add("   %s has ended: %v", m.name, err)
			if b := c.end(at, true); b != nil {
				return b
			}
			if b := c.start(at); b != nil {
				return b
			}
		default:
		}
	}
	return nil
}

// begin begins a fault between a server and the log; it stays while the server is
// restarted.
func (c *cluster) begin(at int, f memlog.Fault) {
	c.faults[at][f]++
	if m := c.members[at]; m != nil {
		m.log.Set(c.late[at], c.notices[at])
		m.log.Begin(f)
	}
}

func (c *cluster) finish(at int, f memlog.Fault) {
	c.faults[at][f]--
	if m := c.members[at]; m != nil && m.log.Is(f) {
		m.log.End(f)
	}
}

// get sends a request to the next server that is ready, and to another one if it
// answers 503: as HAProxy does. nil: none is ready. The second result says who
// answered.
func (c *cluster) get(path string) (*httptest.ResponseRecorder, *member) {
	var last *httptest.ResponseRecorder
	var by *member
	c.turn++
	for i := range c.members {
		m := c.members[(c.turn+i)%len(c.members)]
		if m == nil || !m.ready() {
			continue
		}
		last, by = m.get(path), m
		if last.Code != http.StatusServiceUnavailable {
			break
		}
	}
	return last, by
}

// faultsOfServers are the kinds of events that are faults between a server and the log.
var faultsOfServers = map[Kind]memlog.Fault{
	LogCut: memlog.Cut, LogDeaf: memlog.Deaf, LogBlind: memlog.Blind, LogFull: memlog.Overloaded, LogExcuse: memlog.Excused,
	LogFreeze: memlog.Frozen, LogSlow: memlog.Slow, LogLossy: memlog.Lossy, LogDouble: memlog.Doubled,
}

// happen executes an event of the servers.
func (c *cluster) happen(e *Event) *Broken {
	at := e.Server % len(c.members)
	if f, ok := faultsOfServers[e.Kind]; ok {
		if e.Wait > 0 {
			c.late[at] = time.Duration(e.Wait)
		}
		c.notices[at] = max(e.N, 1)
		c.begin(at, f)
		c.w.during(e, func() { c.finish(at, f) })
		return nil
	}
	switch e.Kind {
	case Kill, Cold, Halt:
		if c.members[at] == nil {
			return nil
		}
		if b := c.end(at, e.Kind == Halt); b != nil {
			return b
		}
		c.w.cause(e, time.Duration(e.For))
		c.w.at(time.Now().Add(time.Duration(e.For)), func() *Broken { return c.start(at) })
	case LogNoRoom:
		c.full++
		c.engine.SetFull(true)
		c.w.during(e, func() {
			c.full--
			c.engine.SetFull(c.full > 0)
		})
	case LogReplace:
		c.w.cause(e, 0)
		c.engine.Replace(c.epoch())
		c.checks.replaced()
	}
	return nil
}
