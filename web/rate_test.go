package web

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"github.com/a-h/templ"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/schema"
)

var tags = regexp.MustCompile(`<[^>]*>`)

// textOf returns the text of a component, with single blanks.
func textOf(t *testing.T, c templ.Component) string {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, c.Render(t.Context(), &out))
	return strings.Join(strings.Fields(tags.ReplaceAllString(out.String(), "")), " ")
}

// An estimate names the time that its rate is of; without one, the reason.
func TestRatesNameTheirTime(t *testing.T) {
	const now = 1_800_000_000
	rate := func(span, success, failure, left int64) schema.Rate {
		r := schema.Rate{From: now - span, To: now, Seconds: span, Success: success, Failure: failure}
		r.Estimate(left, now)
		return r
	}
	drain := schema.Drain{Workflows: 312, Oldest: "w", OldestStatusTime: now - 41*86400, Query: "agent=a"}
	for name, c := range map[string]struct {
		rate         schema.Rate
		facts, drain string
	}{
		"a day": {rate(86_300, 900, 100, 1000), "ended in the last 24 h1000 100 of them failedtime left for jobs of agents~ 23 h 58 min (1000 jobs), at the rate of the last 24 h",
			"1000 jobs, at the rate of the last 24 h about 23 h 58 min (longest in its status: w, 41 d)"},
		"two hours": {rate(7200, 90, 10, 50), "ended in the last 2 h100 10 of them failedtime left for jobs of agents~ 1 h (50 jobs), at the rate of the last 2 h",
			"50 jobs, at the rate of the last 2 h about 1 h (longest in its status: w, 41 d)"},
		"minutes": {rate(600, 9, 1, 50), "ended in the last 10 min10 1 of them failedtime left for jobs of agentsn/a",
			"50 jobs (longest in its status: w, 41 d) no estimate: counts over time cover 10 min: an estimate needs a recent hour"},
		"none ended": {rate(7200, 0, 0, 50), "ended in the last 2 h0 0 of them failedtime left for jobs of agentsn/a", "50 jobs (longest in its status: w, 41 d) no estimate: no job ended in the last 2 h"},
		"no points":  {schema.Rate{JobsLeft: 50, SecondsLeft: -1}, "time left for jobs of agentsn/a", "50 jobs (longest in its status: w, 41 d) no estimate: no counts over time yet"},
		"none left":  {rate(7200, 5, 0, 0), "ended in the last 2 h5 0 of them failed", "0 jobs (longest in its status: w, 41 d)"},
	} {
		assert.Equal(t, c.facts, strings.ReplaceAll(textOf(t, rateFacts(now, c.rate)), "\u202f", " "), name)
		drain.Jobs = c.rate.JobsLeft
		assert.Equal(t, "312 workflows, "+c.drain, strings.ReplaceAll(textOf(t, drainWork(now, drain, c.rate)), "\u202f", " "), name)
	}
}
