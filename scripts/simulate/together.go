package simulate

import (
	"encoding/json"
	"fmt"
	"hash/maphash"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dmwm/wmstats/schema/wire"
)

// Promises of several servers that answer as one.
const (
	Same   = "R1" // of two servers' generations with one id every byte is equal
	Steady = "R2" // a client that is sent anywhere sees no 410, no error, no step back, and no workflow twice or missing
)

// behind is how long a server may be behind the log and be sent requests (replica).
const behind = 6 * time.Second

// together observes the servers of a cluster, each alone and through the
// balancer.
type together struct {
	c *cluster

	bytes  map[string]uint64 // hashes of answers by generation and path
	number uint64            // of the newest generation that a client has seen
	first  uint64            // generation of the first snapshot of this log; 0: there was none yet
	newer  map[uint64]time.Time
	names  map[string]map[string]bool // of the workflows of recent generations
	scan   clusterScan
	feed   clusterFeed
}

func newTogether(c *cluster) *together {
	return &together{c: c, bytes: map[string]uint64{}, newer: map[uint64]time.Time{}, names: map[string]map[string]bool{}}
}

var hashed = maphash.MakeSeed()

// replaced records that there is another log: its generations have other names.
func (o *together) replaced() {
	o.number, o.first, o.newer = 0, 0, map[uint64]time.Time{}
	o.scan, o.feed = clusterScan{}, clusterFeed{}
	for _, m := range o.c.members {
		if m != nil {
			m.after = 0
		}
	}
}

// former reports whether a generation is of a log that was replaced: servers that have
// not noticed it, as they can't reach the log, answer from it, and others can't.
func (o *together) former(generation string) bool {
	epoch, _, _ := strings.Cut(generation, "-")
	return generation != "" && epoch != o.c.log
}

// lacks reports whether a server can't have a generation that another one has: it is of
// another log than the server; older than the first snapshot of the log, from which all
// servers but one have started; or older than a newer snapshot, where the log was slow:
// applying the entries since an older one would have taken long.
func (o *together) lacks(m *member, generation string) bool {
	number := numberOf(generation)
	slow := o.c.w.was([]string{string(LogSlow)}, o.c.w.began)
	return o.former(generation) || o.unheard(m) || number < o.first || slow && number < m.from.Load()
}

// numberOf returns the number of a generation; 0: it has none.
func numberOf(generation string) uint64 {
	_, digits, _ := strings.Cut(generation, "-")
	number, err := strconv.ParseUint(digits, 10, 64)
	if err != nil {
		return 0
	}
	return number
}

// unheard reports whether a server still answers from a log that was replaced. It can't
// have generations of the new one.
func (o *together) unheard(m *member) bool {
	return o.former(m.get("/fetch?fields=Status&limit=1").Header().Get(wire.HeaderGeneration))
}

func (o *together) broken(promise, format string, args ...any) *Broken {
	return &Broken{promise, Span(o.c.w.since()), fmt.Sprintf(format, args...)}
}

// equals are the answers of a generation that must be equal.
var equals = []string{
	"/fetch?limit=all&format=ndjson", "/campaign?limit=all", "/sites?limit=all", "/release?limit=all", "/stats?by=status&sum=Success", "/facet/campaign?limit=50", "/facet/site?limit=50",
	"/fetch?limit=5&sort=-Priority",
}

// look checks the servers.
func (o *together) look() *Broken {
	if entry, ok := o.c.engine.Oldest(); ok && o.first == 0 {
		o.first = entry
	}
	for _, m := range o.c.members {
		if m == nil {
			continue
		}
		if b := o.same(m, ""); b != nil {
			return b
		}
		if first, _ := m.first.Load().(string); !o.former(first) && first != "" && numberOf(first) < m.after {
			return o.broken(Steady, "%s answers from generation %s first, and a client had seen %d when it was started", m.name, first, m.after)
		}
	}
	for _, step := range []func() *Broken{o.list, o.page, o.change} {
		if b := step(); b != nil {
			return b
		}
	}
	return nil
}

// same compares what a server answers for a generation, "" for its newest, with what
// others have answered.
func (o *together) same(m *member, id string) *Broken {
	w := m.get("/fetch?fields=Status&limit=10000" + pinned(id))
	if w.Code == http.StatusServiceUnavailable || id != "" && w.Code == http.StatusGone {
		return nil
	}
	if w.Code != http.StatusOK {
		return o.broken(Answered, "%s answers %d %s", m.name, w.Code, w.Body)
	}
	id = w.Header().Get(wire.HeaderGeneration)
	rows, err := parseRows(w.Body.Bytes())
	if err != nil {
		return o.broken(Answered, "%s: %v", m.name, err)
	}
	o.names[id] = map[string]bool{}
	for name := range rows {
		o.names[id][name] = true
	}
	for _, path := range equals {
		w := m.get(path + pinned(id))
		if w.Code != http.StatusOK {
			return o.broken(Answered, "%s%s answers %d %s", m.name, path+pinned(id), w.Code, w.Body)
		}
		hash, key := maphash.Bytes(hashed, w.Body.Bytes()), id+path
		if known, ok := o.bytes[key]; ok && known != hash {
			return o.broken(Same, "%s of %s has other bytes at %s than at another server", path, id, m.name)
		}
		o.bytes[key] = hash
	}
	return nil
}

func pinned(id string) string {
	if id == "" {
		return ""
	}
	return "&gen=" + id
}

// list reads the newest list through the balancer: no step back.
func (o *together) list() *Broken {
	w, by := o.c.get("/fetch?fields=Status&limit=1")
	if w == nil || w.Code == http.StatusServiceUnavailable {
		return nil // no server is ready
	}
	if w.Code != http.StatusOK {
		return o.broken(Steady, "%s: a list answers %d %s", by.name, w.Code, w.Body)
	}
	if o.former(w.Header().Get(wire.HeaderGeneration)) {
		return nil
	}
	number := numberOf(w.Header().Get(wire.HeaderGeneration))
	if number == 0 {
		return o.broken(Steady, "%s: generation %q", by.name, w.Header().Get(wire.HeaderGeneration))
	}
	// The client asks another server for the same generation at once.
	again, other := o.c.get("/fetch?fields=Status&limit=1" + pinned(w.Header().Get(wire.HeaderGeneration)))
	if again != nil && again.Code == http.StatusGone && o.lacks(other, w.Header().Get(wire.HeaderGeneration)) {
		return nil
	}
	if again != nil && again.Code != http.StatusOK && again.Code != http.StatusServiceUnavailable && w.Header().Get(wire.HeaderStale) == "" {
		return o.broken(Steady, "%s has %s, and %s answers %d", by.name, w.Header().Get(wire.HeaderGeneration), other.name, again.Code)
	}
	now := time.Now()
	if w.Header().Get(wire.HeaderStale) == "" {
		o.c.w.lastFresh = now
	}
	if number > o.number {
		o.newer[o.number] = now
		o.number = number
	}
	if number < o.number && w.Header().Get(wire.HeaderStale) == "" {
		for older, since := range o.newer {
			if older >= number && now.Sub(since) > behind {
				return o.broken(Steady, "%s answers from generation %d, and a client has seen a newer one than %d for %s", by.name, number, older, now.Sub(since))
			}
		}
	}
	return nil
}

// clusterScan is a client that follows Link from server to server, one page per check.
type clusterScan struct {
	next, generation string
	stale            bool // a server that was cut off from the log answered: the others may have dropped its generation
	names            map[string]bool
}

func (o *together) page() *Broken {
	s := &o.scan
	path := s.next
	if path == "" {
		*s = clusterScan{names: map[string]bool{}}
		path = "/fetch?fields=Status&limit=" + pageLength
	}
	w, by := o.c.get(path)
	if w == nil || w.Code == http.StatusServiceUnavailable {
		return nil // it tries again
	}
	if w.Code == http.StatusGone && (s.stale || o.lacks(by, s.generation)) {
		*s = clusterScan{}
		return nil
	}
	if w.Code != http.StatusOK {
		return o.broken(Steady, "%s answers %d to %s of a scan: %s", by.name, w.Code, path, w.Body)
	}
	s.stale = s.stale || w.Header().Get(wire.HeaderStale) != ""
	rows, err := parseRows(w.Body.Bytes())
	if err != nil {
		return o.broken(Steady, "%s: %v", path, err)
	}
	s.generation = w.Header().Get(wire.HeaderGeneration)
	for name := range rows {
		if s.names[name] {
			return o.broken(Steady, "a scan of %s has %s twice", s.generation, name)
		}
		s.names[name] = true
	}
	s.next = ""
	if m := nextLink.FindStringSubmatch(w.Header().Get("Link")); m != nil {
		s.next = m[1]
		return nil
	}
	if want, ok := o.names[s.generation]; ok && !sameNames(s.names, want) {
		return o.broken(Steady, "a scan of %s has %v, the list %v", s.generation, slices.Sorted(maps.Keys(s.names)), slices.Sorted(maps.Keys(want)))
	}
	return nil
}

// clusterFeed is a client that keeps the names of the list by /changes, which it asks
// of any server.
type clusterFeed struct {
	generation string
	stale      bool // as of a clusterScan
	names      map[string]bool
}

func (o *together) change() *Broken {
	f := &o.feed
	if f.generation == "" {
		w, _ := o.c.get("/fetch?fields=Status&limit=10000")
		if w == nil || w.Code != http.StatusOK {
			return nil
		}
		f.generation, f.stale = w.Header().Get(wire.HeaderGeneration), w.Header().Get(wire.HeaderStale) != ""
		rows, err := parseRows(w.Body.Bytes())
		if err != nil {
			return o.broken(Steady, "%v", err)
		}
		f.names = map[string]bool{}
		for name := range rows {
			f.names[name] = true
		}
		return nil
	}
	w, by := o.c.get("/changes?since=" + f.generation)
	if w == nil || w.Code == http.StatusServiceUnavailable {
		return nil
	}
	var change wire.Change
	if err := json.Unmarshal(w.Body.Bytes(), &change); w.Code != http.StatusOK || err != nil {
		return o.broken(Steady, "%s answers %d %v to /changes since %s: %s", by.name, w.Code, err, f.generation, w.Body)
	}
	if change.Event == wire.EventReset && (f.stale || o.lacks(by, f.generation)) {
		*f = clusterFeed{}
		return nil
	}
	if change.Event == wire.EventReset {
		return o.broken(Steady, "%s resets a feed since %s", by.name, f.generation)
	}
	for _, name := range change.Workflows {
		f.names[name] = true
	}
	for _, name := range change.Gone {
		delete(f.names, name)
	}
	f.generation, f.stale = change.Generation, w.Header().Get(wire.HeaderStale) != ""
	if want, ok := o.names[f.generation]; ok && !change.Truncated && !sameNames(f.names, want) {
		return o.broken(Steady, "/changes up to %s returns %v, the list has %v", f.generation, slices.Sorted(maps.Keys(f.names)), slices.Sorted(maps.Keys(want)))
	}
	if change.Truncated {
		*f = clusterFeed{}
	}
	return nil
}

// equal is checked when no fault has occurred for a while: all servers are ready and have
// the same generations, whose records equal those of a server that has just read
// everything.
func (o *together) equal() *Broken {
	time.Sleep(slack + time.Duration(o.c.w.plan.Poll))
	ids := map[string]bool{}
	for id := range o.names {
		ids[id] = true
	}
	for _, m := range o.c.members {
		if m == nil || !m.ready() {
			return o.broken(Equal, "a server is not ready; the last fault ended at %s", o.c.w.span(o.c.w.quiet))
		}
		for id := range ids {
			if b := o.same(m, id); b != nil {
				return b
			}
		}
	}
	list, err := parseList(o.c.members[0].get(listPath), nil)
	if err != nil {
		return o.broken(Answered, "%s: %v", listPath, err)
	}
	if list.trueLoss(o.c.w) {
		return o.c.w.believe()
	}
	fresh, end, err := o.c.w.fresh()
	if err != nil {
		return o.broken(Equal, "a fresh server: %v", err)
	}
	defer end()
	var broken *Broken
	for tries := range 4 { // alerts are evaluated twice a minute
		if tries > 0 {
			time.Sleep(31 * time.Second)
		}
		if broken = o.fresh(fresh); broken == nil {
			break
		}
	}
	o.names = map[string]map[string]bool{}
	return broken
}

// fresh compares each server with a fresh one.
func (o *together) fresh(fresh *process) *Broken {
	for _, m := range o.c.members {
		for _, path := range compared {
			is, want := m.get(path), fresh.get(path)
			if is.Code != http.StatusOK || want.Code != http.StatusOK {
				return o.broken(Answered, "%s answers %d at %s, a fresh server %d", path, is.Code, m.name, want.Code)
			}
			if stale := is.Header().Get(wire.HeaderStaleReason); stale != "" {
				return o.broken(Equal, "%s is stale, %q; the last fault ended at %s", m.name, stale, o.c.w.span(o.c.w.quiet))
			}
			if a, b := o.c.w.oracle.comparable(is.Body.Bytes()), o.c.w.oracle.comparable(want.Body.Bytes()); string(a) != string(b) {
				return o.broken(Equal, "%s of %s differs from a fresh server's; the last fault ended at %s\n%s", path, m.name, o.c.w.span(o.c.w.quiet), difference(a, b))
			}
		}
	}
	return nil
}
