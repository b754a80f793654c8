package wire

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTexts(t *testing.T) {
	for _, c := range []struct {
		values   []string
		yes, not []string
	}{
		{nil, []string{"", "a", "b"}, nil},
		{[]string{"a,b", "c"}, []string{"a", "b", "c"}, []string{"", "ab", "d"}},
		{[]string{"T2_*,!T2_CH_*"}, []string{"T2_US_MIT"}, []string{"T2_CH_CERN", "T1_US_FNAL", ""}},
		{[]string{"!T1_*"}, []string{"", "T2_US_MIT"}, []string{"T1_US_FNAL"}},
		{[]string{"*/Merge*output"}, []string{"/w/A/MergeXoutput"}, []string{"/w/A/Mergeoutpu", "Mergeoutput"}},
		{[]string{"a*b*c"}, []string{"abc", "aXbYc", "abbc"}, []string{"ac", "abcX"}},
		{[]string{"a*a"}, []string{"aa", "aba"}, []string{"a"}},
		{[]string{`a\,b`, `\!c`}, []string{"a,b", "!c"}, []string{"a", "b", "c"}},
		{[]string{"*"}, []string{"x"}, []string{""}},
	} {
		f, err := ReadTexts("task", c.values)
		require.NoError(t, err)
		assert.Equal(t, len(c.values) > 0, f.Asked())
		for _, text := range c.yes {
			assert.True(t, f.Match(text), "%v takes %q", c.values, text)
		}
		for _, text := range c.not {
			assert.False(t, f.Match(text), "%v refuses %q", c.values, text)
		}
	}
	for _, bad := range []string{"", "a,,b", `\x`, "!", "\xff"} {
		_, err := ReadTexts("task", []string{bad})
		var p *Problem
		require.ErrorAs(t, err, &p, bad)
		assert.Equal(t, "task", p.Param)
	}
}

func TestNumbers(t *testing.T) {
	n, err := ReadNumbers("exitcode", []string{"8021,-1", "!0"})
	require.NoError(t, err)
	assert.Equal(t, Numbers{In: []int64{-1, 8021}, NotIn: []int64{0}}, n)
	assert.True(t, n.Match(8021))
	assert.False(t, n.Match(0))
	assert.False(t, n.Match(7))
	assert.True(t, Numbers{NotIn: []int64{0}}.Match(7))
	assert.True(t, Numbers{}.Match(7))
	for _, bad := range []string{"8021.5", "x", "80*", "+1", "", "99999999999999999999"} {
		_, err := ReadNumbers("exitcode", []string{bad})
		var p *Problem
		require.ErrorAs(t, err, &p, bad)
		assert.Equal(t, 400, p.Status)
	}
}
