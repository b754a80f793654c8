package replica

import (
	"time"

	"github.com/dmwm/wmstats/cacheserver/follower"
)

// EntryOf returns an entry of its own with a number, which begins an input and
// does not end it.
func EntryOf(number uint64) []byte {
	body, err := encodeInput(&input{kind: ticked, moment: time.Unix(1, 0), rest: rest{By: "nobody"}})
	if err != nil {
		panic(err)
	}
	entry := split(body, number, mostEntry)[0]
	entry[1] &^= flagLast
	return entry
}

// HalvesOf returns two entries, the first with a number, which have one input.
func HalvesOf(number uint64, shared follower.Shared) [][]byte {
	body, err := encodeInput(&input{kind: ticked, moment: time.Unix(1, 0), rest: rest{By: "nobody", Shared: shared}})
	if err != nil {
		panic(err)
	}
	return split(body, number, entryHead+(len(body)+1)/2)
}
