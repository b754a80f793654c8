package store

import (
	"sync"

	"github.com/cespare/xxhash/v2"
)

// known tells the content hash of a document by its kind and id, to the many
// goroutines that read documents and want to skip those that did not change.
// It is keyed by a hash of the id: to mistake a document for another, both
// their ids and their contents would have to collide.
type known struct {
	shards [64]struct {
		mu     sync.RWMutex
		hashes map[uint64]uint64
	}
}

func (k *known) empty() {
	for i := range k.shards {
		s := &k.shards[i]
		s.mu.Lock()
		s.hashes = map[uint64]uint64{}
		s.mu.Unlock()
	}
}

func idHash(kind Kind, id string) uint64 { return xxhash.Sum64String(id) ^ uint64(kind)<<56 }

func (k *known) get(kind Kind, id string) (uint64, bool) {
	key := idHash(kind, id)
	s := &k.shards[key%64]
	s.mu.RLock()
	defer s.mu.RUnlock()
	hash, ok := s.hashes[key]
	return hash, ok
}

// set notes the hash of a document; 0 forgets it.
func (k *known) set(kind Kind, id string, hash uint64) {
	key := idHash(kind, id)
	s := &k.shards[key%64]
	s.mu.Lock()
	defer s.mu.Unlock()
	if hash == 0 {
		delete(s.hashes, key)
	} else {
		s.hashes[key] = hash
	}
}

// KnownHash gives the hash of the content that the store has of a document.
// When a document has the same, its Change needs no content.
func (s *Store) KnownHash(kind Kind, id string) (uint64, bool) { return s.known.get(kind, id) }

func (k *known) len() (n int64) {
	for i := range k.shards {
		s := &k.shards[i]
		s.mu.RLock()
		n += int64(len(s.hashes))
		s.mu.RUnlock()
	}
	return n
}
