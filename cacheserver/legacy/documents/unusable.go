package documents

import (
	"cmp"
	"slices"
)

// Unusable is a document from which no record could be built. Its earlier version,
// if any, remains valid beside it.
type Unusable struct {
	ID    string
	Doc   []byte // unchanged
	Whole bool   // Doc is valid JSON
	Known bool   // an earlier version of it is held
}

// Limits of the unusable documents that are kept.
const (
	mostUnusable      = 10_000
	mostUnusableBytes = 64 << 20
)

// unusables holds unusable documents. Beyond the limits only their ids are kept.
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

// sweep removes the documents that the full read with this number did not deliver.
func (u *unusables) sweep(epoch uint32) {
	for id, one := range u.docs {
		if one.epoch != epoch {
			u.remove(id)
		}
	}
}

// list returns all of them, sorted by id. The list is immutable.
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
