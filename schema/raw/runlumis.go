package raw

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/dmwm/wmstats/schema/jsonscan"
)

// lumiRange is a run of luminosity sections, both ends included.
type lumiRange struct{ first, last int64 }

// runLumis reads a list of {run: lumis} objects, or one of them, and returns it
// as text: 380115: 14-16, 20; 380116: 1. A lumi is a number; in old documents a
// pair of numbers is a range.
func (d *decoder) runLumis(path string) string {
	runs := map[int64][]lumiRange{}
	d.list(path, func() {
		d.each("", func(key string) {
			run, ok := parseInt([]byte(key))
			if !ok {
				d.wrong(key, "a run number as key")
				return
			}
			d.list(key, func() {
				if r, ok := d.lumis(key); ok {
					runs[run] = append(runs[run], r)
				}
			})
		})
	})
	var b strings.Builder
	for _, run := range slices.Sorted(maps.Keys(runs)) {
		if b.Len() > 0 {
			b.WriteString("; ")
		}
		b.WriteString(strconv.FormatInt(run, 10) + ": ")
		writeRanges(&b, runs[run])
	}
	return b.String()
}

func (d *decoder) lumis(path string) (r lumiRange, ok bool) {
	if d.scan.Kind() != jsonscan.Array {
		n := d.integer(path, -1)
		return lumiRange{n, n}, n >= 0
	}
	raw := d.scan.Raw()
	ends, bad := textsOf(raw)
	if !bad && len(ends) == 2 {
		first, ok1 := parseInt([]byte(ends[0]))
		last, ok2 := parseInt([]byte(ends[1]))
		if ok1 && ok2 && 0 <= first && first <= last {
			return lumiRange{first, last}, true
		}
	}
	d.flaw(path, raw, "a lumi, or first and last lumi")
	return lumiRange{}, false
}

func writeRanges(b *strings.Builder, list []lumiRange) {
	slices.SortFunc(list, func(a, b lumiRange) int { return cmp.Compare(a.first, b.first) })
	for i := 0; i < len(list); {
		r := list[i]
		for i++; i < len(list) && list[i].first-1 <= r.last; i++ {
			r.last = max(r.last, list[i].last)
		}
		if !strings.HasSuffix(b.String(), ": ") {
			b.WriteString(", ")
		}
		b.WriteString(strconv.FormatInt(r.first, 10))
		if r.last > r.first {
			b.WriteString("-" + strconv.FormatInt(r.last, 10))
		}
	}
}
