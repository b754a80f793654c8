package web

import (
	"math"
	"strconv"
)

// Heat is a table of counts whose cells are shaded by their size: rows of one
// kind, columns of another. A cell with nothing in it is left empty.
type Heat struct {
	Title   string // of the drawing: "failed jobs by site and exit code"
	Row     string // what a row is: "site"
	Rows    []HeatHead
	Columns []HeatHead
	Cells   [][]HeatCell // by row, as many in each as there are columns
	Apart   bool         // columns are of different kinds: each is shaded by its own greatest count
}

// HeatHead is the name of a row or column.
type HeatHead struct {
	Name  string
	Href  string // "" for none
	Title string // what it means; "" for nothing more than its name
}

// HeatCell is one count.
type HeatCell struct {
	Count int64
	Href  string // what is counted; "" for none
}

// Sizes of a heat map, in its own units, which are those of the page.
const (
	heatRow    = 26 // from row to row: a target of 24, which the style sheet draws, and a gap
	heatGap    = 2
	heatLetter = 7.2 // of a label, on average
	heatLeast  = 52  // width of a column
	heatLabel  = 24  // letters of a row's name that are shown
	heatLevels = 5
)

// heatWidths are the widths that a column may have. Those of cells are a rule
// of the style sheet for each (svg.w52 …): a map has hundreds of them.
var heatWidths = [...]int{52, 64, 80, 104, 132, 184}

// columnWidth is wide enough for the longest name of a column.
func (h Heat) columnWidth() int {
	width := 0
	for _, c := range h.Columns {
		width = max(width, int(heatLetter*float64(min(runes(c.Name), heatLabel)))+10)
	}
	for _, w := range heatWidths {
		if w >= width {
			return w
		}
	}
	return heatWidths[len(heatWidths)-1]
}

func (h Heat) widthClass() string { return "w" + strconv.Itoa(h.columnWidth()) }

// labelWidth is wide enough for the names of the rows, as far as they are shown.
func (h Heat) labelWidth() int {
	longest := runes(h.Row)
	for _, r := range h.Rows {
		longest = max(longest, runes(r.Name))
	}
	return int(heatLetter*float64(min(longest, heatLabel+1))) + 12
}

func (h Heat) width() string  { return strconv.Itoa(h.labelWidth() + len(h.Columns)*h.columnWidth()) }
func (h Heat) height() string { return strconv.Itoa((len(h.Rows) + 1) * heatRow) }
func (h Heat) cellX(column int) string {
	return strconv.Itoa(h.labelWidth() + column*h.columnWidth())
}
func (h Heat) cellMiddle(column int) string {
	return strconv.Itoa(h.labelWidth() + column*h.columnWidth() + (h.columnWidth()-heatGap)/2)
}

// heatPlace is where a row begins. Heights and baselines within a row are the
// style sheet's: they are the same in all of them.
func heatPlace(row int) string {
	return "translate(0 " + strconv.Itoa((row+1)*heatRow) + ")"
}

func (c HeatHead) short() string { return cutName(c.Name) }
func (c HeatHead) title() string { return joinedWith(c.Name, c.Title) }

// text is a cell in words, with all digits.
func (h Heat) text(r, c int) string {
	return h.Rows[r].Name + ", " + h.Columns[c].Name + ": " + Int(h.Cells[r][c].Count)
}

func joinedWith(name, more string) string {
	if more == "" {
		return name
	}
	return name + ": " + more
}

func runes(s string) int { return len([]rune(s)) }

// cutName shortens a name to what a label has room for.
func cutName(s string) string {
	if r := []rune(s); len(r) > heatLabel {
		return string(r[:heatLabel-1]) + "…"
	}
	return s
}

// most is the greatest count that each column is shaded by.
func (h Heat) most() []int64 {
	most := make([]int64, len(h.Columns))
	var all int64
	for _, row := range h.Cells {
		for c, cell := range row {
			most[c] = max(most[c], cell.Count)
			all = max(all, cell.Count)
		}
	}
	for c := range most {
		if !h.Apart {
			most[c] = all
		}
	}
	return most
}

// heatLevel is the shade of a count, from 1 to heatLevels: its logarithm in
// proportion to that of the greatest, so that a few failures still show beside
// many thousands.
func heatLevel(count, most int64) string {
	if count <= 0 {
		return "h0"
	}
	level := 1 + int(math.Floor(heatLevels*math.Log1p(float64(count))/math.Log1p(float64(max(count, most)))))
	return "h" + strconv.Itoa(min(level, heatLevels))
}

// Short writes a count in a few letters, for where there is no room for all
// digits: 950, 1.2k, 38k, 4.1M. All digits stand beside it, or in its title.
func Short(n int64) string {
	if n < 1000 {
		return Int(n)
	}
	f := float64(n)
	for _, unit := range []string{"k", "M", "G"} {
		f /= 1000
		if f < 9.95 {
			return strconv.FormatFloat(f, 'f', 1, 64) + unit
		}
		if f < 999.5 {
			return strconv.FormatFloat(f, 'f', 0, 64) + unit
		}
	}
	return strconv.FormatFloat(f, 'f', 0, 64) + "G"
}
