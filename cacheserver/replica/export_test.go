package replica

import "time"

// EntryOf returns an entry of its own with a number, which begins an input and
// does not end it.
func EntryOf(number uint64) []byte {
	body, err := encodeInput(&input{kind: ticked, moment: time.Unix(1, 0), rest: rest{By: "nobody"}})
	if err != nil {
		panic(err)
	}
	entry := split(body, number)[0]
	entry[1] &^= flagLast
	return entry
}
