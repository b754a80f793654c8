package wire

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/dmwm/wmstats/schema"
)

func TestGuessTerm(t *testing.T) {
	for word, want := range map[string]Term{
		"failure>100":       {Field: "Failure", Op: Min, Number: 101},
		"failure:>100":      {Field: "Failure", Op: Min, Number: 101},
		"Failure>=100":      {Field: "Failure", Op: Min, Number: 100},
		"prio<1000":         {Field: "Priority", Op: Max, Number: 999},
		"failre<=3":         {Field: "Failure", Op: Max, Number: 3},
		"rate>10":           {Field: "FailureRate", Op: Min, Number: math.Nextafter(10, 11)},
		"age>2d":            {Field: "StatusTime", Op: MinAge, Number: 172800},
		"age<90m":           {Field: "StatusTime", Op: MaxAge, Number: 5400},
		"statustime>2d":     {Field: "StatusTime", Op: MinAge, Number: 172800},
		"site=T2_US_MIT":    {Field: "Sites", Op: In, Values: []string{"T2_US_MIT"}},
		"status:a,b":        {Field: "Status", Op: In, Values: []string{"a,b"}},
		"campaign=!Run3":    {Field: "Campaign", Op: In, Values: []string{"!Run3"}},
		"priority=90000":    {Field: "Priority", Op: In, Values: []string{"90000"}},
		"failure>":          {},
		"failure>many":      {},
		"nothingnear>7":     {},
		"status>new":        {},
		"unknown:text":      {},
		"sit=T2":            {},
		"Run3Summer21":      {},
		">7":                {},
		"/A/B>7":            {},
		"failure>1e999":     {},
		"hasjobinfo=almost": {},
	} {
		got, ok := Workflows().GuessTerm(word)
		assert.Equal(t, want, got, word)
		assert.Equal(t, want.Op != "", ok, word)
	}
}

// Next leaves out exactly the number itself.
func TestNext(t *testing.T) {
	whole, part := schema.Field{Type: schema.Int}, schema.Field{Type: schema.Float}
	assert.Equal(t, []float64{8, 6, 8, 7}, []float64{Next(whole, 7, true), Next(whole, 7, false), Next(whole, 7.5, true), Next(whole, 7.5, false)})
	assert.Greater(t, Next(part, 7, true), 7.0)
	assert.Less(t, Next(part, 7, false), 7.0)
}
