package settings

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/dmwm/wmstats/program/version"
)

// Flags of every program.
const (
	versionFlag = "version"
	configFlag  = "print-config"
)

// Parse reads variables and flags. given has the names of the settings that were
// set. The error joins all errors. It is flag.ErrHelp alone if the help, the version
// or the options were requested; they have been printed to out.
func (t *Table) Parse(args []string, getenv func(string) string, out io.Writer) (given map[string]bool, err error) {
	var faults []error
	var showVersion, showConfig bool
	given = map[string]bool{}
	flags := flag.NewFlagSet(t.program, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.BoolVar(&showVersion, versionFlag, false, "")
	flags.BoolVar(&showConfig, configFlag, false, "")
	for _, s := range t.list {
		set := func(from, source, text string) {
			given[s.name], s.source = true, source
			if err := s.set(text); err != nil {
				faults = append(faults, fmt.Errorf("%s %s: %w", from, quoted(text), err))
			}
		}
		for _, variable := range s.variables {
			if text := getenv(variable); text != "" {
				set(variable, "environment "+variable, text)
				break
			}
		}
		// Errors are collected; package flag would stop at the first.
		fromFlag := func(text string) error { set("--"+s.name, "flag", text); return nil }
		if s.alone {
			flags.BoolFunc(s.name, "", fromFlag)
		} else {
			flags.Func(s.name, "", fromFlag)
		}
	}
	for rest := args; len(rest) > 0; {
		err := flags.Parse(rest)
		rest = flags.Args()
		switch {
		case errors.Is(err, flag.ErrHelp):
			t.WriteHelp(out)
			return nil, flag.ErrHelp
		case err != nil:
			fault, unknown := ofFlags(err)
			faults = append(faults, fault)
			if len(rest) > 0 && !strings.HasPrefix(rest[0], "-") && unknown {
				rest = rest[1:] // the value of the unknown flag
			}
		case len(rest) > 0:
			faults = append(faults, fmt.Errorf("unexpected argument %s", quoted(rest[0])))
			rest = rest[1:]
		}
	}
	if t.derive != nil {
		t.derive(given)
	}
	switch {
	case len(faults) > 0:
		return given, errors.Join(faults...)
	case showVersion:
		fmt.Fprintln(out, version.Line(t.program))
		return given, flag.ErrHelp
	case showConfig:
		t.WriteConfig(out)
		return given, flag.ErrHelp
	}
	return given, nil
}

// ofFlags converts an error of package flag into one of this package; unknown reports
// that there is no such flag.
func ofFlags(err error) (fault error, unknown bool) {
	text := unsaid(err.Error(), "")
	if text == "" {
		return errors.New("an argument that looks like an address is not a flag"), strings.Contains(err.Error(), "not defined")
	}
	if name, ok := strings.CutPrefix(text, "flag provided but not defined: -"); ok {
		return fmt.Errorf("--%s: no such flag; -h lists all", strings.TrimPrefix(name, "-")), true
	}
	if name, ok := strings.CutPrefix(text, "flag needs an argument: -"); ok {
		return fmt.Errorf("--%s: the value is missing", name), false
	}
	return errors.New(text), false
}

// unsaid returns text, or word if the text may contain a password.
func unsaid(text, word string) string {
	if strings.ContainsAny(text, "@/") {
		return word
	}
	return text
}

func quoted(text string) string { return unsaid(strconv.Quote(text), "(an address)") }
