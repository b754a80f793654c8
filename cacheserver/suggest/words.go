package suggest

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/dmwm/wmstats/cacheserver/budget"
)

// mostWords is the maximum number of texts in names whose records are counted for
// one unknown word.
const mostWords = 8

// words finds texts in names that are near an unknown word. They begin where a
// word of the name does.
type words struct {
	spent *budget.Budget
	want  string // in lower case
	most  int
	found map[string]near // by text in lower case
	last  []byte          // the name before, in lower case
	name  []byte
}

func newWords(spent *budget.Budget, word string) *words {
	want := strings.ToLower(word)
	return &words{spent: spent, want: want, most: editsFor(len(want)), found: map[string]near{}}
}

// read reads a name. Names come in order. False means that the budget is spent.
func (w *words) read(name []byte) bool {
	w.last, w.name = w.name, w.last
	w.name = w.name[:0]
	for _, c := range name {
		w.name = append(w.name, lower(c))
	}
	same := 0
	for same < min(len(w.last), len(w.name)) && w.last[same] == w.name[same] {
		same++
	}
	if !w.spent.Spend(stepsOfText + 2*len(name)) {
		return false
	}
	reach := len(w.want) + w.most
	for at := 0; at < len(name); at++ {
		if at > 0 && strings.IndexByte(separators, name[at-1]) < 0 {
			continue
		}
		if at+reach <= same {
			continue // the name before had the same here
		}
		if len(name)-at < len(w.want)-w.most {
			break
		}
		if !w.spent.Spend(stepsOfText) {
			return false
		}
		if n, end, ok := edits(w.want, w.name[at:], w.most, true); ok && end > 0 && startsRune(name[at:], end) {
			w.add(w.name[at:at+end], name[at:at+end], n)
		}
	}
	return true
}

// add adds a text of a name; key is the text in lower case.
func (w *words) add(key, text []byte, n int) {
	if old, there := w.found[string(key)]; there && old.distance <= float64(n) {
		return
	}
	w.found[string(key)] = near{string(text), float64(n)}
	if len(w.found) >= 8*mostWords { // the best of all are among the best so far
		kept := w.nearest()
		maps.DeleteFunc(w.found, func(_ string, n near) bool { return !slices.Contains(kept, n) })
	}
}

// nearest returns the nearest texts, at most mostWords.
func (w *words) nearest() []near {
	out := slices.SortedFunc(maps.Values(w.found), func(a, b near) int {
		return cmp.Or(cmp.Compare(a.distance, b.distance), strings.Compare(a.value, b.value))
	})
	return out[:min(len(out), mostWords)]
}
