package requestcache_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/dmwm/wmstats/cacheserver/couch"
	"github.com/dmwm/wmstats/cacheserver/requestcache"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// oldServer holds documents and returns them in the format of the old server's
// answer. It is safe for concurrent use.
type oldServer struct {
	mu       sync.Mutex
	requests map[string]json.RawMessage
	agents   map[string]json.RawMessage // by document id
	written  func(answer []byte)        // called after each change
}

func newOldServer() *oldServer {
	return &oldServer{requests: map[string]json.RawMessage{}, agents: map[string]json.RawMessage{}, written: func([]byte) {}}
}

type head struct {
	ID       string `json:"_id"`
	Workflow string `json:"workflow"`
	Agent    string `json:"agent_url"`
}

func (o *oldServer) Put(t *testing.T, db couch.Database, docs ...string) {
	t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, doc := range docs {
		var h head
		assert.NoError(t, json.Unmarshal([]byte(doc), &h))
		if db == couch.Requests {
			o.requests[h.ID] = json.RawMessage(doc)
		} else {
			o.agents[h.ID] = json.RawMessage(doc)
		}
	}
	o.written(o.answer(t))
}

func (o *oldServer) PutInvented(t *testing.T, db couch.Database, docs ...string) {
	t.Helper()
	o.Put(t, db, docs...)
}

func (o *oldServer) Delete(t *testing.T, db couch.Database, ids ...string) {
	t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, id := range ids {
		if db == couch.Requests {
			delete(o.requests, id)
		} else {
			delete(o.agents, id)
		}
	}
	o.written(o.answer(t))
}

func (o *oldServer) Recreate(t *testing.T, _ couch.Database) { t.Fatal("the source has no databases") }

// answer merges the documents; the caller holds o.mu.
func (o *oldServer) answer(t *testing.T) []byte {
	t.Helper()
	merged := map[string]map[string]json.RawMessage{}
	for name, doc := range o.requests {
		var members map[string]json.RawMessage
		assert.NoError(t, json.Unmarshal(doc, &members))
		infos := map[string]json.RawMessage{}
		for _, agent := range o.agents {
			var h head
			assert.NoError(t, json.Unmarshal(agent, &h))
			if h.Workflow == name {
				infos[h.Agent] = agent
			}
		}
		if len(infos) > 0 {
			var err error
			members["AgentJobInfo"], err = json.Marshal(infos)
			assert.NoError(t, err)
		}
		merged[name] = members
	}
	text, err := json.Marshal(map[string]any{"result": []any{merged}})
	assert.NoError(t, err)
	return text
}

// writer replaces a file at each call, in one step as a download should, and
// sets its time: a file system may have the same time for two quick writes.
func writer(t *testing.T, path string) func([]byte) {
	t.Helper()
	at := time.Unix(1_795_000_000, 0)
	return func(text []byte) {
		at = at.Add(time.Second)
		assert.NoError(t, os.WriteFile(path+".new", text, 0o600))
		assert.NoError(t, os.Chtimes(path+".new", at, at))
		assert.NoError(t, os.Rename(path+".new", path))
	}
}

// open returns a source that checks for a new answer at every call.
func open(t *testing.T, from string, change ...func(*requestcache.Options)) *requestcache.Source {
	t.Helper()
	o := requestcache.Options{From: from, Interval: time.Nanosecond, Idle: 10 * time.Second, Dir: t.TempDir()}
	for _, c := range change {
		c(&o)
	}
	s, err := requestcache.New(o)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, s.Close())
		left, err := os.ReadDir(o.Dir)
		require.NoError(t, err)
		require.Empty(t, left, "no temporary file remains")
	})
	return s
}

// saved writes a text into a file.
func saved(t *testing.T, text string) (path string, write func([]byte)) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "requestcache.json")
	write = writer(t, path)
	write([]byte(text))
	return path, write
}

// rows reads a database.
func rows(t *testing.T, s *requestcache.Source, db couch.Database) map[string]string {
	t.Helper()
	docs := map[string]string{}
	_, err := s.Read(t.Context(), db, nil, func(r couch.Row) error {
		docs[r.ID] = string(bytes.Clone(r.Doc))
		return nil
	})
	require.NoError(t, err)
	return docs
}

func ids(docs map[string]string) []string {
	names := []string{}
	for id := range docs {
		names = append(names, id)
	}
	slices.Sort(names)
	return names
}
