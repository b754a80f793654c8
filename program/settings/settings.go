// Package settings parses the options of a program. A table has its settings, each a
// flag and an environment variable of the same name; the flag overrides the variable.
// All errors are reported together, and no text repeats a possible address with a
// password. The same table prints the help, the version and the options in effect.
// The package does not know the meaning of a setting.
package settings

import (
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Table has the settings of one program. Use New, add settings, then call Parse once.
type Table struct {
	program string
	prefix  string
	about   string
	forms   []string
	group   string
	derive  func(given map[string]bool)
	list    []*Setting
}

// Setting is one row of a table.
type Setting struct {
	name, help, placeholder, standard, group string

	variables []string // the first one set is used
	alone     bool     // the flag needs no value
	set       func(text string) error
	value     func() string // returns the current value
	source    string        // source of the value, after Parse
}

// New returns an empty table. The variable of --cache-url is the prefix and
// CACHE_URL.
func New(program, prefix string) *Table { return &Table{program: program, prefix: prefix} }

// Program returns the name of the program.
func (t *Table) Program() string { return t.program }

// Describe sets the text of the help above the flags: the purpose of the program, and
// the forms of its command line in addition to the one with flags.
func (t *Table) Describe(about string, forms ...string) { t.about, t.forms = about, forms }

// Group sets the heading in the help for the settings added after it.
func (t *Table) Group(heading string) { t.group = heading }

// Derive makes Parse call set before it returns, for defaults that depend on other
// settings. given has the names of the settings that were set.
func (t *Table) Derive(set func(given map[string]bool)) { t.derive = set }

// Take sets a setting in the function of Derive. source is where the text is from.
func (t *Table) Take(name, source, text string) {
	for _, s := range t.list {
		if s.name == name && s.set(text) == nil {
			s.source = source
		}
	}
}

// Func adds a setting that set parses. standard is the default as text.
// The first word of help in back quotes names the value; set is called with the
// text of the flag or of the variable.
func (t *Table) Func(name, standard, help string, set func(text string) error) *Setting {
	variable := t.prefix + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
	s := &Setting{name: name, standard: standard, group: t.group, variables: []string{variable}, source: "default"}
	now := standard
	s.set = func(text string) error { now = text; return set(text) }
	s.value = func() string { return now }
	s.help, s.placeholder = unquoted(help)
	t.list = append(t.list, s)
	return s
}

// unquoted returns a help text without back quotes, and the word in them.
func unquoted(help string) (text, word string) {
	before, rest, _ := strings.Cut(help, "`")
	word, after, ok := strings.Cut(rest, "`")
	if !ok {
		return help, "VALUE"
	}
	return before + word + after, word
}

// Named sets the name of the value if the help does not.
func (s *Setting) Named(placeholder string) *Setting {
	s.placeholder = placeholder
	return s
}

// Default sets the text for the default in the help, for a default that depends on the
// machine.
func (s *Setting) Default(words string) *Setting {
	s.standard = words
	return s
}

// Or adds another variable of the setting, which is used if those before it are not
// set.
func (s *Setting) Or(variable string) {
	if !slices.Contains(s.variables, variable) {
		s.variables = append(s.variables, variable)
	}
}

// Text adds a setting that may be any text.
func (t *Table) Text(name string, to *string, help string) *Setting {
	s := t.Func(name, *to, help, func(text string) error { *to = text; return nil })
	s.value = func() string { return *to }
	return s
}

// List adds a setting that may be given several times, or once with values separated
// by commas. Flags replace the values of the variable.
func (t *Table) List(name string, to *[]string, help string) *Setting {
	var s *Setting
	from := ""
	s = t.Func(name, strings.Join(*to, ","), help, func(text string) error {
		if s.source != from {
			*to, from = nil, s.source
		}
		for value := range strings.SplitSeq(text, ",") {
			if value = strings.TrimSpace(value); value != "" {
				*to = append(*to, value)
			}
		}
		return nil
	})
	s.value = func() string { return strings.Join(*to, ",") }
	return s
}

// kind describes how values of a type are named, parsed and formatted.
type kind[T any] struct {
	placeholder, want string
	parse             func(string) (T, error)
	format            func(T) string
}

func add[T any](t *Table, name string, to *T, help string, k kind[T]) *Setting {
	s := t.Func(name, k.format(*to), help, func(text string) error {
		read, err := k.parse(text)
		if err != nil {
			return errors.New("want " + k.want)
		}
		*to = read
		return nil
	})
	s.value = func() string { return k.format(*to) }
	if s.placeholder == "VALUE" {
		s.placeholder = k.placeholder
	}
	return s
}

// Duration adds a setting such as 30s.
func (t *Table) Duration(name string, to *time.Duration, help string) *Setting {
	return add(t, name, to, help, kind[time.Duration]{"DURATION", "a duration such as 30s", time.ParseDuration, FormatDuration})
}

// Bool adds a setting that is true or false; the flag alone is true.
func (t *Table) Bool(name string, to *bool, help string) *Setting {
	s := add(t, name, to, help, kind[bool]{"", "true or false", strconv.ParseBool, strconv.FormatBool})
	s.alone = true
	return s
}

// Command adds a flag without a variable, for an action that is done once. on is set
// by the flag alone; --name=TEXT also sets what the action is done to.
func (t *Table) Command(name string, on *bool, to *string, help string) {
	s := t.Func(name, "", help, func(text string) error {
		given, err := strconv.ParseBool(text)
		if err != nil { // not what the flag alone means
			given, *to = true, text
		}
		*on = given
		return nil
	})
	s.alone, s.variables = true, nil
}

// Int adds a setting that is a whole number.
func (t *Table) Int(name string, to *int, help string) *Setting {
	return add(t, name, to, help, kind[int]{"N", "a whole number", strconv.Atoi, strconv.Itoa})
}

// Int64 adds a setting that is a whole number.
func (t *Table) Int64(name string, to *int64, help string) *Setting {
	parse := func(text string) (int64, error) { return strconv.ParseInt(text, 10, 64) }
	format := func(n int64) string { return strconv.FormatInt(n, 10) }
	return add(t, name, to, help, kind[int64]{"N", "a whole number", parse, format})
}

// Float adds a setting that is a finite number.
func (t *Table) Float(name string, to *float64, help string) *Setting {
	parse := func(text string) (float64, error) {
		n, err := strconv.ParseFloat(text, 64)
		if err == nil && (math.IsNaN(n) || math.IsInf(n, 0)) {
			err = strconv.ErrRange
		}
		return n, err
	}
	format := func(n float64) string { return strconv.FormatFloat(n, 'g', -1, 64) }
	return add(t, name, to, help, kind[float64]{"NUMBER", "a number such as 0.5 or 200", parse, format})
}

// Bytes adds a setting that is a size.
func (t *Table) Bytes(name string, to *int64, help string) *Setting {
	return add(t, name, to, help, kind[int64]{"SIZE", "bytes, such as 268435456 or 256MiB", ParseBytes, FormatBytes})
}
