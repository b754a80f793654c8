package couchfake

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// IndexBuild is an index of views that does not exist yet and takes time to
// build. It begins with the first query of one of its views, which waits for it
// like all following queries, and continues when they time out.
type IndexBuild struct {
	Database, Design string        // whose views
	Takes            time.Duration // from the first query until it can be used
	Timeout          time.Duration // a query that waits longer is 500 timeout; 0: 60 s, CouchDB's own limit
}

// indexBuilds are the indexes that do not exist yet, by database and design
// document.
type indexBuilds struct {
	mu     sync.Mutex
	builds map[string]*indexBuild
}

type indexBuild struct {
	IndexBuild
	began time.Time // zero: no query has arrived
	done  chan struct{}
	total int // documents
}

// BuildIndex removes the index of the views of a design document, as a change
// of its text does. The views answer again when the index has been built.
func (s *Server) BuildIndex(b IndexBuild) {
	if b.Timeout == 0 {
		b.Timeout = time.Minute
	}
	s.builds.mu.Lock()
	defer s.builds.mu.Unlock()
	s.builds.builds[b.Database+"/"+b.Design] = &indexBuild{IndexBuild: b, done: make(chan struct{})}
}

// build returns the build that a query has to wait for, and starts it; nil when
// the index exists.
func (s *Server) build(db *database, designs ...string) *indexBuild {
	s.builds.mu.Lock()
	defer s.builds.mu.Unlock()
	for _, design := range designs {
		b := s.builds.builds[db.name+"/"+design]
		if b == nil {
			continue
		}
		if b.began.IsZero() {
			b.began, b.total = time.Now(), db.info().live
			time.AfterFunc(b.Takes, func() { s.built(b) })
		}
		return b
	}
	return nil
}

func (s *Server) built(b *indexBuild) {
	s.builds.mu.Lock()
	defer s.builds.mu.Unlock()
	close(b.done)
	if key := b.Database + "/" + b.Design; s.builds.builds[key] == b {
		delete(s.builds.builds, key)
	}
}

// waitForIndex waits until the index of a view exists, or as long as CouchDB
// lets a query wait.
func (c *call) waitForIndex(db *database, designs ...string) error {
	b := c.server.build(db, designs...)
	if b == nil {
		return nil
	}
	timer := time.NewTimer(b.Timeout)
	defer timer.Stop()
	select {
	case <-b.done:
		return nil
	case <-timer.C:
		return timeout()
	case <-c.r.Context().Done():
	case <-c.server.closed:
	}
	return c.abort()
}

// activeTasks lists the indexes that are being built, for administrators.
func (s *Server) activeTasks(c *call) error {
	if err := c.allow(http.MethodGet, http.MethodHead); err != nil {
		return err
	}
	if s.opts.NotAdmin {
		return notAdmin()
	}
	type task struct {
		Node         string `json:"node"`
		PID          string `json:"pid"`
		ChangesDone  int    `json:"changes_done"`
		Database     string `json:"database"`
		Design       string `json:"design_document"`
		Progress     int    `json:"progress"`
		StartedOn    int64  `json:"started_on"`
		TotalChanges int    `json:"total_changes"`
		Type         string `json:"type"`
		UpdatedOn    int64  `json:"updated_on"`
	}
	list := []task{}
	s.builds.mu.Lock()
	for _, b := range s.builds.builds {
		if b.began.IsZero() {
			continue
		}
		share := min(float64(time.Since(b.began))/float64(b.Takes), 1)
		done := int(share * float64(b.total))
		for shard, part := range []int{done / 2, done - done/2} {
			list = append(list, task{
				Node: "nonode@nohost", PID: fmt.Sprintf("<0.%d.0>", 100+len(list)), Type: "indexer",
				Database: "shards/" + [...]string{"00000000-7fffffff", "80000000-ffffffff"}[shard] + "/" + b.Database + "." + strconv.FormatInt(b.began.Unix(), 10),
				Design:   "_design/" + b.Design, ChangesDone: part, TotalChanges: (b.total + 1) / 2, Progress: int(100 * share),
				StartedOn: b.began.Unix(), UpdatedOn: time.Now().Unix(),
			})
		}
	}
	s.builds.mu.Unlock()
	text, err := json.Marshal(list)
	if err != nil {
		return fmt.Errorf("active tasks: %w", err)
	}
	return c.send(http.StatusOK, string(text))
}
