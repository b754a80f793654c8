package settings

import (
	"errors"
	"fmt"
	"time"
)

// Faults collects the errors of settings, to report them together.
type Faults struct{ list []error }

// Add adds an error; the arguments are those of fmt.Errorf.
func (f *Faults) Add(format string, args ...any) {
	f.list = append(f.list, fmt.Errorf(format, args...))
}

// Err returns the joined errors; nil if there are none.
func (f *Faults) Err() error { return errors.Join(f.list...) }

type number interface{ ~int | ~int64 | ~float64 }

// Positive adds an error for a value that is not above 0.
func Positive[T number](f *Faults, name string, value T) {
	if !(value > 0) { //nolint:staticcheck // NaN is not above 0
		f.Add("--%s %q: want more than 0", name, written(value))
	}
}

// NotNegative adds an error for a value below 0.
func NotNegative[T number](f *Faults, name string, value T) {
	if !(value >= 0) { //nolint:staticcheck // nor is it 0
		f.Add("--%s %q: want 0 or more", name, written(value))
	}
}

// written formats a value as on the command line.
func written(value any) string {
	if d, ok := value.(time.Duration); ok {
		return FormatDuration(d)
	}
	return fmt.Sprint(value)
}
