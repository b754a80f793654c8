package block

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// Dict assigns small numbers (codes) to the texts of one key. It only grows: a
// code keeps its text for ever, so blocks of all generations share it. Code 0 is
// the empty text. Readers do not lock.
type Dict struct {
	quick  atomic.Pointer[map[string]uint32] // a copy of codes, perhaps outdated, read-only
	mu     sync.Mutex                        // guards all below, and the writing of texts
	codes  map[string]uint32
	missed int // lookups since quick was copied that found their text only in codes

	texts atomic.Pointer[[]string]
	ranks atomic.Pointer[[]uint32]
}

func newDict() *Dict {
	d := &Dict{codes: map[string]uint32{"": 0}}
	d.quick.Store(&map[string]uint32{"": 0})
	d.texts.Store(&[]string{""})
	return d
}

// Texts returns the texts by code. A later call may return more.
func (d *Dict) Texts() []string { return *d.texts.Load() }

// code returns the code of text, a new one if necessary. Nearly all are found
// without a lock, for which all builders of the full read would wait.
func (d *Dict) code(text string) int64 {
	if code, ok := (*d.quick.Load())[text]; ok {
		return int64(code)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if code, ok := d.codes[text]; ok {
		// A copy costs as much as this many lookups.
		if d.missed++; d.missed > len(d.codes) {
			quick := maps.Clone(d.codes)
			d.quick.Store(&quick)
			d.missed = 0
		}
		return int64(code)
	}
	text = strings.Clone(text) // it may be part of a whole document
	// Readers have the old length and do not see the appended text yet.
	texts := append(*d.texts.Load(), text)
	code := uint32(len(texts) - 1)
	d.codes[text] = code
	d.texts.Store(&texts)
	return int64(code)
}

// Ranks returns for each code the position of its text in the order of all
// texts.
func (d *Dict) Ranks() []uint32 {
	texts := d.Texts()
	if r := d.ranks.Load(); r != nil && len(*r) >= len(texts) {
		return *r
	}
	order := make([]uint32, len(texts))
	for code := range order {
		order[code] = uint32(code)
	}
	slices.SortFunc(order, func(a, b uint32) int { return cmp.Compare(texts[a], texts[b]) })
	ranks := make([]uint32, len(texts))
	for rank, code := range order {
		ranks[code] = uint32(rank)
	}
	d.ranks.Store(&ranks)
	return ranks
}

func (d *Dict) has(code int64) bool { return code >= 0 && code < int64(len(d.Texts())) }

// set assigns its texts to an empty dictionary; false if they are invalid.
func (d *Dict) set(texts []string) bool {
	codes := make(map[string]uint32, len(texts))
	for code, text := range texts {
		codes[text] = uint32(code)
	}
	if len(texts) == 0 || texts[0] != "" || len(codes) != len(texts) {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.codes = codes
	d.texts.Store(&texts)
	return true
}

func (d *Dict) take(o *Dict) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.codes = o.codes
	d.texts.Store(o.texts.Load())
	d.ranks.Store(nil)
}
