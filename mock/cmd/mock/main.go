// Command mock makes data that look like those of the running system: raw
// documents, flat records, a CouchDB full of documents, or a stand-in for one
// that serves them and lets them live. `mock help` says how.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

// Exit codes.
const (
	exitOK    = 0
	exitFault = 1 // something could not be done
	exitUsage = 2 // the arguments are wrong
)

// env is what a command gets from outside.
type env struct {
	args   []string // after the subcommand
	getenv func(string) string
	now    func() time.Time
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
}

// command is one subcommand.
type command struct {
	name, args, about string
	run               func(context.Context, env) error
}

func commands() []command {
	return []command{
		{"raw", "[flags]", "write raw documents to standard output, NDJSON, {\"db\":…,\"doc\":…} a line", runRaw},
		{"flat", "[flags]", "write Workflow records of the static schema to standard output, NDJSON", runFlat},
		{"load", "--couch-url URL [flags]", "write documents into a CouchDB: generated ones, or those of --from FILE", runLoad},
		{"couch", "[flags]", "serve generated documents as a stand-in for CouchDB, with --live RATE a living one", runCouch},
	}
}

func main() {
	signal.Ignore(syscall.SIGPIPE) // a closed pipe is an error of a write, see report
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], env{getenv: os.Getenv, now: time.Now, stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr})
	stop()
	os.Exit(code)
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
	for _, c := range commands() {
		if c.name != name {
			continue
		}
		e.args = args[1:]
		err := c.run(ctx, e)
		return report(e.stderr, c.name, err)
	}
	fmt.Fprintf(e.stderr, "mock: no command %q\n\n", name)
	usage(e.stderr)
	return exitUsage
}

func report(stderr io.Writer, name string, err error) int {
	var wrong usageError
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp), errors.Is(err, syscall.EPIPE):
		return exitOK // a reader that has seen enough, such as head, is no fault
	case errors.As(err, &wrong):
		fmt.Fprintf(stderr, "mock %s: %s\nmock help %s lists the flags.\n", name, strings.ReplaceAll(err.Error(), "\n", "\n  "), name)
		return exitUsage
	}
	fmt.Fprintf(stderr, "mock %s: %v\n", name, err)
	return exitFault
}

func usage(w io.Writer) {
	fmt.Fprint(w, "mock makes data that look like those of the running system.\n\nusage: mock COMMAND [flags]\n\n")
	for _, c := range commands() {
		fmt.Fprintf(w, "  %-6s %s\n", c.name, c.about)
	}
	fmt.Fprint(w, "\nThe same seed and size give the same bytes. mock help COMMAND lists the flags of one.\nEach flag may also be set in the environment: --couch-url as WMSTATS_COUCH_URL.\n")
}
