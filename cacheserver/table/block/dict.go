package block

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// Dict returns the texts of one key small numbers. It only grows: a code keeps
// its text for ever, so blocks of all generations share it. Code 0 is the
// empty text. Readers take no lock.
type Dict struct {
	quick  atomic.Pointer[map[string]uint32] // a copy of codes, perhaps an old one, never written to
	mu     sync.Mutex                        // of all below; and one writer of texts at a time
	codes  map[string]uint32
	missed int // texts that codes had and quick did not, since quick was made

	texts atomic.Pointer[[]string]
	ranks atomic.Pointer[[]uint32]
}

func newDict() *Dict {
	d := &Dict{codes: map[string]uint32{"": 0}}
	d.quick.Store(&map[string]uint32{"": 0})
	d.texts.Store(&[]string{""})
	return d
}

// Texts returns the texts by code. A later call may give more.
func (d *Dict) Texts() []string { return *d.texts.Load() }

// code returns the code of text, a new one if need be. Nearly all are found
// without a lock, for which all builders of the first read would wait.
func (d *Dict) code(text string) int64 {
	if code, ok := (*d.quick.Load())[text]; ok {
		return int64(code)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if code, ok := d.codes[text]; ok {
		// To copy costs as much as so many look-ups.
		if d.missed++; d.missed > len(d.codes) {
			quick := maps.Clone(d.codes)
			d.quick.Store(&quick)
			d.missed = 0
		}
		return int64(code)
	}
	text = strings.Clone(text) // it may be part of a whole document
	// Readers have the old length: what is appended behind it is not theirs yet.
	texts := append(*d.texts.Load(), text)
	code := uint32(len(texts) - 1)
	d.codes[text] = code
	d.texts.Store(&texts)
	return int64(code)
}

// Ranks returns for each code the place of its text in the order of all texts.
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

// set returns an empty dictionary its texts; false if they are none.
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
