package web

import (
	"math"
	"strings"
)

// Spark is one count over time, drawn as a line without axes.
type Spark struct {
	Name   string
	Counts []int64 // at equal intervals, newest last
	Span   int64   // s that they cover

	// On the scale of others; 0: on its own.
	Top   int64 // count at the top; 0 is at the bottom
	Width int64 // s that the width stands for; the line ends at the right
}

// History has the counts over time of a page and the time that they cover.
type History struct {
	Lines   []Spark // in the order of the page
	Seconds int64   // covered time
	Young   bool    // the cache server started counting only then
	Missing string  // why there are none; "" if there are
	Data    string  // address of all points
}

// sparkPoints is the number of counts from which a line is drawn: fewer look like a
// trend and are none.
const sparkPoints = 12

// Drawn reports whether there are enough counts for a line.
func (s Spark) Drawn() bool { return len(s.Counts) >= sparkPoints }

// Named returns the line of a name; a name without counts has none.
func (h History) Named(name string) (Spark, bool) {
	for _, s := range h.Lines {
		if s.Name == name && s.Drawn() {
			return s, true
		}
	}
	return Spark{}, false
}

// span describes the time that the lines cover.
func (h History) span() string {
	if h.Young {
		return "since start, " + Duration(h.Seconds)
	}
	return "last " + Duration(h.Seconds)
}

func (s Spark) least() int64 {
	least := s.Counts[0]
	for _, c := range s.Counts {
		least = min(least, c)
	}
	return least
}

func (s Spark) most() int64 {
	var most int64
	for _, c := range s.Counts {
		most = max(most, c)
	}
	return most
}

func (s Spark) first() int64 { return s.Counts[0] }
func (s Spark) last() int64  { return s.Counts[len(s.Counts)-1] }

// text describes the line in words.
func (s Spark) text() string {
	name := s.Name
	if s.Span > 0 {
		name += ", last " + Duration(s.Span)
	}
	return name + ": from " + Int(s.first()) + " to " + Int(s.last()) + ", lowest " + Int(s.least()) + ", highest " + Int(s.most())
}

// Size of a sparkline in its own units; it is stretched to the space it has.
const (
	sparkWidth  = 100
	sparkHeight = 22
	sparkEdge   = 2
)

// sparkFloor is the smallest range that fills the height of a line, as a share of its
// highest count: a change of one in a thousand is flat.
const sparkFloor = 0.05

// points returns the SVG points of the line, scaled from the lowest to the highest
// count, or to the floor around their middle, unless it is on the scale of others. A
// constant line is in the middle.
func (s Spark) points() string {
	var b strings.Builder
	least, most := float64(s.least()), float64(s.most())
	spread := max(most-least, sparkFloor*most)
	least -= (spread - (most - least)) / 2
	if s.Top > 0 {
		least, spread = 0, float64(s.Top)
	}
	share := 1.0 // of the width
	if s.Width > s.Span {
		share = float64(s.Span) / float64(s.Width)
	}
	for i, c := range s.Counts {
		x := sparkWidth * (1 - share + share*float64(i)/float64(max(len(s.Counts)-1, 1)))
		y := sparkHeight / 2.0
		if spread > 0 {
			y = sparkHeight - sparkEdge - (sparkHeight-2*sparkEdge)*(float64(c)-least)/spread
		}
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(place(math.Round(10*x)/10) + "," + place(math.Round(10*y)/10))
	}
	return b.String()
}
