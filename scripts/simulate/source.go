package simulate

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/dmwm/wmstats/mock/couchfake"
	"github.com/dmwm/wmstats/mock/design"
)

// The login of the stand-in, if it requires one.
const user = "wmstats"

// source is the stand-in, its content, and since when it has each value.
type source struct {
	plan   *Plan
	trace  *trace
	fake   *couchfake.Server
	server *http.Server
	served chan struct{}
	load   load

	closing chan struct{}

	skew     time.Duration // error of its clock
	version  int64
	jobs     int
	password string // that it accepts

	is       content
	missing  map[string]bool // databases that do not exist at present
	backups  map[string]*couchfake.Backup
	backedUp map[string]content // content of the backups

	now   map[string]value               // values that the lists must show
	had   map[string]map[value]time.Time // earlier values, and until when the lists had to show them
	since map[string]time.Time           // since when the workflow has existed without a gap

	was         content              // content at the last observation
	goneReports map[[2]int]time.Time // agent reports that no longer exist, and since when
	goneInfos   map[int]time.Time    // the same for the agents' own documents
}

// absent is the value of a workflow that does not exist.
var absent = value{}

func newSource(p *Plan, n *network, tr *trace) (*source, error) {
	s := &source{
		plan: p, trace: tr, served: make(chan struct{}), closing: make(chan struct{}), password: "first", version: 1000,
		is: newContent(), missing: map[string]bool{}, backups: map[string]*couchfake.Backup{}, backedUp: map[string]content{},
		now: map[string]value{}, had: map[string]map[value]time.Time{}, since: map[string]time.Time{},
		goneReports: map[[2]int]time.Time{}, goneInfos: map[int]time.Time{},
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
		_ = s.server.Serve(n) // ends with the network
	}()
	return s, nil
}

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

// build removes the index of a view and starts to build it, like a change of the
// design document followed by a query.
func (s *source) build(v design.View, takes time.Duration) {
	s.fake.BuildIndex(couchfake.IndexBuild{Database: v.DB, Design: v.Design, Takes: takes})
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/"+v.DB+"/"+v.Path()+"?limit=0", http.NoBody)
	r.SetBasicAuth(user, s.password)
	s.fake.ServeHTTP(httptest.NewRecorder(), r)
}

// put writes a document; if the database does not exist, the write is lost.
func (s *source) put(db string, doc []byte) bool {
	if s.missing[db] {
		return false
	}
	if err := s.fake.Put(db, doc); err != nil {
		panic(err) // the documents are generated here
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

// rewrite writes the documents of an agent, as agents do every ten minutes.
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

// observe updates the expected values of the lists from the content of the
// databases.
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
	noteGone(s.goneReports, s.was.reports, s.is.reports, at)
	noteGone(s.goneInfos, s.was.infos, s.is.infos, at)
	s.was = s.is.clone()
}

func (s *source) replaced(name string, old value, at time.Time) {
	if s.had[name] == nil {
		s.had[name] = map[value]time.Time{}
	}
	s.had[name][old] = at
}

// until returns when the lists last had to show v for a workflow; false: never.
func (s *source) until(name string, v value) (time.Time, bool) {
	at, ok := s.had[name][v]
	return at, ok
}
