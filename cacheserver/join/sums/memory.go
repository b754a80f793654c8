package sums

import "unsafe"

// Bytes is about the memory of the running sums and of this view of them.
func (v *View) Bytes() int64 {
	const running = 4 // beside each record there is the sum that it is made of, by agent or team too
	return running * v.Own(&View{})
}

// Own is about the memory that next, a later view, does not share, in bytes.
func (v *View) Own(next *View) int64 {
	return int64(unsafe.Sizeof(*v)) + ownRows(v.Campaigns, next.Campaigns) + ownRows(v.Releases, next.Releases) +
		ownRows(v.Statuses, next.Statuses) + ownRows(v.Sites, next.Sites) + ownRows(v.Agents, next.Agents)
}

func ownRows[R any](rows, next Rows[R]) (bytes int64) {
	if len(rows.pages) == 0 || len(next.pages) > 0 && &rows.pages[0] == &next.pages[0] {
		return 0
	}
	bytes = 8 * int64(cap(rows.pages))
	has := func(k, i int) bool { return k < len(next.pages) && next.pages[k][i] == rows.pages[k][i] }
	if rows.n != next.n { // names came or went, and the others moved
		all := make(map[*R]bool, next.n)
		for r := range next.All() {
			all[r] = true
		}
		has = func(k, i int) bool { return all[rows.pages[k][i]] }
	}
	var one R
	size := int64(unsafe.Sizeof(one)) / 15 * 16 // as the runtime gives it, about
	for k, p := range rows.pages {
		if k < len(next.pages) && p == next.pages[k] {
			continue
		}
		bytes += int64(unsafe.Sizeof(*p))
		for i := range p {
			if p[i] != nil && !has(k, i) {
				bytes += size
			}
		}
	}
	return bytes
}

// Len is the number of sums of all kinds.
func (v *View) Len() int {
	return v.Campaigns.Len() + v.Releases.Len() + v.Statuses.Len() + v.Sites.Len() + v.Agents.Len()
}
