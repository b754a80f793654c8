// Package program is what both servers are as programs: what they are told
// (Options), what they consist of and in which order it stops (Parts), the port
// that they serve (Server), and a whole life from the command line to the last
// answer (Main, Run). It knows no routes and no data.
package program

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"syscall"

	"github.com/dmwm/wmstats/program/access"
	"github.com/dmwm/wmstats/program/access/hosts"
	"github.com/dmwm/wmstats/program/access/identity"
	"github.com/dmwm/wmstats/program/health"
	"github.com/dmwm/wmstats/program/serving"
)

// Server is a server as a value: New, Handle, Listen, Serve, Stop. A server of
// ours has it as a part of itself.
type Server struct {
	*Parts

	Log  *slog.Logger
	Gate *access.Gate // who may ask

	o        Options
	http     *serving.Server
	listener net.Listener

	metricsAddr string // of the metrics' own listener
}

// New reads the files of who may ask. The options have been validated. It opens
// no port.
func New(o Options) (*Server, error) {
	s := &Server{Parts: NewParts(), Log: o.Logger(), o: o}
	var err error
	if s.Gate, err = o.Access.Gate(o.Listen, s.Log); err != nil {
		return nil, err
	}
	return s, nil
}

// Handle says how requests are answered: o is from Options.Serving, with what
// this server adds.
func (s *Server) Handle(o serving.Options) (err error) {
	if s.http, err = serving.New(o); err != nil {
		return fmt.Errorf("set up the server: %w", err)
	}
	return nil
}

// Draining is closed when the server is going down; valid after Handle.
func (s *Server) Draining() <-chan struct{} { return s.http.Draining() }

// Listen opens the port.
func (s *Server) Listen(ctx context.Context) error {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", s.o.Listen)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("address %s is in use by another program: choose another with --listen", s.o.Listen)
	}
	if err != nil {
		return fmt.Errorf("listen at %s: %w", s.o.Listen, err)
	}
	s.listener = listener
	s.OnStop("listening", func(context.Context) error { return closed(listener.Close()) })
	if host, _, err := net.SplitHostPort(s.o.Listen); err == nil && !hosts.Loopback(host) && !s.Gate.Asks() {
		s.Log.Warn("serving without authentication on a non-loopback address (--insecure)", "addr", s.Addr())
	}
	return nil
}

// closed forgives that a listener is closed already, by its server.
func closed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// Serve answers what comes to the port until Stop, which drains it first.
func (s *Server) Serve() {
	s.OnStop("http", s.http.Shutdown)
	s.Go(func() error { return s.http.Serve(s.listener) })
}

// Addr is host:port of the open port; "" before Listen.
func (s *Server) Addr() string {
	if s.listener == nil {
		return ""
	}
	return s.listener.Addr().String()
}

// Running is a program that Run runs.
type Running interface {
	Start(ctx context.Context) error
	Reload() // reads files again
	Stop(ctx context.Context) error
	Failed() <-chan error
}

// Run is a whole life: it starts p, waits until ctx ends or a part fails, and
// stops it. The end of ctx is no error.
func Run(ctx context.Context, o Options, log *slog.Logger, p Running) error {
	err := p.Start(ctx)
	switch {
	case err == nil:
		err = live(ctx, o, log, p)
	case ctx.Err() != nil:
		err = nil // told to stop before it had started
	}
	// ctx has ended already: the time to stop is the drain's own.
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), o.Drain+o.DrainDelay)
	defer cancel()
	return errors.Join(err, p.Stop(stop))
}

// live waits for the end, and has files read again as often as it is told to.
func live(ctx context.Context, o Options, log *slog.Logger, p Running) error {
	for {
		select {
		case <-ctx.Done():
			log.Info("stopping", "drain", o.Drain)
			return nil
		case err := <-p.Failed():
			log.Error("a part failed", "err", err)
			return err
		case <-o.Hangups:
			log.Info("told to read files again")
			p.Reload()
		}
	}
}

// Call is how the system calls a program.
type Call struct {
	Args    []string // without the name of the program
	Getenv  func(string) string
	Stdout  io.Writer
	Out     io.Writer // standard error
	Hangups <-chan os.Signal
}

// HealthCheckNow is what --healthcheck does, for both servers: it asks whether the
// server is alive, so that a supervisor restarts it only where that helps.
func (o *Options) HealthCheckNow(ctx context.Context) error {
	return health.Ask(ctx, o.Listen, "/livez")
}

// Main runs a server until a signal ends it, and the process with it. The
// command "token NAME" is that of every server.
func Main(name string, run func(context.Context, Call) error) {
	ctx, hangups, stop := serving.Signals(context.Background())
	call := Call{Args: os.Args[1:], Getenv: os.Getenv, Stdout: os.Stdout, Out: os.Stderr, Hangups: hangups}
	err := Dispatch(ctx, name, call, run)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, name+":", err)
		os.Exit(1)
	}
}

// Dispatch runs what the command line asks for: a command, or else the server.
// flag.ErrHelp says that what was asked for has been printed.
func Dispatch(ctx context.Context, name string, call Call, run func(context.Context, Call) error) error {
	if len(call.Args) > 0 {
		switch call.Args[0] {
		case "token":
			return identity.TokenCommand(name, call.Args[1:], call.Stdout, call.Out)
		case "help":
			call.Args = append([]string{"-h"}, call.Args[1:]...)
		}
	}
	return run(ctx, call)
}
