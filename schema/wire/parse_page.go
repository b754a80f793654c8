package wire

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Readers of the parameters that select a page and its form.

func readGen(q *Query, name string, values []string) *Problem {
	const most = 64
	q.Gen = values[0]
	if len(q.Gen) > most || strings.ContainsFunc(q.Gen, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return BadValue(name, "The value must be a generation as in the X-Generation header.")
	}
	return nil
}

func readAfter(q *Query, _ string, values []string) *Problem {
	q.After = values[0]
	return nil
}

func readLast(q *Query, _ string, values []string) *Problem {
	q.Last = values[0]
	return nil
}

func readIdx(q *Query, name string, values []string) (p *Problem) {
	q.Idx, p = whole(name, values[0], 0, math.MaxInt32)
	return p
}

func (v *Vocabulary) readLimit(q *Query, name string, values []string) (p *Problem) {
	if strings.EqualFold(values[0], "all") {
		q.All = true
		return nil
	}
	q.Limit, p = whole(name, values[0], 1, MaxLimit)
	if p != nil {
		p.Detail += " limit=all streams everything."
	}
	if q.Limit == DefaultLimit && !v.whole {
		q.Limit = 0
	}
	return p
}

// whole reads a whole number within bounds, both included.
func whole(name, text string, least, most int) (int, *Problem) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < int64(least) || n > int64(most) || text[0] == '+' {
		return 0, BadValue(name, fmt.Sprintf("%q must be a whole number from %d to %d.", name, least, most))
	}
	return int(n), nil
}

func readFormat(q *Query, _ string, values []string) *Problem {
	format, ok := formatNamed(strings.ToLower(values[0]))
	if !ok {
		offered := make([]string, 0, len(formats))
		for _, f := range Formats() {
			offered = append(offered, string(f))
		}
		p := NotAcceptable(values[0], offered)
		p.Param = "format"
		return p
	}
	q.Format = format
	return nil
}

func readEnvelope(q *Query, name string, values []string) (p *Problem) {
	q.Envelope, p = readFlag(name, values[0])
	return p
}

func readDownload(q *Query, name string, values []string) (p *Problem) {
	q.Download, p = readFlag(name, values[0])
	return p
}
