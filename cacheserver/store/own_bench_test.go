package store

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/join"
	"github.com/dmwm/wmstats/schema"
)

// fiftyRules are rules as operators write them, with different bounds: some
// hold for many workflows, most for few.
func fiftyRules() (rules []schema.OwnRule) {
	forms := []string{
		"status=announced&minAge=3%dd&campaign=*%d*",
		"minPriority=1000%d&maxRunning=%d&status=acquired",
		"status=running-open,running-closed&minQueueInjection=9%d&maxRunning=%d&minAge=2d",
		"site=T2_CH_CERN%d,T1_*_%d&has=failure",
		"campaign=*%d*&minFailureRate=9%d",
	}
	for i := range 50 {
		query := fmt.Sprintf(forms[i%len(forms)], i/len(forms), i/len(forms))
		rules = append(rules, schema.OwnRule{Name: fmt.Sprint("own_", i), Query: query, For: int64(600 * (i % 7)), Severity: schema.SeverityWarning})
	}
	return rules
}

// BenchmarkOwnRules measures 50 own rules: a change of one workflow without and
// with them (25 of these a second have to cost less than 5 % of a core), and a
// changed file.
func BenchmarkOwnRules(b *testing.B) {
	s, m, n := benchStore(b)
	none, fifty := schema.DefaultLimits(), schema.DefaultLimits()
	fifty.Own = fiftyRules()
	defer s.SetLimits(none)
	changes := make([]join.Change, 1000)
	for i := range changes {
		changes[i] = m.requestChange(nameOf(m.rng.IntN(n)))
	}
	hash := uint64(1)
	for _, run := range []struct {
		name   string
		limits schema.Limits
	}{{"without", none}, {"with", fifty}} {
		b.Run(run.name, func(b *testing.B) {
			s.SetLimits(run.limits)
			defer cpu(b)()
			for i := 0; b.Loop(); i++ {
				c := changes[i%len(changes)]
				hash += 2
				c.Hash = hash
				s.Apply([]join.Change{c})
			}
		})
	}
	b.Run("file", func(b *testing.B) {
		s.SetLimits(none)
		defer cpu(b)()
		changed := 0
		for i := 0; b.Loop(); i++ { // each change is one of the file
			limits := none
			if i%2 == 0 {
				limits = fifty
			}
			changed += s.SetLimits(limits).Changed
		}
		require.Positive(b, changed)
		b.ReportMetric(100*float64(changed)/float64(b.N)/float64(n), "%changed")
		b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s/file")
	})
}
