// Package program is the common part of both server programs: their options (Options),
// their parts and the order in which they stop (Parts), the port that they serve
// (Server), and their run from the command line to the last answer (Main, Run). It
// knows no routes and no data.
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
	"slices"
	"syscall"

	"github.com/dmwm/wmstats/program/access"
	"github.com/dmwm/wmstats/program/access/hosts"
	"github.com/dmwm/wmstats/program/access/identity"
	"github.com/dmwm/wmstats/program/health"
	"github.com/dmwm/wmstats/program/serving"
)

// Server is one server, used through New, Handle, Listen, Serve and Stop. Both servers
// embed it.
type Server struct {
	*Parts

	Log  *slog.Logger
	Gate *access.Gate // admits requests

	o        Options
	http     *serving.Server
	listener net.Listener

	metricsAddr string // of the listener of the metrics
}

// New returns a server with the files of credentials read. The options must be valid.
// It opens no port.
func New(o Options) (*Server, error) {
	s := &Server{Parts: NewParts(), Log: o.Logger(), o: o}
	var err error
	if s.Gate, err = o.Access.Gate(o.Listen, s.Log); err != nil {
		return nil, err
	}
	return s, nil
}

// Handle sets how requests are handled. o is that of Options.Serving with the additions
// of the caller.
func (s *Server) Handle(o serving.Options) (err error) {
	if s.http, err = serving.New(o); err != nil {
		return fmt.Errorf("set up the server: %w", err)
	}
	return nil
}

// Draining returns a channel that is closed when the server shuts down. Call it after
// Handle.
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

// closed ignores the error that the server has already closed its listener.
func closed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// Serve serves the port until Stop, which drains it first.
func (s *Server) Serve() {
	s.OnStop("http", s.http.Shutdown)
	s.Go(func() error { return s.http.Serve(s.listener) })
}

// Addr returns host:port of the open port; "" before Listen.
func (s *Server) Addr() string {
	if s.listener == nil {
		return ""
	}
	return s.listener.Addr().String()
}

// Running is a program that Run runs.
type Running interface {
	Start(ctx context.Context) error
	Reload() // re-reads files
	Stop(ctx context.Context) error
	Failed() <-chan error
}

// Run starts p, waits until ctx ends or a part fails, and stops p. The end of ctx is
// not an error.
func Run(ctx context.Context, o Options, log *slog.Logger, p Running) error {
	err := p.Start(ctx)
	switch {
	case err == nil:
		err = live(ctx, o, log, p)
	case ctx.Err() != nil:
		err = nil // stopped before it had started
	}
	// ctx has ended, so stopping has its own time limit.
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), o.Drain+o.DrainDelay)
	defer cancel()
	return errors.Join(err, p.Stop(stop))
}

// live waits for the end, and makes p re-read files on each hangup.
func live(ctx context.Context, o Options, log *slog.Logger, p Running) error {
	for {
		select {
		case <-ctx.Done():
			log.Info("stopping", "drain", o.Drain)
			return nil
		case err := <-p.Failed():
			log.Error("stopping after a failure", "err", err)
			return err
		case <-o.Hangups:
			log.Info("reading files again (SIGHUP)")
			p.Reload()
		}
	}
}

// Call is the call of a program by the system.
type Call struct {
	Args    []string // without the name of the program
	Getenv  func(string) string
	Stdout  io.Writer
	Out     io.Writer // standard error
	Hangups <-chan os.Signal
}

// HealthCheckNow implements --healthcheck for both servers. It checks whether the
// server is alive, so that a supervisor restarts it only if that helps.
func (o *Options) HealthCheckNow(ctx context.Context) error {
	if o.HealthURL != "" {
		return health.AskURL(ctx, o.HealthURL) //nolint:wrapcheck // the error has the URL
	}
	return health.Ask(ctx, o.Listen, "/livez")
}

// Main runs a server until a signal ends it, and then ends the process. Every server
// has the command "token NAME".
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

// Dispatch runs the command of the command line, or else the server. The error is
// flag.ErrHelp if the requested text has been printed.
func Dispatch(ctx context.Context, name string, call Call, run func(context.Context, Call) error) error {
	if slices.Equal(call.Args, []string{"help", "token"}) {
		call.Args = []string{"token", "-h"}
	}
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
