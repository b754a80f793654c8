package timeline

import (
	"slices"

	"github.com/dmwm/wmstats/schema"
)

// Rate returns how many jobs of a name ended since a time, from the increases of
// its counts between points. A decrease hides how many ended at the same time: it
// comes from workflows that leave, so that time does not count, nor do the jobs of
// workflows that were there before the name. Without a line, or with less than two
// points, it is zero.
func (t *Timeline) Rate(kind Kind, name string, since int64) (r schema.Rate) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	k := key{kind, name}
	s := t.series[k]
	if s == nil {
		return r
	}
	layout := t.layout(k)
	success, failure := slices.Index(layout.labels, "Success"), slices.Index(layout.labels, "Failure")
	from, _ := slices.BinarySearch(t.times, since)
	rows := s.between(t.first+int64(from), t.first+int64(len(t.times)), len(layout.labels))
	for i := 1; i < len(rows); i++ {
		at, before := t.times[rows[i].number-t.first], t.times[rows[i-1].number-t.first]
		if i == 1 {
			r.From = before
		}
		r.To = at
		succeeded, failed := rows[i].values[success]-rows[i-1].values[success], rows[i].values[failure]-rows[i-1].values[failure]
		if succeeded < 0 || failed < 0 || !slices.ContainsFunc(rows[i-1].values, func(n int64) bool { return n != 0 }) {
			continue
		}
		r.Seconds += at - before
		r.Success += succeeded
		r.Failure += failed
	}
	return r
}
