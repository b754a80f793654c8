package join

import (
	"sync"

	"github.com/cespare/xxhash/v2"
)

// Known tells the content hash of a document by its kind and id, to the many
// goroutines that read documents and want to skip those that did not change. It
// is safe for concurrent use. It is keyed by a hash of the id: to mistake a
// document for another, both their ids and their contents would have to collide.
type Known struct {
	shards [64]struct {
		mu     sync.RWMutex
		hashes map[uint64]uint64
	}
}

func newKnown() *Known {
	k := &Known{}
	k.empty()
	return k
}

func (k *Known) empty() {
	for i := range k.shards {
		s := &k.shards[i]
		s.mu.Lock()
		s.hashes = map[uint64]uint64{}
		s.mu.Unlock()
	}
}

func idHash(kind Kind, id string) uint64 { return xxhash.Sum64String(id) ^ uint64(kind)<<56 }

// Hash returns the hash of the content that is known of a document. When a
// document has the same, its Change needs no content.
func (k *Known) Hash(kind Kind, id string) (hash uint64, ok bool) {
	key := idHash(kind, id)
	s := &k.shards[key%64]
	s.mu.RLock()
	defer s.mu.RUnlock()
	hash, ok = s.hashes[key]
	return hash, ok
}

// set notes the hash of a document; 0 forgets it.
func (k *Known) set(kind Kind, id string, hash uint64) {
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

func (k *Known) len() (n int64) {
	for i := range k.shards {
		s := &k.shards[i]
		s.mu.RLock()
		n += int64(len(s.hashes))
		s.mu.RUnlock()
	}
	return n
}
