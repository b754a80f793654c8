// Package settings reads what a program is told: one table of settings, each of
// them a flag and an environment variable of the same name. A flag wins over its
// variable. All faults are reported at once, and no text repeats what may be an
// address with a password in it. The package does not know what a setting means.
package settings

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Table has the settings of one program. Make it with New, add settings, then
// Parse once.
type Table struct {
	program string
	prefix  string
	list    []*Setting
}

// Setting is one row of a table.
type Setting struct {
	name, help, standard string
	variables            []string // the first that is set counts
	alone                bool     // the flag may stand without a value
	set                  func(text string) error
}

// New makes an empty table. The variable of --cache-url is the prefix and
// CACHE_URL.
func New(program, prefix string) *Table { return &Table{program: program, prefix: prefix} }

// Program is the name of the program.
func (t *Table) Program() string { return t.program }

// Func adds a setting that set reads. standard is the default as it is written.
func (t *Table) Func(name, standard, help string, set func(text string) error) *Setting {
	variable := t.prefix + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
	s := &Setting{name: name, help: help, standard: standard, variables: []string{variable}, set: set}
	t.list = append(t.list, s)
	return s
}

// Or adds another variable of the setting, which counts where those before it
// are not set.
func (s *Setting) Or(variable string) {
	if !slices.Contains(s.variables, variable) {
		s.variables = append(s.variables, variable)
	}
}

// Text adds a setting that may be any text.
func (t *Table) Text(name string, to *string, help string) *Setting {
	return t.Func(name, *to, help, func(text string) error { *to = text; return nil })
}

// value adds a setting whose text parse reads; want says what the text has to be.
func value[T any](t *Table, name string, to *T, standard, help, want string, parse func(string) (T, error)) *Setting {
	return t.Func(name, standard, help, func(text string) error {
		read, err := parse(text)
		if err != nil {
			return errors.New("want " + want)
		}
		*to = read
		return nil
	})
}

// Duration adds a setting such as 30s.
func (t *Table) Duration(name string, to *time.Duration, help string) *Setting {
	return value(t, name, to, to.String(), help, "a duration such as 30s", time.ParseDuration)
}

// Bool adds a setting that is true or false; the flag alone is true.
func (t *Table) Bool(name string, to *bool, help string) *Setting {
	s := value(t, name, to, strconv.FormatBool(*to), help, "true or false", strconv.ParseBool)
	s.alone = true
	return s
}

// Command adds a flag that has no variable: what it asks for is done once.
func (t *Table) Command(name string, to *bool, help string) { t.Bool(name, to, help).variables = nil }

// Int adds a setting that is a whole number.
func (t *Table) Int(name string, to *int, help string) *Setting {
	return value(t, name, to, strconv.Itoa(*to), help, "a whole number", strconv.Atoi)
}

// Float adds a setting that is a finite number.
func (t *Table) Float(name string, to *float64, help string) *Setting {
	standard := strconv.FormatFloat(*to, 'g', -1, 64)
	return value(t, name, to, standard, help, "a number such as 0.5 or 200", func(text string) (float64, error) {
		n, err := strconv.ParseFloat(text, 64)
		if err == nil && (math.IsNaN(n) || math.IsInf(n, 0)) {
			err = strconv.ErrRange
		}
		return n, err
	})
}

// Bytes adds a setting that is a size.
func (t *Table) Bytes(name string, to *int64, help string) *Setting {
	return value(t, name, to, FormatBytes(*to), help, "bytes, such as 268435456 or 256MiB", ParseBytes)
}

var units = []struct {
	name   string
	factor int64
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}}

// ParseBytes reads a size in bytes with an optional unit, such as 256MiB.
func ParseBytes(text string) (int64, error) {
	number, factor := text, int64(1)
	for _, unit := range units {
		if rest, ok := strings.CutSuffix(text, unit.name); ok {
			number, factor = rest, unit.factor
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n > (1<<62)/factor || n < -(1<<62)/factor {
		return 0, errors.New("want bytes, such as 268435456 or 256MiB")
	}
	return n * factor, nil
}

// FormatBytes is a size as ParseBytes reads it, in the largest unit that fits.
func FormatBytes(n int64) string {
	for _, unit := range units {
		if n != 0 && n%unit.factor == 0 {
			return strconv.FormatInt(n/unit.factor, 10) + unit.name
		}
	}
	return strconv.FormatInt(n, 10)
}

// Parse reads variables and flags. given has the names of the settings that
// were set. The error joins all faults; it is flag.ErrHelp alone when help was
// asked for, which goes to out.
func (t *Table) Parse(args []string, getenv func(string) string, out io.Writer) (given map[string]bool, err error) {
	var faults []error
	given = map[string]bool{}
	flags := flag.NewFlagSet(t.program, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	for _, s := range t.list {
		set := func(from, text string) {
			given[s.name] = true
			if err := s.set(text); err != nil {
				faults = append(faults, fmt.Errorf("%s %s: %w", from, quoted(text), err))
			}
		}
		for _, variable := range s.variables {
			if text := getenv(variable); text != "" {
				set(variable, text)
				break
			}
		}
		// A fault is kept, where package flag would end at the first.
		fromFlag := func(text string) error { set("--"+s.name, text); return nil }
		if s.alone {
			flags.BoolFunc(s.name, s.usage(), fromFlag)
		} else {
			flags.Func(s.name, s.usage(), fromFlag)
		}
	}
	for rest := args; len(rest) > 0; {
		err := flags.Parse(rest)
		rest = flags.Args()
		switch {
		case errors.Is(err, flag.ErrHelp):
			fmt.Fprintf(out, "usage: %s [flags]\n\n", t.program)
			flags.SetOutput(out)
			flags.PrintDefaults()
			return nil, flag.ErrHelp
		case err != nil:
			faults = append(faults, errors.New(unsaid(err.Error(), "a flag that looks like an address is not defined")))
			if len(rest) > 0 && !strings.HasPrefix(rest[0], "-") && strings.Contains(err.Error(), "not defined") {
				rest = rest[1:] // the value of a flag that is not known
			}
		case len(rest) > 0:
			faults = append(faults, fmt.Errorf("unexpected argument %s", quoted(rest[0])))
			rest = rest[1:]
		}
	}
	return given, errors.Join(faults...)
}

// usage is the help of a setting.
func (s *Setting) usage() string {
	if s.variables == nil {
		return s.help
	}
	return fmt.Sprintf("%s (%s; default %q)", s.help, strings.Join(s.variables, " or "), s.standard)
}

// unsaid is text, or the word in place of what may have a password in it.
func unsaid(text, word string) string {
	if strings.ContainsAny(text, "@/") {
		return word
	}
	return text
}

func quoted(text string) string { return unsaid(strconv.Quote(text), "(an address)") }

// Faults gathers what is wrong with settings, to report all of it at once.
type Faults struct{ list []error }

// Add notes a fault; the arguments are those of fmt.Errorf.
func (f *Faults) Add(format string, args ...any) {
	f.list = append(f.list, fmt.Errorf(format, args...))
}

// Err joins the faults; nil when there are none.
func (f *Faults) Err() error { return errors.Join(f.list...) }

type number interface{ ~int | ~int64 | ~float64 }

// Positive notes a value that is not above 0.
func Positive[T number](f *Faults, name string, value T) {
	if !(value > 0) { //nolint:staticcheck // NaN is not above 0
		f.Add("--%s %v: must be more than 0", name, value)
	}
}

// NotNegative notes a value below 0.
func NotNegative[T number](f *Faults, name string, value T) {
	if !(value >= 0) { //nolint:staticcheck // nor is it 0
		f.Add("--%s %v: must not be negative", name, value)
	}
}
