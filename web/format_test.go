package web

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/dmwm/wmstats/schema"
)

func narrow(s string) string { return strings.ReplaceAll(s, thin, "_") }

func TestInt(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0", 7: "7", 9999: "9999", 10000: "10_000", 123456: "123_456", 1234567: "1_234_567", -5: "\u22125", -123456: "\u2212123_456",
		math.MaxInt64: "9_223_372_036_854_775_807", math.MinInt64: "\u22129_223_372_036_854_775_808",
	} {
		assert.Equal(t, want, narrow(Int(n)))
	}
}

func TestPercentRoundsNeitherToNothingNorToAll(t *testing.T) {
	for p, want := range map[float64]string{
		0: "0_%", 0.01: "<0.1_%", 0.1: "0.1_%", 42.25: "42.2_%", 99.94: ">99.9_%", 99.99: ">99.9_%", 100: "100_%", 116.7: "116.7_%", 12345: "12_345_%",
	} {
		assert.Equal(t, want, narrow(Percent(p, "").Shown), p)
	}
	for _, p := range []float64{-1, math.NaN(), math.Inf(1), math.Inf(-1)} {
		assert.Equal(t, NA("no jobs yet"), Percent(p, "no jobs yet"))
	}
	assert.NotEmpty(t, Percent(101, "").Title, "above 100 % the cause is in the title")
}

func TestBytes(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0_B", 999: "999_B", 1000: "1.00_kB", 12345: "12.3_kB", 999499: "999_kB", 999999: "1.00_MB", 5e15: "5.00_PB", math.MaxInt64: "9.22_EB",
	} {
		assert.Equal(t, want, narrow(Bytes(n)))
	}
}

func TestTimes(t *testing.T) {
	const now = 1_000_000
	for then, want := range map[int64]string{
		now: "0 s ago", now + 3: "0 s ago", now - 59: "59 s ago", now - 60: "1 min ago", now - 3600: "1 h ago", now - 3725: "1 h 2 min ago",
		now - 90000: "1 d 1 h ago", now - 864000: "10 d ago", now + 600: "0 s ago", now + 7*86400: "0 s ago",
	} {
		assert.Equal(t, want, Ago(now, then))
	}
}

func TestSpaced(t *testing.T) {
	for key, want := range map[string]string{"OutputEvents": "output events", "PrepIDs": "prep IDs", "JobsInWMBS": "jobs in WMBS", "Type": "type"} {
		assert.Equal(t, want, spaced(key))
	}
}

// Bars stay within their frame, show every nonzero share, and contain only
// numbers.
func TestStack(t *testing.T) {
	for _, counts := range [][]int64{{1}, {0, 0}, {1, 1_000_000_000}, {5, 0, 3, 1, 9}, {-4, 2}, {math.MaxInt64, math.MaxInt64, 1}} {
		var parts []Part
		shown := 0
		for _, n := range counts {
			parts = append(parts, Part{Label: "x", Count: n})
			if n > 0 {
				shown++
			}
		}
		slices := stack(parts)
		assert.Len(t, slices, shown)
		for _, s := range slices {
			assert.Regexp(t, `^[0-9.]+%$`, s.X)
			assert.Regexp(t, `^[0-9.]+%$`, s.Width)
			assert.NotEqual(t, "0%", s.Width)
		}
	}
}

// The states of the bar add up to all jobs.
func TestJobPartsAreTheTotal(t *testing.T) {
	c := schema.JobCounts{
		Success: 1, Canceled: 2, Transition: 3, QueuedFirst: 4, QueuedRetry: 5, Pending: 6, Running: 7, FailureCreate: 8, FailureSubmit: 9,
		FailureException: 10, CooloffCreate: 11, CooloffSubmit: 12, CooloffJob: 13, PausedCreate: 14, PausedSubmit: 15, PausedJob: 16,
	}.Derive()
	var sum int64
	for _, part := range JobParts(c) {
		sum += part.Count
	}
	assert.Equal(t, c.TotalJobs, sum)
}

func TestSpans(t *testing.T) {
	history := []schema.StatusChange{
		{Index: 1, Status: "new", Time: 100}, {Index: 3, Status: "staged", Time: 900}, {Index: 2, Status: "assigned", Time: 150}, {Index: 4, Status: "lost", Time: 0},
	}
	spans := Spans(history, 1000)
	assert.Equal(t, []Span{
		{Status: "new", From: 100, To: 150},
		{Status: "assigned", From: 150, To: 900, Longest: true},
		{Status: "staged", From: 900, To: 1000, Ongoing: true},
	}, spans)
	assert.Empty(t, Spans(nil, 1000))
	assert.Equal(t, int64(0), Spans(history[:1], 50)[0].Seconds(), "a clock that is behind does not make a time negative")
}

// No task is lost when tasks are nested, whatever their paths are.
func TestBranches(t *testing.T) {
	paths := []string{"/w/A", "/w/A/B", "/w/AB", "/w/A/B/C", "/w/D/E", "", "odd", "/w/A B"}
	var tasks []schema.WorkflowTask
	for _, path := range paths {
		tasks = append(tasks, schema.WorkflowTask{Task: path})
	}
	var found []string
	for _, b := range Branches(tasks) {
		for i, task := range b.Tasks {
			found = append(found, task.Task)
			assert.True(t, i == 0 || strings.HasPrefix(task.Task, b.Top.Task+"/"), task.Task)
		}
	}
	assert.ElementsMatch(t, paths, found)
	branch := Branches(tasks[:4])[0]
	assert.Equal(t, "path d1", branch.indent(branch.Tasks[0]))
	assert.Equal(t, "path d3", branch.indent(schema.WorkflowTask{Task: "/w/A/B/C"}))
}

func TestErrorsHaveThreeTexts(t *testing.T) {
	texts := map[string]bool{}
	for _, state := range []string{"none", "not_loaded", "failed"} {
		texts[errorsText(WorkflowPage{Detail: schema.Detail{ErrorsState: state}})] = true
	}
	assert.Len(t, texts, 3)
	assert.Empty(t, errorsText(WorkflowPage{Detail: schema.Detail{ErrorsState: "loaded", Errors: make([]schema.JobError, 1)}}))
}

func TestColumnsAreTheSchema(t *testing.T) {
	columns := NewColumns()
	assert.Len(t, columns.All, len(schema.Describe[schema.Workflow]()))
	for _, name := range SetNames() {
		keys, ok := SetKeys(name)
		assert.True(t, ok)
		for _, key := range keys {
			_, ok := columns.Named(key)
			assert.True(t, ok, key)
		}
	}
	for key := range reasons {
		_, ok := columns.Named(key)
		assert.True(t, ok, key)
	}
	for key := range labels {
		_, ok := columns.Named(key)
		assert.True(t, ok, key)
	}
}

func TestSourceName(t *testing.T) {
	for source, want := range map[string]string{
		"":                               "unnamed",
		"mock seed 7":                    "mock data, seed 7",
		"https://couch.example:5984/db":  "CouchDB at couch.example:5984",
		"http://user:secret@couch.local": "CouchDB at couch.local",
		"a file":                         "a file",
	} {
		assert.Equal(t, want, SourceName(source), source)
	}
}

func TestSeconds(t *testing.T) {
	for seconds, want := range map[float64]string{
		0: "< 1 ms", 0.0034: "3 ms", 0.0994: "99 ms", 0.0996: "0.1 s", 0.42: "0.4 s", 4.2: "4.2 s", 9.96: "10 s", 12.4: "12 s", 75: "1 min", -1: "n/a",
	} {
		assert.Equal(t, want, Seconds(seconds), seconds)
	}
}
