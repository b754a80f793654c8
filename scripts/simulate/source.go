package simulate

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dmwm/wmstats/mock/couchfake"
	"github.com/dmwm/wmstats/mock/design"
)

// The login of the stand-in, where it asks for one.
const user = "wmstats"

// source is the stand-in, what is in it, and since when.
type source struct {
	plan   *Plan
	trace  *trace
	fake   *couchfake.Server
	server *http.Server
	served chan struct{}
	load   load

	closing chan struct{}

	skew     time.Duration // of its clock
	version  int64
	jobs     int
	password string // that it takes

	is       content
	missing  map[string]bool // databases that do not exist now
	backups  map[string]*couchfake.Backup
	backedUp map[string]content // what the backups hold

	now   map[string]value               // what the lists must say
	had   map[string]map[value]time.Time // until when they had to say so
	since map[string]time.Time           // the workflow has been there all the time since then
}

// absent is the value of a workflow that is not there.
var absent = value{}

func newSource(p *Plan, n *network, tr *trace) (*source, error) {
	s := &source{
		plan: p, trace: tr, served: make(chan struct{}), closing: make(chan struct{}), password: "first", version: 1000,
		is: newContent(), missing: map[string]bool{}, backups: map[string]*couchfake.Backup{}, backedUp: map[string]content{},
		now: map[string]value{}, had: map[string]map[value]time.Time{}, since: map[string]time.Time{},
	}
	o := couchfake.Options{Uncompressed: true, Now: func() time.Time { return time.Now().Add(s.skew) }}
	if p.Login {
		o.User, o.Password = user, s.password
	}
	s.fake = couchfake.New(o)
	for _, db := range databases {
		if err := s.fake.Create(db); err != nil {
			return nil, fmt.Errorf("set up the source: %w", err)
		}
	}
	if !p.NoViews {
		for _, db := range databases {
			if err := s.writeDesign(db); err != nil {
				return nil, err
			}
		}
	}
	for i := range p.Workflows {
		s.request(i, statuses[i%len(statuses)])
		for a := range p.Agents {
			if (i+a)%3 != 0 {
				s.report(i, a)
			}
		}
	}
	for a := range p.Agents {
		s.info(a)
	}
	s.server = &http.Server{Handler: http.HandlerFunc(s.serve), ReadHeaderTimeout: time.Minute}
	go func() {
		defer close(s.served)
		_ = s.server.Serve(n) // it ends with the network
	}()
	return s, nil
}

// mostAsked is how many requests in a minute are far too many.
const mostAsked = 2000

// load counts the requests of a minute.
type load struct {
	mu     sync.Mutex
	minute time.Time
	count  int
	most   int
}

// add counts a request and tells whether there are far too many.
func (l *load) add() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := time.Now().Truncate(time.Minute); !now.Equal(l.minute) {
		l.minute, l.count = now, 0
	}
	l.count++
	l.most = max(l.most, l.count)
	return l.count > mostAsked
}

// peak is the greatest number of requests in a minute.
func (l *load) peak() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.most
}

// serve answers a request and notes it.
func (s *source) serve(w http.ResponseWriter, r *http.Request) {
	if s.load.add() { // time would stand still
		select {
		case <-time.After(time.Minute):
		case <-s.closing:
		}
	}
	n := &noted{ResponseWriter: w}
	defer func() {
		query := r.URL.RawQuery
		if i := strings.Index(query, "since="); i >= 0 {
			query = query[:i] + "since=" + head(query[i+6:], 8)
		}
		s.trace.add("%-4s %s %s -> %d", r.Method, r.URL.Path, head(query, 80), n.status)
	}()
	s.fake.ServeHTTP(n, r)
}

func head(text string, n int) string { return text[:min(n, len(text))] }

// noted keeps the status of an answer for the trace.
type noted struct {
	http.ResponseWriter
	status int
}

func (n *noted) WriteHeader(status int) {
	n.status = status
	n.ResponseWriter.WriteHeader(status)
}

func (n *noted) Write(p []byte) (int, error) {
	n.status = cmp.Or(n.status, http.StatusOK)
	return n.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the connection.
func (n *noted) Unwrap() http.ResponseWriter { return n.ResponseWriter }

func (s *source) close() {
	close(s.closing)
	_ = s.fake.Close()
	_ = s.server.Close()
	<-s.served
}

// writeDesign writes the design documents of a database.
func (s *source) writeDesign(db string) error {
	docs, err := design.Documents()
	if err != nil {
		return fmt.Errorf("design documents: %w", err)
	}
	for _, d := range docs {
		if d.DB == db {
			if err := s.fake.Put(db, d.JSON); err != nil {
				return fmt.Errorf("write a design document: %w", err)
			}
		}
	}
	return nil
}

func (s *source) dropDesign(db string) {
	for _, v := range design.Views() {
		if v.DB == db {
			s.fake.Delete(db, "_design/"+v.Design)
		}
	}
}

// build takes the index of a view away and begins to build it, as a change of the
// design document and somebody's query do.
func (s *source) build(v design.View, takes time.Duration) {
	s.fake.BuildIndex(couchfake.IndexBuild{Database: v.DB, Design: v.Design, Takes: takes})
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/"+v.DB+"/"+v.Path()+"?limit=0", http.NoBody)
	r.SetBasicAuth(user, s.password)
	s.fake.ServeHTTP(httptest.NewRecorder(), r)
}

// put writes a document; in a database that is not there it gets lost.
func (s *source) put(db string, doc []byte) bool {
	if s.missing[db] {
		return false
	}
	if err := s.fake.Put(db, doc); err != nil {
		panic(err) // the documents are ours
	}
	return true
}

func (s *source) next() int64 {
	s.version += 1 + s.version%7
	return s.version
}

func (s *source) clock() int64 { return time.Now().Add(s.skew).Unix() }

func (s *source) request(n int, status string) {
	r := request{status, s.next(), s.clock()}
	if s.put(design.RequestDB, requestDocument(n, r)) {
		s.is.requests[n] = r
	}
}

func (s *source) remove(n int) {
	if s.missing[design.RequestDB] {
		return
	}
	s.fake.Delete(design.RequestDB, documentID(n, -1))
	delete(s.is.requests, n)
}

func (s *source) report(n, agent int) {
	r := report{n, agent, s.next(), s.clock()}
	if s.put(design.WMStatsDB, reportDocument(r)) {
		s.is.reports[[2]int{n, agent}] = r
	}
}

func (s *source) unreport(n, agent int) {
	if s.missing[design.WMStatsDB] {
		return
	}
	s.fake.Delete(design.WMStatsDB, documentID(n, agent))
	delete(s.is.reports, [2]int{n, agent})
}

func (s *source) info(agent int) {
	at := s.clock()
	if s.put(design.WMStatsDB, infoDocument(agent, at)) {
		s.is.infos[agent] = at
	}
}

// rewrite is what an agent does every ten minutes.
func (s *source) rewrite(agent int) {
	for _, key := range pick(s.is.reports, 0, len(s.is.reports), byWorkflow) {
		if r := s.is.reports[key]; r.agent == agent {
			r.time = s.clock()
			if s.put(design.WMStatsDB, reportDocument(r)) {
				s.is.reports[key] = r
			}
		}
	}
	s.info(agent)
}

func (s *source) job(n int) {
	for range n {
		s.jobs++
		s.put(design.WMStatsDB, jobDocument(s.jobs, time.Now()))
	}
}

// backup copies both databases.
func (s *source) backup() {
	for _, db := range databases {
		if b, err := s.fake.Backup(db); err == nil {
			s.backups[db], s.backedUp[db] = b, s.is.clone()
		}
	}
}

// restore puts the copy of a database in its place and tells whether there is
// one, with other content.
func (s *source) restore(db string) bool {
	b := s.backups[db]
	if b == nil || s.missing[db] {
		return false
	}
	s.fake.Restore(b)
	then := s.backedUp[db].clone()
	if db == design.RequestDB {
		s.is.requests = then.requests
	} else {
		s.is.reports, s.is.infos = then.reports, then.infos
	}
	return true
}

// purge purges up to n documents of a database, from number first on.
func (s *source) purge(db string, first, n int) {
	if s.missing[db] {
		return
	}
	if db == design.RequestDB {
		for _, i := range pick(s.is.requests, first, n, cmp.Compare[int]) {
			s.fake.Purge(db, documentID(i, -1))
			delete(s.is.requests, i)
		}
		return
	}
	for _, key := range pick(s.is.reports, first, n, byWorkflow) {
		s.fake.Purge(db, documentID(key[0], key[1]))
		delete(s.is.reports, key)
	}
}

// pick gives n keys in a row, from the first-th on.
func pick[K comparable, V any](of map[K]V, first, n int, compare func(a, b K) int) []K {
	keys := make([]K, 0, len(of))
	for k := range of {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, compare)
	var out []K
	for i := range min(n, len(keys)) {
		out = append(out, keys[(first+i)%len(keys)])
	}
	return out
}

// byWorkflow is the order of reports: by workflow, then by agent.
func byWorkflow(a, b [2]int) int { return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1])) }

// drop deletes a database.
func (s *source) drop(db string) {
	s.fake.Drop(db)
	s.missing[db] = true
	if db == design.RequestDB {
		s.is.requests = map[int]request{}
	} else {
		s.is.reports, s.is.infos = map[[2]int]report{}, map[int]int64{}
	}
}

// create makes a deleted database anew.
func (s *source) create(db string) {
	if err := s.fake.Create(db); err != nil {
		panic(err) // the names are ours
	}
	delete(s.missing, db)
	if !s.plan.NoViews {
		if err := s.writeDesign(db); err != nil {
			panic(err)
		}
	}
}

// fill writes a share of what a database held, in percent, beginning with the
// lowest numbers; what is there, in an active status, stays.
func (s *source) fill(db string, held content, percent int) {
	if s.missing[db] {
		return
	}
	if db == design.RequestDB {
		keys := pick(held.requests, 0, len(held.requests)*percent/100, cmp.Compare[int])
		for _, n := range keys {
			// One that has left the lists is gone for our server as well.
			if now, there := s.is.requests[n]; !there || archived[now.status] && !archived[held.requests[n].status] {
				s.is.requests[n] = held.requests[n]
				s.put(db, requestDocument(n, held.requests[n]))
			}
		}
		return
	}
	keys := pick(held.reports, 0, len(held.reports)*percent/100, byWorkflow)
	for _, k := range keys {
		if _, there := s.is.reports[k]; !there {
			s.is.reports[k] = held.reports[k]
			s.put(db, reportDocument(held.reports[k]))
		}
	}
	for _, a := range pick(held.infos, 0, len(held.infos), cmp.Compare[int]) {
		if _, there := s.is.infos[a]; !there {
			at := held.infos[a]
			s.is.infos[a] = at
			s.put(db, infoDocument(a, at))
		}
	}
}

// observe brings what the lists must say up to what the databases hold.
func (s *source) observe() {
	next, at := s.is.values(), time.Now()
	for name, old := range s.now {
		v, there := next[name]
		if there && v == old {
			continue
		}
		s.replaced(name, old, at)
		if !there {
			delete(s.since, name)
		}
	}
	for name := range next {
		if _, was := s.now[name]; !was {
			s.replaced(name, absent, at)
			s.since[name] = at
		}
	}
	s.now = next
}

func (s *source) replaced(name string, old value, at time.Time) {
	if s.had[name] == nil {
		s.had[name] = map[value]time.Time{}
	}
	s.had[name][old] = at
}

// until tells when the lists last had to say v of a workflow; false: never.
func (s *source) until(name string, v value) (time.Time, bool) {
	at, ok := s.had[name][v]
	return at, ok
}
