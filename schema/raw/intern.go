package raw

import (
	"strings"

	"github.com/cespare/xxhash/v2"
)

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

// textRoom gives texts that are soon garbage memory together: one allocation for
// some hundred of them. Any of them keeps all of it, so nobody may hold on to
// one.
type textRoom struct {
	room strings.Builder
}

// textRoomBytes is how much is taken at once.
const textRoomBytes = 16 << 10

func (r *textRoom) text(b []byte) string {
	if r.room.Cap()-r.room.Len() < len(b) {
		r.room.Reset() // leaves what was given out to those who have it
		r.room.Grow(max(textRoomBytes, len(b)))
	}
	from := r.room.Len()
	r.room.Write(b)
	return r.room.String()[from:]
}
