package join

import (
	"sync"

	"github.com/cespare/xxhash/v2"
)

// Known holds the content hashes of documents by kind and id, for the many
// goroutines that read documents and skip unchanged ones. It is safe for
// concurrent use. Its key is a hash of the id: to mistake a document for
// another, both their ids and their contents would have to collide.
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

// Hash returns the hash of a document's known content. A Change with the same
// hash needs no content.
func (k *Known) Hash(kind Kind, id string) (hash uint64, ok bool) {
	key := idHash(kind, id)
	s := &k.shards[key%64]
	s.mu.RLock()
	defer s.mu.RUnlock()
	hash, ok = s.hashes[key]
	return hash, ok
}

// set records the hash of a document; 0 removes it.
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
