package wire

import (
	"cmp"
	"slices"
	"strings"
)

// longestName is the length of the longest name for which near ones are
// searched: the work grows with its square.
const longestName = 256

// Near returns at most n of names that resemble name, nearest first, ignoring
// case. A name that begins with the other is nearer than one that only contains
// it, and that is nearer than one within some typing mistakes: one for each
// three characters. A name of more than 256 bytes has no near ones.
func Near(name string, names []string, n int) []string {
	type scored struct {
		name  string
		score int
	}
	if len(name) > longestName {
		return nil
	}
	want := strings.ToLower(name)
	var found []scored
	for _, candidate := range names {
		if score, ok := distance(want, strings.ToLower(candidate)); ok {
			found = append(found, scored{candidate, score})
		}
	}
	slices.SortFunc(found, func(a, b scored) int {
		return cmp.Or(cmp.Compare(a.score, b.score), cmp.Compare(a.name, b.name))
	})
	var out []string
	for _, f := range found {
		if len(out) == n {
			break
		}
		if !slices.Contains(out, f.name) {
			out = append(out, f.name)
		}
	}
	return out
}

// distance returns the distance in hundredths of a typing mistake; ok is false
// when the two names do not resemble each other.
func distance(want, have string) (score int, ok bool) {
	const mistake, shortest = 100, 3
	if want == have {
		return 0, true
	}
	if want == "" || have == "" {
		return 0, false
	}
	gap := min(len(want), len(have))
	extra := min(len(want)+len(have)-2*gap, mistake-1)
	switch {
	case strings.HasPrefix(have, want), len(have) >= shortest && strings.HasPrefix(want, have):
		return mistake/2 + extra/2, true
	}
	edits, near := edits(want, have, max(1, len(want)/3))
	switch {
	case near:
		score, ok = edits*mistake, true
		if want[0] != have[0] {
			score += mistake / 2
		}
	case len(want) >= shortest && strings.Contains(have, want):
		score, ok = 2*mistake+extra, true
	}
	return score, ok
}

// edits counts the insertions, deletions, replacements and swaps of neighbours
// that turn a into b (optimal string alignment); ok is false beyond most.
func edits(a, b string, most int) (count int, ok bool) {
	if len(a)-len(b) > most || len(b)-len(a) > most {
		return 0, false
	}
	before, last, now := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		now[0] = i
		best := i
		for j := 1; j <= len(b); j++ {
			replace := last[j-1]
			if a[i-1] != b[j-1] {
				replace++
			}
			now[j] = min(last[j]+1, now[j-1]+1, replace)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				now[j] = min(now[j], before[j-2]+1)
			}
			best = min(best, now[j])
		}
		if best > most {
			return 0, false
		}
		before, last, now = last, now, before
	}
	return last[len(b)], last[len(b)] <= most
}
