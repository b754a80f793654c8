package web

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/dmwm/wmstats/schema"
)

// chartWidth is the length of a bar, in percent.
const chartWidth = 100

// minWidth keeps a small share visible.
const minWidth = 0.6

// Part is one share of a stacked bar.
type Part struct {
	Label string
	Key   string // schema key; set in JobParts
	Class string // of the fill
	Count int64
	Href  string // "" for none
	Hatch bool   // drawn with a pattern as well: failures
}

// JobParts returns the nine states of jobs with their counts, which add up to
// TotalJobs. They are in the order of a job's life, with problems at the end.
func JobParts(c schema.Counters) []Part {
	return []Part{
		{Label: "success", Key: "Success", Class: "s1", Count: c.Success},
		{Label: "running", Key: "Running", Class: "s2", Count: c.Running},
		{Label: "pending", Key: "Pending", Class: "s3", Count: c.Pending},
		{Label: "queued", Key: "Queued", Class: "s4", Count: c.Queued},
		{Label: "in transition", Key: "Transition", Class: "s5", Count: c.Transition},
		{Label: "canceled", Key: "Canceled", Class: "s6", Count: c.Canceled},
		{Label: "cool-off", Key: "Cooloff", Class: "s7", Count: c.Cooloff},
		{Label: "paused", Key: "Paused", Class: "s8", Count: c.Paused},
		{Label: "failure", Key: "Failure", Class: "s9", Count: c.Failure, Hatch: true},
	}
}

// JobKeys returns the schema keys of the states, in the order of JobParts.
func JobKeys() []string {
	var keys []string
	for _, part := range JobParts(schema.Counters{}) {
		keys = append(keys, part.Key)
	}
	return keys
}

// SummedParts is JobParts for sums in the order of JobKeys.
func SummedParts(sums []int64) []Part {
	parts := JobParts(schema.Counters{})
	for i := range min(len(parts), len(sums)) {
		parts[i].Count = sums[i]
	}
	return parts
}

// present returns the parts with a count.
func present(parts []Part) []Part {
	return slices.DeleteFunc(slices.Clone(parts), func(p Part) bool { return p.Count == 0 })
}

// slice is a Part with its position in the bar.
type slice struct {
	Part
	X, Width string
	End      string // X and Width together
}

// stack positions the parts. Widths are proportional to counts, with a minimum for
// parts that would be too small to see; negative counts draw nothing.
func stack(parts []Part) []slice {
	var total, lifted float64
	for _, p := range parts {
		total += float64(max(p.Count, 0))
	}
	if total == 0 {
		return nil
	}
	widths := make([]float64, len(parts))
	for i, p := range parts {
		if p.Count > 0 {
			widths[i] = max(chartWidth*float64(p.Count)/total, minWidth)
		}
		lifted += widths[i]
	}
	var out []slice
	x := 0.0
	for i, p := range parts {
		if widths[i] == 0 {
			continue
		}
		width := widths[i] * chartWidth / lifted
		out = append(out, slice{Part: p, X: percentage(x), Width: percentage(width), End: percentage(x + width)})
		x += width
	}
	return out
}

// place writes a coordinate with at most two decimals.
func place(f float64) string {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return "0"
	}
	return strconv.FormatFloat(math.Round(f*100)/100, 'f', -1, 64)
}

// percentage is a position along a bar, as an SVG attribute. Bars have no viewBox,
// so that their patterns are not stretched.
func percentage(f float64) string { return place(math.Round(f*10)/10) + "%" }

// describe is the text of a stacked bar: "success 40, running 3".
func describe(parts []Part) string {
	var b strings.Builder
	for _, p := range parts {
		if p.Count <= 0 {
			continue
		}
		if b.Len() > 0 {
			b.WriteString(", ")
		}
		b.WriteString(p.Label + " " + Int(p.Count))
	}
	if b.Len() == 0 {
		return "no jobs"
	}
	return b.String()
}

// meterClass returns the CSS class of a progress bar. Any failure rate is bad;
// progress above 100 % is marked.
func meterClass(percent float64, bad bool) string {
	switch {
	case bad:
		return "m-bad"
	case percent > 100:
		return "m-over"
	case percent == 100:
		return "m-full"
	}
	return ""
}

// meterWidth is the drawn width of a progress bar.
func meterWidth(percent float64) string {
	switch {
	case percent <= 0 || math.IsNaN(percent):
		return "0"
	case percent > 100:
		return percentage(chartWidth)
	}
	return percentage(math.Round(max(percent, 2)))
}

// Span is the time that a workflow spent in one status.
type Span struct {
	Status   string
	From, To int64 // Unix seconds; To is now for the last one
	Longest  bool
	Ongoing  bool
}

// Seconds is the length of the span. Clocks that differ don't make it negative.
func (s Span) Seconds() int64 { return max(s.To-s.From, 0) }

// Spans turns a status history into spans in order of time. Changes without a
// time are left out because they can't be drawn; the table shows them.
func Spans(history []schema.StatusChange, now int64) []Span {
	var spans []Span
	for _, change := range byTime(history) {
		if change.Time <= 0 {
			continue
		}
		if n := len(spans); n > 0 {
			// A time in the future does not lengthen a span.
			spans[n-1].To, spans[n-1].Ongoing = max(spans[n-1].From, min(change.Time, now)), false
		}
		spans = append(spans, Span{Status: change.Status, From: change.Time, To: max(now, change.Time), Ongoing: true})
	}
	longest := -1
	for i := range spans {
		if longest < 0 || spans[i].Seconds() > spans[longest].Seconds() {
			longest = i
		}
	}
	if longest >= 0 && len(spans) > 1 && spans[longest].Seconds() > 0 {
		spans[longest].Longest = true
	}
	return spans
}

// band is a Span with its position in the timeline.
type band struct {
	Span
	X, Width, Class string
}

// bands positions spans in proportion to their length, with a minimum width.
func bands(spans []Span) []band {
	parts := make([]Part, len(spans))
	for i, s := range spans {
		parts[i] = Part{Count: max(s.Seconds(), 1)}
	}
	out := make([]band, len(spans))
	for i, s := range stack(parts) {
		out[i] = band{Span: spans[i], X: s.X, Width: s.Width, Class: groupFill(spans[i].Status)}
	}
	return out
}

func groupFill(status string) string {
	if info, ok := schema.StatusOf(status); ok {
		for _, g := range groups {
			if g.group == info.Group {
				return g.fill
			}
		}
	}
	return "g-waiting"
}

// Bucket is one column of a histogram.
type Bucket struct {
	Label string
	Count int64
	Href  string
}

// Size of the histogram, in its own units.
const (
	histColumn = 74 // from column to column
	histBar    = 58
	histHeight = 92 // of the highest bar
	histTop    = 16 // space for the number above it
)

// column is a Bucket with its position.
type column struct {
	Bucket
	X, Y, Height, Middle, NumberY string
}

// columns returns columns whose heights are proportional to counts; the highest
// has the full height.
func columns(buckets []Bucket) []column {
	most := int64(1)
	for _, b := range buckets {
		most = max(most, b.Count)
	}
	out := make([]column, len(buckets))
	for i, b := range buckets {
		height := histHeight * float64(max(b.Count, 0)) / float64(most)
		if b.Count > 0 {
			height = max(height, 1.5)
		}
		x := float64(i * histColumn)
		y := histTop + histHeight - height
		out[i] = column{
			Bucket: b, X: place(x), Y: place(y), Height: place(height),
			Middle: place(x + histBar/2), NumberY: place(y - 4),
		}
	}
	return out
}

var (
	histBarWidth = strconv.Itoa(histBar)
	histLabelY   = strconv.Itoa(histTop + histHeight + 14)
)

func histBox(buckets []Bucket) string {
	return "0 0 " + strconv.Itoa(max(len(buckets), 1)*histColumn-(histColumn-histBar)) + " " + strconv.Itoa(histTop+histHeight+20)
}

// timelineText is the timeline in words.
func timelineText(spans []Span) string {
	texts := make([]string, len(spans))
	for i, s := range spans {
		texts[i] = s.Status + " " + Duration(s.Seconds())
	}
	return "status history: " + strings.Join(texts, ", ")
}
