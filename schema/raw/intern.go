package raw

import (
	"strings"

	"github.com/cespare/xxhash/v2"
)

// interner keeps one copy of texts that many documents have: names of sites,
// agents, releases, statuses. A text that it does not hold replaces the one in
// its slot, so it never grows and never has to be emptied. A nil interner makes
// a copy each time.
type interner struct {
	slots [2048]string
}

// maxInterned excludes longer texts, in bytes: they occur in one document only.
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

// textRoom allocates texts that are soon garbage together: one allocation for
// some hundred of them. Each of them keeps the whole allocation in memory, so
// nobody may keep one.
type textRoom struct {
	room strings.Builder
}

// textRoomBytes is the size of one allocation.
const textRoomBytes = 16 << 10

func (r *textRoom) text(b []byte) string {
	if r.room.Cap()-r.room.Len() < len(b) {
		r.room.Reset() // returned texts keep the old memory
		r.room.Grow(max(textRoomBytes, len(b)))
	}
	from := r.room.Len()
	r.room.Write(b)
	return r.room.String()[from:]
}
