package command

import (
	"errors"
	"flag"
	"os"
	"strconv"
	"strings"

	"github.com/dmwm/wmstats/mock/gen"
	"github.com/dmwm/wmstats/program/settings"
)

// usageError holds all errors in the arguments.
type usageError struct{ error }

// optionSet is the option table of one command, with all errors found in it.
type optionSet struct {
	*settings.Table
	settings.Faults

	env env
}

func newOptions(name string, e env) *optionSet {
	o := &optionSet{Table: settings.New("mock "+name, "WMSTATS_"), env: e}
	for _, c := range commands() {
		if c.name == name {
			o.Describe(c.about)
		}
	}
	return o
}

// parse reads arguments and environment; its error is flag.ErrHelp after a request
// for help, the version or the configuration has been answered.
func (o *optionSet) parse() error {
	if o.env.tabled != nil {
		o.env.tabled(o.Table)
		return flag.ErrHelp
	}
	_, err := o.Parse(o.env.args, o.env.getenv, o.env.stdout)
	if errors.Is(err, flag.ErrHelp) {
		return err
	}
	if err != nil {
		o.Faults.Add("%w", err)
	}
	return nil
}

// check reports all errors at once.
func (o *optionSet) check() error {
	if err := o.Err(); err != nil {
		return usageError{err}
	}
	return nil
}

// worldFlags are the flags of a generated world.
type worldFlags struct {
	workflows    int
	seed         int
	now          string
	jobSummaries int
	lean         bool
	clean        bool
	scenarios    bool
}

func (o *optionSet) world(workflows int, now string) *worldFlags {
	f := &worldFlags{workflows: workflows, seed: 1, now: now, jobSummaries: 3}
	o.Int("workflows", &f.workflows, "number of active workflows")
	o.Int("seed", &f.seed, "seed; the same seed yields the same data")
	o.Text("now", &f.now, "the present `TIME` in the data: Unix seconds, fixed, or clock (that of this machine)")
	o.Int("job-summaries", &f.jobSummaries, "job summary documents of a workflow with 1000 failed jobs; others in proportion to the logarithm, at least 1; 0 for none")
	o.Bool("lean", &f.lean, "write small agent documents")
	o.Bool("no-edge-cases", &f.clean, "leave out irregular documents")
	o.Bool("scenarios", &f.scenarios, "add workflows, agents and sites in which questions of operators have known answers, as make run does")
	return f
}

// options turns the flags into options of the generator, or records their
// errors.
func (f *worldFlags) options(o *optionSet) gen.Options {
	opts := gen.Options{Seed: uint64(f.seed), Workflows: f.workflows, JobSummaries: f.jobSummaries, Lean: f.lean, NoEdges: f.clean}
	if f.scenarios {
		opts.Scenarios = gen.Scenarios()
	}
	settings.NotNegative(&o.Faults, "workflows", f.workflows)
	settings.NotNegative(&o.Faults, "job-summaries", f.jobSummaries)
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
			o.Add("--now %q: want Unix seconds, fixed or clock", f.now)
		}
		opts.Now = n
	}
	return opts
}

// credentials are the flags of basic authentication.
type credentials struct{ user, passwordFile string }

func (o *optionSet) credentials() *credentials {
	c := &credentials{}
	o.Text("couch-user", &c.user, "`USER` in CouchDB")
	o.Text("couch-password-file", &c.passwordFile, "`FILE` with the password of --couch-user")
	return c
}

// read returns the user and the password in the file, or records the error.
func (c *credentials) read(o *optionSet) (user, password string) {
	switch {
	case c.user == "" && c.passwordFile == "":
	case c.user == "":
		o.Add("--couch-password-file needs --couch-user")
	case c.passwordFile == "":
		o.Add("--couch-user needs --couch-password-file")
	default:
		raw, err := os.ReadFile(c.passwordFile)
		if err != nil {
			o.Add("--couch-password-file: %w", err)
		}
		return c.user, strings.TrimRight(string(raw), "\r\n")
	}
	return "", ""
}
