package store

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/dmwm/wmstats/cacheserver/checkpoint"
	"github.com/dmwm/wmstats/cacheserver/table/block"
	"github.com/dmwm/wmstats/schema"
)

// errNoGeneration says that there is nothing to capture.
var errNoGeneration = errors.New("no generation yet")

// Section is the store's part of a checkpoint: all records and what is needed
// to follow the source as if the process had not ended. Sums and all that finds
// something are made again. It is restored into an empty store, and then is the
// first generation of it.
func (s *Store) Section() checkpoint.Section {
	return checkpoint.Section{Name: "store", Capture: s.capture, Restore: s.restore}
}

// captured is the state at one moment. What it points to does not change.
type captured struct {
	layout   *block.Layout
	limits   schema.Limits
	doubtful map[Document]bool // that only such reads have brought
	guard    *census           // what is believed of the source, while reads are held back
	snap     *Snapshot
	names    []string
	reports  map[string]int64
	infos    []capturedInfo
	entries  []capturedEntry // of the records, in their order
	orphans  []capturedEntry
	docs     []agentDoc // of all entries, one after the other

	waiting bool // there were orphans
	spared  map[string]sparedEntry
	pause   time.Duration // longest that writers waited
}

type capturedInfo struct {
	*info
	time, ahead int64
}

// capturedEntry is an entry; its documents are in captured.docs, up to ends.
type capturedEntry struct {
	name string // of an orphan; else the record has it
	hash uint64
	due  int64
	rare *capturedRare
	ends int
}

type capturedRare struct {
	id     string
	rivals []rival
	texts  [][]byte // records of the rivals
}

// captureStep is how many entries are copied with the writers' lock held.
const captureStep = 256

// capture takes hold of the state of this moment. Blocks are immutable; entries
// are copied, 150 bytes a workflow until the file is written, a few at a time
// with the writers' lock held: a writer that is about to change one that has not
// been copied yet has it copied first (Store.spare). So it is one moment, and
// nobody waits for longer than a step takes.
func (s *Store) capture() (checkpoint.Write, error) {
	c, err := s.captureBy(captureStep, func() {})
	if err != nil {
		return nil, err
	}
	return c.write, nil
}

// captureBy captures by steps of so many entries, and calls between whenever it
// does not hold the lock.
func (s *Store) captureBy(step int, between func()) (*captured, error) {
	c, err := s.beginCapture()
	if err != nil {
		return nil, err
	}
	defer s.endCapture(c)
	between()
	c.entries = make([]capturedEntry, 0, c.snap.Total())
	var names [][]byte
	c.snap.tree.Range(0, c.snap.Total(), func(b *block.Block, i, j int) bool {
		for ; i < j && err == nil; i++ {
			if names = append(names, b.Name(s.layout, i)); len(names) >= step {
				err = s.captureSome(c, names)
				names = names[:0]
				between()
			}
		}
		return err == nil
	})
	if err == nil {
		err = s.captureSome(c, names)
	}
	if err != nil {
		return nil, err
	}
	between()
	s.captureOrphans(c, step, between)
	return c, nil
}

// hold takes the lock for c, and gives what lets go of it.
func (s *Store) hold(c *captured) (release func()) {
	s.mu.Lock()
	began := time.Now()
	return func() {
		c.pause = max(c.pause, time.Since(began))
		s.mu.Unlock()
	}
}

// beginCapture captures all but the entries, which are few.
func (s *Store) beginCapture() (*captured, error) {
	c := &captured{layout: s.layout, reports: map[string]int64{}, spared: map[string]sparedEntry{}}
	defer s.hold(c)()
	c.limits = *s.thresholds.Load()
	if c.snap = s.current.Load(); c.snap == nil {
		return nil, errNoGeneration
	}
	c.names = s.names.Texts()
	if s.believed != nil {
		believed := *s.believed
		c.guard = &believed
	}
	c.doubtful = maps.Clone(s.doubtful)
	s.eachReport(func(agent string, time int64) { c.reports[agent] = time })
	for _, n := range s.infos {
		c.infos = append(c.infos, capturedInfo{n, n.time.Load(), n.ahead.Load()})
	}
	c.waiting = len(s.entries) > c.snap.Total()
	s.captures++
	s.capturing = c
	return c, nil
}

func (s *Store) endCapture(c *captured) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.capturing == c { // else another capture has begun meanwhile
		s.capturing = nil
	}
	s.paused.Store(int64(c.pause))
}

// CapturePause is for how long writers waited at most while the newest
// checkpoint was captured; 0 before the first.
func (s *Store) CapturePause() time.Duration { return time.Duration(s.paused.Load()) }

// captureSome copies the entries of records.
func (s *Store) captureSome(c *captured, names [][]byte) error {
	defer s.hold(c)()
	if s.capturing != c {
		return errors.New("another capture has begun")
	}
	for _, name := range names {
		if was, ok := c.spared[string(name)]; ok {
			was.ends = c.copyDocs(was.docs)
			c.entries = append(c.entries, was.capturedEntry)
			continue
		}
		e := s.entries[string(name)]
		if e == nil {
			return fmt.Errorf("workflow %s has a record and no entry", name)
		}
		e.captured = s.captures
		c.entries = append(c.entries, c.entry(e))
	}
	return nil
}

// captureOrphans copies the entries that had no record. The loop goes over a map
// that writers change while the lock is not held: it gives each entry once that
// was there from the beginning to the end, and those that were removed or got a
// record have been spared.
func (s *Store) captureOrphans(c *captured, step int, between func()) {
	if !c.waiting {
		return
	}
	release := s.hold(c)
	defer func() { release() }()
	n := 0
	for _, e := range s.entries {
		if n++; n%step == 0 {
			release()
			between()
			release = s.hold(c)
		}
		if e.captured != s.captures && !e.has {
			e.captured = s.captures
			o := c.entry(e)
			o.name = e.name
			c.orphans = append(c.orphans, o)
		}
	}
	for name, was := range c.spared {
		if !was.has {
			was.name, was.ends = name, c.copyDocs(was.docs)
			c.orphans = append(c.orphans, was.capturedEntry)
		}
	}
}

// sparedEntry is a copy of an entry that a writer was about to change.
type sparedEntry struct {
	capturedEntry
	has  bool
	docs []agentDoc
}

// spare copies e before a writer changes it or one of its documents, when a
// capture is under way that has not copied it yet. The lock is held.
func (s *Store) spare(e *entry) {
	c := s.capturing
	if c == nil || e.captured == s.captures {
		return
	}
	e.captured = s.captures
	was := sparedEntry{capturedEntry: e.copied(), has: e.has}
	for _, d := range e.docs {
		was.docs = append(was.docs, *d)
	}
	c.spared[e.name] = was
}

func (c *captured) entry(e *entry) capturedEntry {
	for _, d := range e.docs {
		c.docs = append(c.docs, *d)
	}
	out := e.copied()
	out.ends = len(c.docs)
	return out
}

// copyDocs appends documents, and says where they end.
func (c *captured) copyDocs(docs []agentDoc) (ends int) {
	c.docs = append(c.docs, docs...)
	return len(c.docs)
}

// copied is e but for its documents.
func (e *entry) copied() capturedEntry {
	out := capturedEntry{hash: e.hash, due: e.due}
	if e.rare != nil {
		// The records of rivals are written now: writers join parts to them later.
		out.rare = &capturedRare{id: e.rare.id, rivals: slices.Clone(e.rare.rivals)}
		for _, r := range e.rare.rivals {
			out.rare.texts = append(out.rare.texts, schema.AppendJSON(nil, r.record))
		}
	}
	return out
}
