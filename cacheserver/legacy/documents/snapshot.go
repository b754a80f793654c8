package documents

import (
	"sort"
	"strings"
	"sync"
)

// Snapshot is all current request documents at one moment. It is immutable.
type Snapshot struct {
	Blocks []*Block // in the order of the documents' ids

	serial   uint64
	unusable []Unusable
	shared   *shared
	count    int
}

// shared is what all snapshots of a Documents have in common.
type shared struct {
	codec    codec
	statuses []string
	mu       sync.RWMutex
	types    []string
}

// otherType stands for all types of requests beyond the first 255.
const otherType = 255

// typeOf returns the number of a type of requests.
func (s *shared) typeOf(name string) uint8 {
	s.mu.RLock()
	n, ok := s.find(name)
	s.mu.RUnlock()
	if ok {
		return n
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if n, ok = s.find(name); ok {
		return n
	}
	s.types = append(s.types, strings.Clone(name))
	return uint8(len(s.types) - 1) //nolint:gosec // find says that there is room
}

func (s *shared) find(name string) (n uint8, ok bool) {
	for i := range s.types {
		if s.types[i] == name {
			return uint8(i), true //nolint:gosec // at most otherType of them
		}
	}
	return otherType, len(s.types) == otherType
}

// Serial names the snapshot: another one has another serial.
func (s *Snapshot) Serial() uint64 { return s.serial }

// Len is the number of documents.
func (s *Snapshot) Len() int { return s.count }

// Type is the number that documents of a type have in their Mark. Not ok: what
// documents of it have can't be told.
func (s *Snapshot) Type(name string) (n uint8, ok bool) {
	s.shared.mu.RLock()
	defer s.shared.mu.RUnlock()
	n, ok = s.shared.find(name)
	return n, ok && n != otherType
}

// Status is the number that documents in a status have in their Mark.
func (s *Snapshot) Status(name string) (n uint8, ok bool) {
	for i, status := range s.shared.statuses {
		if status == name {
			return uint8(i), true //nolint:gosec // New says that there are fewer
		}
	}
	return 0, false
}

// StatusName is the text of a Mark's Status.
func (s *Snapshot) StatusName(n uint8) string { return s.shared.statuses[n] }

// Reader makes a reader of blocks.
func (s *Snapshot) Reader() *Reader { return &Reader{dec: s.shared.codec.dec} }

// Find returns the block that has a document, and its place in it.
func (s *Snapshot) Find(id string) (b *Block, i int, ok bool) {
	at := blockOf(s.Blocks, id)
	if at < 0 {
		return nil, 0, false
	}
	i, ok = s.Blocks[at].search(id)
	return s.Blocks[at], i, ok
}

// Unusable are the documents that could not be used, and that stand in no block
// as they are now.
func (s *Snapshot) Unusable() []Unusable { return s.unusable }

// blockOf is the place of the block that has an id, if any has; -1: it would be
// before all of them.
func blockOf(blocks []*Block, id string) int {
	return sort.Search(len(blocks), func(i int) bool { return blocks[i].ID(0) > id }) - 1
}
