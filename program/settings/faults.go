package settings

import (
	"errors"
	"fmt"
	"time"
)

// Faults gathers what is wrong with settings, to report all of it at once.
type Faults struct{ list []error }

// Add notes an error; the arguments are those of fmt.Errorf.
func (f *Faults) Add(format string, args ...any) {
	f.list = append(f.list, fmt.Errorf(format, args...))
}

// Err joins the errors; nil when there are none.
func (f *Faults) Err() error { return errors.Join(f.list...) }

type number interface{ ~int | ~int64 | ~float64 }

// Positive notes a value that is not above 0.
func Positive[T number](f *Faults, name string, value T) {
	if !(value > 0) { //nolint:staticcheck // NaN is not above 0
		f.Add("--%s %q: want more than 0", name, written(value))
	}
}

// NotNegative notes a value below 0.
func NotNegative[T number](f *Faults, name string, value T) {
	if !(value >= 0) { //nolint:staticcheck // nor is it 0
		f.Add("--%s %q: want 0 or more", name, written(value))
	}
}

// written is a value as the command line has it.
func written(value any) string {
	if d, ok := value.(time.Duration); ok {
		return FormatDuration(d)
	}
	return fmt.Sprint(value)
}
