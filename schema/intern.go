package schema

import "github.com/cespare/xxhash/v2"

// interner gives texts that many documents have one copy each: names of sites,
// agents, releases, statuses. A text that it does not hold takes the place of
// the one that was there, so it never grows and never has to be emptied. nil
// makes a copy each time.
type interner struct {
	slots [2048]string
}

// maxInterned keeps long texts out, in bytes: they are of one document.
const maxInterned = 64

func (n *interner) text(b []byte) string {
	if n == nil || len(b) > maxInterned {
		return string(b)
	}
	slot := &n.slots[xxhash.Sum64(b)%uint64(len(n.slots))]
	if *slot != string(b) {
		*slot = string(b)
	}
	return *slot
}
