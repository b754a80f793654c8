package couch

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	shownAfter = time.Second     // do not report an index that takes less time to build
	tasksEvery = 5 * time.Second // interval of progress requests
)

// IndexBuild is a view index that the server builds before it can answer.
type IndexBuild struct {
	Database Database
	View     string    // design/name
	Since    time.Time // when the view was requested
	Percent  int       // -1: unknown; only administrators can ask
}

// Indexing returns the indexes that a read waits for.
func (c *Client) Indexing() []IndexBuild {
	c.mu.Lock()
	defer c.mu.Unlock()
	var list []IndexBuild
	for _, b := range c.indexing {
		if time.Since(b.Since) >= shownAfter {
			list = append(list, *b)
		}
	}
	slices.SortFunc(list, func(a, b IndexBuild) int { return cmp.Compare(a.Database, b.Database) })
	return list
}

// beginIndex records that a read waits for a view. If it is recorded already it
// stays as it is.
func (c *Client) beginIndex(db Database, view string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if b := c.indexing[db]; b == nil || b.View != view {
		c.indexing[db] = &IndexBuild{Database: db, View: view, Since: time.Now(), Percent: -1}
	}
}

func (c *Client) endIndex(db Database) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.indexing, db)
}

// buildIndex requests a view without its rows, so that the server updates the
// index, and returns the view's number of rows; -1: not reported.
func (c *Client) buildIndex(ctx context.Context, db Database, design, name string) (rows int64, err error) {
	c.beginIndex(db, design+"/"+name)
	watching, stop := context.WithCancel(ctx)
	var watch sync.WaitGroup
	watch.Go(func() { c.watchIndex(watching, db, design) })
	defer watch.Wait()
	defer stop()
	query := url.Values{"limit": {"0"}, "reduce": {"false"}}
	var answer struct {
		Total *int64 `json:"total_rows"`
	}
	if err := c.small(ctx, "build the index of "+design+"/"+name, db, viewPath(design, name), query, &answer); err != nil {
		return 0, err
	}
	c.endIndex(db)
	if answer.Total == nil {
		return -1, nil
	}
	return *answer.Total, nil
}

// small reads an answer of a few bytes that may take long to arrive.
func (c *Client) small(ctx context.Context, op string, db Database, path string, query url.Values, into any) error {
	s, err := c.open(ctx, op, http.MethodGet, db, path, query, nil, c.o.ReadIdle)
	if err != nil {
		return err
	}
	defer s.close()
	text, err := s.all(1 << 20)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return &Error{Op: op, Kind: ErrForm, Err: err}
	}
	return nil
}

// watchIndex records and logs the progress of an index until ctx ends or the
// server does not report it.
func (c *Client) watchIndex(ctx context.Context, db Database, design string) {
	for wait := shownAfter; ; wait = tasksEvery {
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		percent, err := c.progress(ctx, db, design)
		if ctx.Err() != nil {
			return
		}
		c.mu.Lock()
		b := c.indexing[db]
		if b != nil {
			b.Percent = percent
		}
		c.mu.Unlock()
		if b != nil {
			c.o.Log.Info("CouchDB is building the index of a view", "database", db.String(), "view", b.View,
				"since", b.Since.UTC().Format(time.RFC3339), "percent", percent)
		}
		if err != nil {
			return // the login is not an administrator's, or the server has no task list
		}
	}
}

// progress returns how many percent of a design document's index are done; -1:
// it is not being built, or the server does not report it.
func (c *Client) progress(ctx context.Context, db Database, design string) (percent int, err error) {
	const op = "ask for active tasks"
	ctx, cancel := context.WithTimeout(ctx, c.o.CallTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(c.base.String(), "/")+"/_active_tasks", http.NoBody)
	if err != nil {
		return -1, &Error{Op: op, Kind: ErrRefused, Err: plain(err)}
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return -1, ofTransport(ctx, op, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return -1, ofStatus(op, resp.StatusCode, "", "")
	}
	var tasks []struct {
		Type     string  `json:"type"`
		Database string  `json:"database"` // shards/00000000-7fffffff/NAME.1700000000
		Design   string  `json:"design_document"`
		Done     float64 `json:"changes_done"`
		Total    float64 `json:"total_changes"`
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, 4<<20)).Decode(&tasks); err != nil {
		return -1, &Error{Op: op, Kind: ErrForm, Err: err}
	}
	var done, total float64
	for _, exact := range []bool{true, false} { // behind a front end the design document has another name
		for _, t := range tasks {
			if t.Type == "indexer" && c.isShard(t.Database, db) && (!exact || t.Design == "_design/"+design) {
				done, total = done+t.Done, total+t.Total
			}
		}
		if total > 0 {
			return int(min(100*done/total, 100)), nil
		}
	}
	return -1, nil
}

// isShard reports whether a task's database is db or a shard of it.
func (c *Client) isShard(name string, db Database) bool {
	if rest, ok := strings.CutPrefix(name, "shards/"); ok {
		_, name, _ = strings.Cut(rest, "/")
		if i := strings.LastIndexByte(name, '.'); i >= 0 {
			name = name[:i]
		}
	}
	return name == c.DatabaseName(db)
}

func viewPath(design, name string) string {
	return fmt.Sprintf("_design/%s/_view/%s", url.PathEscape(design), url.PathEscape(name))
}
