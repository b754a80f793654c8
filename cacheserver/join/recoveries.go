package join

import (
	"maps"
	"slices"
	"strings"
	"unsafe"

	"github.com/cespare/xxhash/v2"
)

// Recoveries finds the workflows that name another one as their original. It is
// immutable, and divided into shards, so that States whose recoveries differ in
// one share nearly everything.
type Recoveries struct {
	shards [recoveryShards]*recoveryShard
}

const recoveryShards = 64

type recoveryShard struct {
	by map[string][]string // by OriginalRequest; lists are sorted and immutable
}

// Of returns the workflows whose OriginalRequest is the given one, sorted. The
// list must not be changed.
func (r *Recoveries) Of(original string) []string {
	if s := r.shards[shardOf(original)]; s != nil {
		return s.by[original]
	}
	return nil
}

func shardOf(original string) uint64 { return xxhash.Sum64String(original) % recoveryShards }

// Bytes returns the approximate memory, without the names, which the workflows
// share.
func (r *Recoveries) Bytes() int64 { return r.Own(&Recoveries{}) }

// Own returns the approximate memory that next, a later one, does not share, in
// bytes.
func (r *Recoveries) Own(next *Recoveries) (bytes int64) {
	if r == next {
		return 0
	}
	const each = (16+24+1)*3/2 + 16 + 96 // a slot, a list of one, and the name of the original
	bytes = int64(unsafe.Sizeof(*r))
	for i, s := range r.shards {
		if s != nil && s != next.shards[i] {
			bytes += 48 + each*int64(len(s.by))
		}
	}
	return bytes
}

// recoveries is the writer's mutable form; parts that a State has are not
// changed any more.
type recoveries struct {
	now  *Recoveries
	lent bool                 // a State has now
	own  [recoveryShards]bool // shards that no State has
}

func newRecoveries() recoveries { return recoveries{now: &Recoveries{}} }

// lend returns the current recoveries for a State.
func (r *recoveries) lend() *Recoveries {
	r.lent = true
	return r.now
}

// shard returns the shard of an original, to be changed.
func (r *recoveries) shard(original string) map[string][]string {
	if r.lent {
		again := *r.now
		r.now, r.lent, r.own = &again, false, [recoveryShards]bool{}
	}
	i := shardOf(original)
	if !r.own[i] {
		next := &recoveryShard{by: map[string][]string{}}
		if s := r.now.shards[i]; s != nil {
			next.by = maps.Clone(s.by)
		}
		r.now.shards[i], r.own[i] = next, true
	}
	return r.now.shards[i].by
}

// move records that the original of a workflow changed; either may be empty.
func (r *recoveries) move(name, from, to string) {
	if from == to {
		return
	}
	if from != "" {
		by := r.shard(from)
		left := slices.DeleteFunc(slices.Clone(by[from]), func(n string) bool { return n == name })
		if len(left) > 0 {
			by[from] = left
		} else {
			delete(by, from)
		}
	}
	if to == "" {
		return
	}
	by := r.shard(to)
	list, known := by[to]
	if !known {
		to = strings.Clone(to) // it may be part of a whole record
	}
	if at, there := slices.BinarySearch(list, name); !there {
		by[to] = slices.Insert(slices.Clone(list), at, name)
	}
}
