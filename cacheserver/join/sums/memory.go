package sums

import (
	"slices"
	"unsafe"
)

// Bytes returns the approximate memory of the running sums and of this view of
// them.
func (v *View) Bytes() int64 {
	const running = 4 // each record has a running sum, also by agent or team
	return running * v.Own(&View{})
}

// Own returns the approximate memory that next, a later view, does not share, in
// bytes.
func (v *View) Own(next *View) int64 {
	return int64(unsafe.Sizeof(*v)) + ownRows(v.Campaigns, next.Campaigns) + ownRows(v.Releases, next.Releases) +
		ownRows(v.Statuses, next.Statuses) + ownRows(v.Sites, next.Sites) + ownRows(v.Agents, next.Agents) + ownRows(v.Strays, next.Strays)
}

func ownRows[R any](rows, next Rows[R]) (bytes int64) {
	if len(rows.pages) == 0 || len(next.pages) > 0 && &rows.pages[0] == &next.pages[0] {
		return 0
	}
	bytes = 8 * int64(cap(rows.pages))
	var moved []*R // records that next does not have at the same place
	for k, p := range rows.pages {
		if k < len(next.pages) && p == next.pages[k] {
			continue
		}
		bytes += int64(unsafe.Sizeof(*p))
		for i := range p {
			if p[i] != nil && (k >= len(next.pages) || next.pages[k][i] != p[i]) {
				moved = append(moved, p[i])
			}
		}
	}
	const few = 16
	if len(moved) > few { // names were added or removed, and the others moved
		has := make(map[*R]bool, next.n)
		for r := range next.All() {
			has[r] = true
		}
		moved = slices.DeleteFunc(moved, func(r *R) bool { return has[r] })
	}
	var one R
	size := int64(unsafe.Sizeof(one)) / 15 * 16 // approximately as the runtime allocates it
	return bytes + size*int64(len(moved))
}

// Len returns the number of sums of all kinds.
func (v *View) Len() int {
	return v.Campaigns.Len() + v.Releases.Len() + v.Statuses.Len() + v.Sites.Len() + v.Agents.Len() + v.Strays.Len()
}
