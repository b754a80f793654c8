package documents

import (
	"cmp"
	"slices"
)

// Unusable is a document of which no record could be made. What was known of it
// before stays in force beside it.
type Unusable struct {
	ID    string
	Doc   []byte // as it came
	Whole bool   // Doc is JSON
	Known bool   // an earlier version of it is held
}

// Bounds of the documents that could not be used.
const (
	mostUnusable      = 10_000
	mostUnusableBytes = 64 << 20
)

// unusables are the documents that could not be used. Beyond the bounds only
// their ids are kept: then nothing can be got out of them.
type unusables struct {
	docs    map[string]unusableAt
	size    int64
	changed bool // since list was called
	listed  []Unusable
}

type unusableAt struct {
	Unusable

	epoch uint32
}

func newUnusables() unusables { return unusables{docs: map[string]unusableAt{}} }

func (u *unusables) add(one Unusable, epoch uint32) {
	u.remove(one.ID)
	if len(u.docs) >= mostUnusable || u.size+int64(len(one.Doc)) > mostUnusableBytes {
		one.Doc, one.Whole = nil, false
	}
	u.docs[one.ID] = unusableAt{one, epoch}
	u.size += int64(len(one.Doc))
	u.changed = true
}

func (u *unusables) remove(id string) {
	if old, ok := u.docs[id]; ok {
		u.size -= int64(len(old.Doc))
		delete(u.docs, id)
		u.changed = true
	}
}

func (u *unusables) seen(id string, epoch uint32) {
	if one, ok := u.docs[id]; ok {
		one.epoch = epoch
		u.docs[id] = one
	}
}

// sweep removes those that the full read of this number has not seen.
func (u *unusables) sweep(epoch uint32) {
	for id, one := range u.docs {
		if one.epoch != epoch {
			u.remove(id)
		}
	}
}

// list is all of them by id; it is not changed any more.
func (u *unusables) list() []Unusable {
	if !u.changed {
		return u.listed
	}
	u.changed, u.listed = false, make([]Unusable, 0, len(u.docs))
	for _, one := range u.docs {
		u.listed = append(u.listed, one.Unusable)
	}
	slices.SortFunc(u.listed, func(a, b Unusable) int { return cmp.Compare(a.ID, b.ID) })
	return u.listed
}

func (u *unusables) bytes() int64 {
	const each = 200
	return u.size + each*int64(len(u.docs))
}
