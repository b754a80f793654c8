// Package command is the program mock: it generates data that look like those of the
// running system. Its commands write raw documents or flat records, fill a
// CouchDB with documents, or serve a stand-in for CouchDB whose documents change.
package command

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/dmwm/wmstats/program/settings"
	"github.com/dmwm/wmstats/program/version"
)

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1 // the command failed
	exitUsage  = 2 // the arguments are wrong
)

// env is the environment of a command.
type env struct {
	args   []string // after the subcommand
	getenv func(string) string
	now    func() time.Time
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer

	tabled func(*settings.Table) // receives the table of options instead of a run; nil: the command runs
}

// command is one subcommand.
type command struct {
	name, about string
	run         func(context.Context, env) error
}

func commands() []command {
	return []command{
		{"raw", "Write raw documents to standard output: NDJSON, one {\"db\":…,\"doc\":…} per line.", runRaw},
		{"flat", "Write flat Workflow records to standard output: NDJSON.", runFlat},
		{"load", "Write documents into a CouchDB: generated ones, or those of --from FILE.", runLoad},
		{"couch", "Serve generated documents as a stand-in for CouchDB; with --live RATE they change.", runCouch},
	}
}

// Main runs the command line of this process and returns its exit code.
func Main(ctx context.Context) int {
	return run(ctx, os.Args[1:], env{getenv: os.Getenv, now: time.Now, stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr})
}

// Tables are the options of all commands, for the reference.
func Tables() []*settings.Table {
	var tables []*settings.Table
	for _, c := range commands() {
		e := env{now: time.Now, tabled: func(t *settings.Table) { tables = append(tables, t) }}
		_ = c.run(context.Background(), e) // it ends as soon as it has its table
	}
	return tables
}

// run dispatches to a subcommand and turns its error into an exit code.
func run(ctx context.Context, args []string, e env) int {
	if len(args) == 0 {
		usage(e.stderr)
		return exitUsage
	}
	name := args[0]
	if name == "help" || name == "-h" || name == "--help" || name == "-help" {
		if len(args) < 2 {
			usage(e.stdout)
			return exitOK
		}
		name, args = args[1], []string{args[1], "--help"}
	}
	if name == "-version" || name == "--version" {
		fmt.Fprintln(e.stdout, version.Line("mock"))
		return exitOK
	}
	for _, c := range commands() {
		if c.name != name {
			continue
		}
		e.args = args[1:]
		err := c.run(ctx, e)
		return report(e.stderr, c.name, err)
	}
	fmt.Fprintf(e.stderr, "mock: unknown command %q\n\n", name)
	usage(e.stderr)
	return exitUsage
}

func report(stderr io.Writer, name string, err error) int {
	var wrong usageError
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp), errors.Is(err, syscall.EPIPE):
		return exitOK // a reader that closes the pipe early, such as head, is not an error
	case errors.As(err, &wrong):
		fmt.Fprintf(stderr, "mock %s: %s\nSee mock %s -h.\n", name, strings.ReplaceAll(err.Error(), "\n", "\n  "), name)
		return exitUsage
	}
	fmt.Fprintf(stderr, "mock %s: %v\n", name, err)
	return exitFailed
}

func usage(w io.Writer) {
	fmt.Fprint(w, "mock generates data that look like those of the running system.\n\nUsage:\n  mock COMMAND [flags]\n\nCommands:\n")
	for _, c := range commands() {
		fmt.Fprintf(w, "  %-6s %s\n", c.name, c.about)
	}
	fmt.Fprint(w, `
The same seed and size produce the same bytes. mock COMMAND -h lists the flags of a
command, mock --version prints the version. Each flag can also be set in the
environment: --couch-url as WMSTATS_COUCH_URL.
`)
}
