package web

import (
	"math"
	"strconv"
)

// Heat is a table of counts with rows of one kind and columns of another. Cells
// are shaded by their count; cells without any are empty.
type Heat struct {
	Title   string // of the drawing: "failed jobs by site and exit code"
	Row     string // kind of the rows: "site"
	Rows    []HeatHead
	Columns []HeatHead
	Cells   [][]HeatCell // by row and column
	Apart   bool         // columns are not comparable: each is shaded by its own highest count
}

// HeatHead is the name of a row or column.
type HeatHead struct {
	Name  string
	Href  string // "" for none
	Title string // meaning; "" for none
}

// HeatCell is one count.
type HeatCell struct {
	Count int64
	Href  string // of what is counted; "" for none
}

// Sizes of a heat map in CSS pixels.
const (
	heatRow    = 26 // a cell of 24, as in the style sheet, and a gap
	heatGap    = 2
	heatLetter = 7.2 // of a label, on average
	heatLeast  = 52  // width of a column
	heatLabel  = 24  // longest name of a row, in letters
	heatLevels = 5
)

// heatWidths are the possible widths of a column. The style sheet has a rule for
// each of them (svg.w52 …), because a map has hundreds of cells.
var heatWidths = [...]int{52, 64, 80, 104, 132, 184}

// columnWidth is the width needed for the longest column name.
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

// labelWidth is the width needed for the row names as shown.
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

// heatPlace positions a row. Heights and baselines within a row are in the style
// sheet, because they are the same in all rows.
func heatPlace(row int) string {
	return "translate(0 " + strconv.Itoa((row+1)*heatRow) + ")"
}

func (c HeatHead) short() string { return cutName(c.Name) }
func (c HeatHead) title() string { return joinedWith(c.Name, c.Title) }

// text describes a cell in words, with all digits of the count.
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

// cutName shortens a name to the length of a label.
func cutName(s string) string {
	if r := []rune(s); len(r) > heatLabel {
		return string(r[:heatLabel-1]) + "…"
	}
	return s
}

// most returns the count of the darkest shade of each column.
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

// heatLevel is the shade of a count, from 1 to heatLevels. The scale is
// logarithmic, so that a few failures still show beside many thousands.
func heatLevel(count, most int64) string {
	if count <= 0 {
		return "h0"
	}
	level := 1 + int(math.Floor(heatLevels*math.Log1p(float64(count))/math.Log1p(float64(max(count, most)))))
	return "h" + strconv.Itoa(min(level, heatLevels))
}

// Short formats a count in a few characters where all digits would not fit: 950,
// 1.2k, 38k, 4.1M. All digits are beside it or in its title.
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
