package table

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/dmwm/wmstats/cacheserver/budget"
	"github.com/dmwm/wmstats/cacheserver/table/block"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// Bounds of Stats.
const (
	MaxGroups     = 10_000
	MaxDimensions = 2
)

// TooManyGroupsError means that a grouping has too many groups.
type TooManyGroupsError struct{ Max int }

func (e *TooManyGroupsError) Error() string {
	return fmt.Sprintf("more than %d groups: add filters or group by a field of fewer values", e.Max)
}

// ArgumentError means that a field can't be used in this way.
type ArgumentError struct{ Field, Want string }

func (e *ArgumentError) Error() string { return fmt.Sprintf("field %q: %s", e.Field, e.Want) }

// Stats groups the matching records by one or two fields and adds up the number
// fields sum in each group; -1, undefined, is ignored. A list counts once for
// each of its values, a missing value is ""; wire.AgeField groups by bands of
// the time in the status, at the time of the generation. total is the number of
// matching records.
func (s *Scan) Stats(by, sum []string) (groups []wire.StatsGroup, total int, err error) {
	if len(by) == 0 || len(by) > MaxDimensions {
		return nil, 0, &ArgumentError{Field: fmt.Sprint(by), Want: "group by one or two fields"}
	}
	dims := make([]*grouping, len(by))
	for i, field := range by {
		if dims[i], err = s.grouping(field); err != nil {
			return nil, 0, err
		}
	}
	sums := make([]int, len(sum))
	for i, field := range sum {
		n, col, err := s.column(field)
		if err != nil || col.Type != schema.Int {
			return nil, 0, &ArgumentError{Field: field, Want: "only whole numbers of the record can be added up"}
		}
		sums[i] = n
	}
	set, err := s.Matches("")
	if err != nil {
		return nil, 0, err
	}
	index := map[[MaxDimensions]uint32]int{}
	for k := range s.table.runs() {
		r := s.table.run(k)
		var summed []*column
		for _, n := range sums {
			summed = append(summed, r.column(s.table.Layout, n))
		}
		for _, d := range dims {
			d.begin(r)
		}
		tooMany := false
		if !s.spend(&r, 1) {
			return nil, 0, s.err()
		}
		s.each(set, k, func(i int) {
			if tooMany || s.err() != nil {
				return
			}
			total++
			first, second := dims[0].of(i), []uint32{0}
			if len(dims) == 2 {
				second = dims[1].of(i)
			}
			for _, a := range first {
				for _, b := range second {
					if tooMany = len(groups) > MaxGroups; tooMany || !s.budget.Spend(stepsOfMap+stepsOfOne*len(summed)) {
						return
					}
					id := [MaxDimensions]uint32{a, b}
					g, ok := index[id]
					if !ok {
						g = len(groups)
						index[id] = g
						groups = append(groups, wire.StatsGroup{Keys: keysOf(dims, id), Sums: make([]int64, len(sums))})
					}
					groups[g].Count++
					for n, c := range summed {
						if v := c.ints[i]; v != -1 {
							groups[g].Sums[n] += v
						}
					}
				}
			}
		})
		if len(groups) > MaxGroups {
			return nil, 0, &TooManyGroupsError{Max: MaxGroups}
		}
	}
	budget.Sort(s.budget, groups, compareSteps, func(a, b wire.StatsGroup) int {
		return cmp.Or(b.Count-a.Count, slices.Compare(a.Keys, b.Keys))
	})
	return groups, total, s.err()
}

func keysOf(dims []*grouping, id [MaxDimensions]uint32) []string {
	keys := make([]string, len(dims))
	for i, d := range dims {
		keys[i] = d.texts[id[i]]
	}
	return keys
}

// grouping numbers the values of a field in order of appearance.
type grouping struct {
	scan  *Scan
	col   *block.Column
	n     int
	texts []string
	ids   map[string]uint32
	aged  bool // by bands of the age of a time

	r      run
	column *column
	last   int // block of the previous record
	out    []uint32
	values [][]byte
}

func (s *Scan) grouping(field string) (*grouping, error) {
	aged := field == wire.AgeField
	if aged {
		field = "StatusTime"
	}
	n, col, err := s.column(field)
	if err != nil {
		return nil, &ArgumentError{Field: field, Want: err.Error()}
	}
	g := &grouping{scan: s, col: col, n: n, ids: map[string]uint32{}, aged: aged}
	if col.Dict != nil {
		g.texts = col.Dict.Texts()
	}
	return g, nil
}

func (g *grouping) begin(r run) {
	g.r, g.last = r, 0
	if g.col.Kind != block.Text && g.col.Kind != block.Texts {
		g.column = r.column(g.scan.table.Layout, g.n)
	}
}

// of returns the numbers of the values of record i of the run; i never
// decreases.
func (g *grouping) of(i int) []uint32 {
	switch g.col.Kind {
	case block.Code:
		return g.column.codes[i : i+1]
	case block.Codes:
		if list := g.column.list(i); len(list) > 0 {
			return list
		}
		return []uint32{0}
	case block.Int, block.Bool:
		return g.number(float64(g.column.ints[i]))
	case block.Float:
		return g.number(g.column.floats[i])
	}
	return g.text(i)
}

func (g *grouping) number(v float64) []uint32 {
	if g.col.Missing(v) {
		return g.one("")
	}
	if g.aged {
		return g.one(wire.AgeBandOf(g.scan.now - int64(v)))
	}
	return g.one(numberText(v, g.col))
}

func (g *grouping) one(text string) []uint32 {
	g.out = append(g.out[:0], g.id(text))
	return g.out
}

func (g *grouping) id(text string) uint32 {
	id, ok := g.ids[text]
	if !ok {
		id = uint32(len(g.texts))
		g.ids[text] = id
		g.texts = append(g.texts, text)
	}
	return id
}

func (g *grouping) text(i int) []uint32 {
	for i >= g.r.at(g.last+1) {
		g.last++
	}
	g.values = g.r.blocks[g.last].AppendDistinct(g.values[:0], g.col, i-g.r.at(g.last))
	g.out = g.out[:0]
	for _, text := range g.values {
		g.out = append(g.out, g.id(string(text)))
	}
	if len(g.out) == 0 {
		return g.one("")
	}
	return g.out
}
