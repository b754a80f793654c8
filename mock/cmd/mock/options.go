package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/dmwm/wmstats/mock/gen"
)

// usageError holds all that is wrong with the arguments.
type usageError struct{ faults []error }

func (u *usageError) Error() string {
	lines := make([]string, len(u.faults))
	for i, f := range u.faults {
		lines[i] = f.Error()
	}
	return strings.Join(lines, "\n  ")
}

// optionSet is a flag set that gathers all faults before it complains.
type optionSet struct {
	*flag.FlagSet
	env    env
	faults []error
}

func newOptions(name string, e env) *optionSet {
	o := &optionSet{FlagSet: flag.NewFlagSet("mock "+name, flag.ContinueOnError), env: e}
	o.SetOutput(io.Discard)
	return o
}

// parse reads arguments, then the environment for flags that were not given. A
// bad flag does not hide the faults that follow it.
func (o *optionSet) parse() error {
	for rest := o.env.args; len(rest) > 0; {
		err := o.Parse(rest)
		if errors.Is(err, flag.ErrHelp) {
			o.help()
			return err
		}
		rest = o.Args()
		switch {
		case err != nil:
			o.fault(err)
			if len(rest) > 0 && !strings.HasPrefix(rest[0], "-") && strings.Contains(err.Error(), "not defined") {
				rest = rest[1:] // the value of a flag that is not known
			}
		case len(rest) > 0:
			o.fault(fmt.Errorf("argument %s is not expected", unsaid(rest[0])))
			rest = rest[1:]
		}
	}
	given := map[string]bool{}
	o.Visit(func(f *flag.Flag) { given[f.Name] = true })
	o.VisitAll(func(f *flag.Flag) {
		name := "WMSTATS_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		value := o.env.getenv(name)
		if given[f.Name] || value == "" {
			return
		}
		if err := o.Set(f.Name, value); err != nil {
			o.fault(fmt.Errorf("invalid value %q in the environment's %s: %w", value, name, err))
		}
	})
	return nil
}

// unsaid repeats an argument, but for what may be an address with a password.
func unsaid(arg string) string {
	if strings.ContainsAny(arg, "@/") {
		return "(an address)"
	}
	return strconv.Quote(arg)
}

func (o *optionSet) fault(err error) { o.faults = append(o.faults, err) }

// check reports all faults at once.
func (o *optionSet) check() error {
	if len(o.faults) > 0 {
		return &usageError{o.faults}
	}
	return nil
}

func (o *optionSet) help() {
	fmt.Fprintf(o.env.stdout, "usage: %s [flags]\n\n", o.Name())
	o.SetOutput(o.env.stdout)
	o.PrintDefaults()
	o.SetOutput(io.Discard)
}

// worldFlags are the flags of a generated world.
type worldFlags struct {
	workflows    int
	seed         int64
	now          string
	jobSummaries int
	lean         bool
	clean        bool
}

func (o *optionSet) world(workflows int, now string) *worldFlags {
	f := &worldFlags{}
	o.IntVar(&f.workflows, "workflows", workflows, "number of active `workflows`")
	o.Int64Var(&f.seed, "seed", 1, "`seed`: the same one gives the same data")
	o.StringVar(&f.now, "now", now, "the present `time` of the data: Unix seconds, fixed, or clock for the machine's")
	o.IntVar(&f.jobSummaries, "job-summaries", 3, "most job summary `documents` of a workflow with failures; 0 for none")
	o.BoolVar(&f.lean, "lean", false, "small agent documents")
	o.BoolVar(&f.clean, "no-edge-cases", false, "leave irregular documents out")
	return f
}

// options turns the flags into options of the generator, or notes their faults.
func (f *worldFlags) options(o *optionSet) gen.Options {
	opts := gen.Options{Seed: uint64(f.seed), Workflows: f.workflows, JobSummaries: f.jobSummaries, Lean: f.lean, NoEdges: f.clean}
	if f.workflows < 0 {
		o.fault(fmt.Errorf("--workflows %d: must not be negative", f.workflows))
	}
	if f.jobSummaries < 0 {
		o.fault(fmt.Errorf("--job-summaries %d: must not be negative", f.jobSummaries))
	}
	if f.jobSummaries == 0 {
		opts.JobSummaries = -1
	}
	switch f.now {
	case "fixed":
	case "clock":
		opts.Now = o.env.now().Unix()
	default:
		n, err := strconv.ParseInt(f.now, 10, 64)
		if err != nil || n <= 0 {
			o.fault(fmt.Errorf("--now %q: want Unix seconds, fixed or clock", f.now))
		}
		opts.Now = n
	}
	return opts
}

// credentials are the flags of basic authentication.
type credentials struct{ user, passwordFile string }

func (o *optionSet) credentials() *credentials {
	c := &credentials{}
	o.StringVar(&c.user, "couch-user", "", "`user` of the CouchDB")
	o.StringVar(&c.passwordFile, "couch-password-file", "", "`file` with the user's password")
	return c
}

// read returns the user and the password in the file, or notes the fault.
func (c *credentials) read(o *optionSet) (user, password string) {
	switch {
	case c.user == "" && c.passwordFile == "":
	case c.user == "":
		o.fault(errors.New("--couch-password-file without --couch-user"))
	case c.passwordFile == "":
		o.fault(errors.New("--couch-user without --couch-password-file"))
	default:
		raw, err := os.ReadFile(c.passwordFile)
		if err != nil {
			o.fault(fmt.Errorf("--couch-password-file: %w", err))
		}
		return c.user, strings.TrimRight(string(raw), "\r\n")
	}
	return "", ""
}

// positive notes a fault for a duration that is not.
func (o *optionSet) positive(name string, d time.Duration) {
	if d <= 0 {
		o.fault(fmt.Errorf("--%s %s: must be positive", name, d))
	}
}
