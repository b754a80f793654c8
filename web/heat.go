package web

import (
	"strconv"
)

// Heat is a table of counts with rows of one kind and columns of another. Cells
// are shaded by their rate of failures; cells without a count are empty.
type Heat struct {
	Title   string // of the drawing: "failed jobs by site and exit code"
	Row     string // kind of the rows: "site"
	Rows    []HeatHead
	Columns []HeatHead
	Cells   [][]HeatCell // by row and column
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
	Rate  float64 // %, of failures; 0: the cell is not shaded
	Href  string  // of what is counted; "" for none
}

// Sizes of a heat map in CSS pixels.
const (
	heatRow    = 26 // a cell of 24, as in the style sheet, and a gap
	heatGap    = 2
	heatLetter = 7.2 // of a label, on average
	heatLeast  = 52  // width of a column
	heatLabel  = 24  // longest name of a row, in letters
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
	cell := h.Cells[r][c]
	text := h.Rows[r].Name + ", " + h.Columns[c].Name + ": " + Int(cell.Count)
	if cell.Rate > 0 {
		text += ", " + Percent(cell.Rate, "").Shown
	}
	return text
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

// heatSteps are the rates in % from which a cell has the next shade. They are the same
// for all maps, so that a shade means the same everywhere.
var heatSteps = [...]float64{0, 1, 5, 20, 50}

// heatLevel is the shade of a rate, from h1 to h5, and h0 without failures.
func heatLevel(rate float64) string {
	level := 0
	for _, step := range heatSteps {
		if rate > step {
			level++
		}
	}
	return "h" + strconv.Itoa(level)
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
