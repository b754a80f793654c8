package store

import (
	"slices"
	"sync/atomic"
	"time"
)

// Named records that an answer names the generation.
func (g *Generation) Named() { g.tell(&g.told.named) }

// Promise records that an answer links to the generation: it is kept for some
// time from now on, as long as memory allows.
func (g *Generation) Promise() { g.tell(&g.told.promised) }

func (g *Generation) tell(flag *atomic.Bool) {
	if flag.Load() {
		return
	}
	flag.Store(true)
	// The generation is superseded first and checked afterwards: one of the two
	// sees the other.
	if g.with.newest.Load() > g.number {
		g.with.kept.add(g, g.with.opt.Now())
	}
}

func (t *told) by() bool { return t.named.Load() || t.kept() }

// kept reports whether the generation is kept as long as memory allows.
func (t *told) kept() bool { return t.promised.Load() || t.shared.Load() }

// dropEach is the interval between checks for expired generations.
const dropEach = 10 * time.Second

func (k *generations) init(keepFor time.Duration) {
	k.keepFor, k.byID = keepFor, map[string]*keptGeneration{}
}

// add keeps a generation that is superseded at a time; one that is already kept
// stays as it is.
func (k *generations) add(g *Generation, at time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.byID[g.id] != nil {
		return
	}
	one := &keptGeneration{g: g, superseded: at, till: at.Add(k.keepFor)}
	k.byID[g.id] = one
	i := len(k.list)
	for i > 0 && k.list[i-1].g.number > g.number {
		i--
	}
	k.list = slices.Insert(k.list, i, one)
	k.drop(at)
}

// expire drops expired generations.
func (k *generations) expire(now time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.nextDrop = time.Time{}
	k.drop(now)
}

// drop drops expired generations. Publishing does not wait for a walk over all
// of them: it happens once in a while.
func (k *generations) drop(now time.Time) {
	if now.Before(k.nextDrop) {
		return
	}
	k.nextDrop = now.Add(dropEach)
	k.remove(func(one *keptGeneration) bool { return now.After(one.till) })
}

// remove drops some generations.
func (k *generations) remove(which func(one *keptGeneration) bool) {
	k.list = slices.DeleteFunc(k.list, func(one *keptGeneration) bool {
		if !which(one) {
			return false
		}
		delete(k.byID, one.g.id)
		return true
	})
}

// letGo drops the given generations, and counts the promises that this breaks.
func (k *generations) letGo(which map[*keptGeneration]bool, now time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.remove(func(one *keptGeneration) bool {
		if which[one] && one.g.told.promised.Load() && !now.After(one.till) {
			k.broken.Add(1)
		}
		return which[one]
	})
}

// all returns the kept generations, oldest first.
func (k *generations) all() []*keptGeneration {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.list)
}

// get returns a kept generation and extends its time.
func (k *generations) get(id string, now time.Time) (*Generation, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	one := k.byID[id]
	if one == nil || now.After(one.till) {
		return nil, false
	}
	last := one.superseded.Add(max(longest, k.keepFor))
	if till := now.Add(k.keepFor); till.After(one.till) {
		one.till = till
	}
	if one.till.After(last) {
		one.till = last
	}
	return one.g, true
}
