package wire

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/dmwm/wmstats/schema"
)

// MatchNumber returns the test of one value of a number or flag, which is 0 or 1, at
// the time now, in Unix s. What is missing (schema.Field.Missing) matches no positive
// condition and every negative one. The error says that the condition can't be asked
// of the field.
func (t Term) MatchNumber(f schema.Field, now float64) (func(float64) bool, error) {
	missing := f.MissingNumber()
	switch t.Op {
	case In, NotIn:
		return t.matchValues(f, missing)
	case Has:
		return func(v float64) bool { return v != 0 && v != -1 }, nil
	case HasNot:
		return func(v float64) bool { return v == 0 || v == -1 }, nil
	}
	if f.Type == schema.Bool {
		return nil, errors.New("a yes or no has no range")
	}
	switch t.Op {
	case Min:
		return func(v float64) bool { return v >= t.Number && !missing(v) }, nil
	case Max:
		return func(v float64) bool { return v <= t.Number && !missing(v) }, nil
	case MinAge:
		return func(v float64) bool { return v > 0 && max(now-v, 0) >= t.Number }, nil
	case MaxAge:
		return func(v float64) bool { return v > 0 && max(now-v, 0) <= t.Number }, nil
	}
	return nil, fmt.Errorf("unknown condition %q", t.Op)
}

// matchValues returns the test of In and NotIn.
func (t Term) matchValues(f schema.Field, missing func(float64) bool) (func(float64) bool, error) {
	values := make([]float64, len(t.Values))
	for i, text := range t.Values {
		var err error
		if values[i], err = numberOf(f, text); err != nil {
			return nil, fmt.Errorf("value %q: %w", text, err)
		}
	}
	in := t.Op == In
	if len(values) == 1 {
		one := values[0]
		return func(v float64) bool { return (v == one && !missing(v)) == in }, nil
	}
	slices.Sort(values)
	return func(v float64) bool {
		_, found := slices.BinarySearch(values, v)
		return (found && !missing(v)) == in
	}, nil
}

// numberOf reads a value of a condition as values of the field are read.
func numberOf(f schema.Field, text string) (float64, error) {
	if f.Type != schema.Bool {
		return strconv.ParseFloat(text, 64)
	}
	yes, err := strconv.ParseBool(text)
	if yes {
		return 1, err
	}
	return 0, err
}
