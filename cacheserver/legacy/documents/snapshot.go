package documents

import (
	"sort"
	"strings"
	"sync"
)

// Snapshot holds all current request documents at one moment. It is immutable.
type Snapshot struct {
	Blocks []*Block // sorted by the documents' ids

	serial   uint64
	unusable []Unusable
	shared   *shared
	count    int
}

// shared is used by all snapshots of one Documents.
type shared struct {
	codec    codec
	statuses []string
	mu       sync.RWMutex
	types    []string
}

// otherType is the number of all request types beyond the first 255.
const otherType = 255

// typeOf returns the number of a request type, and assigns one if needed.
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
	return uint8(len(s.types) - 1) //nolint:gosec // find ensures that it fits
}

func (s *shared) find(name string) (n uint8, ok bool) {
	for i := range s.types {
		if s.types[i] == name {
			return uint8(i), true //nolint:gosec // at most otherType of them
		}
	}
	return otherType, len(s.types) == otherType
}

// Serial identifies the snapshot; no other one has the same serial.
func (s *Snapshot) Serial() uint64 { return s.serial }

// Len returns the number of documents.
func (s *Snapshot) Len() int { return s.count }

// Type returns the number of a request type in a Mark; not ok if the type has no
// number of its own.
func (s *Snapshot) Type(name string) (n uint8, ok bool) {
	s.shared.mu.RLock()
	defer s.shared.mu.RUnlock()
	n, ok = s.shared.find(name)
	return n, ok && n != otherType
}

// Status returns the number of a status in a Mark.
func (s *Snapshot) Status(name string) (n uint8, ok bool) {
	for i, status := range s.shared.statuses {
		if status == name {
			return uint8(i), true //nolint:gosec // New ensures that there are fewer
		}
	}
	return 0, false
}

// StatusName returns the name of a Mark's Status.
func (s *Snapshot) StatusName(n uint8) string { return s.shared.statuses[n] }

// Reader returns a reader of blocks, to be closed after use.
func (s *Snapshot) Reader() *Reader { return s.shared.codec.reader() }

// Find returns the block that contains a document, and its index in the block.
func (s *Snapshot) Find(id string) (b *Block, i int, ok bool) {
	at := blockOf(s.Blocks, id)
	if at < 0 {
		return nil, 0, false
	}
	i, ok = s.Blocks[at].search(id)
	return s.Blocks[at], i, ok
}

// Unusable returns the documents of which no block contains the current version.
func (s *Snapshot) Unusable() []Unusable { return s.unusable }

// blockOf returns the index of the only block that can contain an id; -1 if the id
// is before all of them.
func blockOf(blocks []*Block, id string) int {
	return sort.Search(len(blocks), func(i int) bool { return blocks[i].ID(0) > id }) - 1
}
