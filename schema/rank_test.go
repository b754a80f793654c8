package schema

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestRankOrdersValues(t *testing.T) {
	for _, c := range []struct {
		fields []Field
		key    string
		want   []string // in order
	}{
		{Describe[Agent](), "Severity", []string{"error", "warning", "drain", "unknown", "ok"}},
		{Describe[Agent](), "ReportedStatus", []string{"down", "error", "warning", "ok", "fine"}},
		{Describe[Site](), "State", []string{"Normal", "Odd", "Draining", "Down", "Aborted"}},
		{Describe[ErrorSummary](), "State", []string{"new", "createfailed", "submitfailed", "executing", "jobcooloff", "jobfailed", "retrydone", "success", "odd"}},
	} {
		f := c.fields[slices.IndexFunc(c.fields, func(f Field) bool { return f.Key == c.key })]
		for i, value := range c.want[1:] {
			assert.Less(t, f.Rank(c.want[i]), f.Rank(value), "%s: %s before %s", c.key, c.want[i], value)
		}
	}
}

// Each order that a tag names is one that Rank knows.
func TestOrdersAreKnown(t *testing.T) {
	for _, k := range Kinds() {
		for _, f := range k.Fields {
			ranks := f.Rank("error") + f.Rank("Down") + f.Rank("success")
			assert.Equal(t, f.Order != "", ranks > 0, "%s.%s", k.Name, f.Key)
		}
	}
}

// MissingNumber is Missing.
func TestMissingNumber(t *testing.T) {
	for _, k := range Kinds() {
		for _, f := range k.Fields {
			for _, v := range []float64{-2, -1, -0.5, 0, 1} {
				assert.Equal(t, f.Missing(v), f.MissingNumber()(v), "%s.%s %v", k.Name, f.Key, v)
			}
		}
	}
}
