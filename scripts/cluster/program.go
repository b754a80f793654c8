package cluster

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// stopFor is how long a program may take to stop before it is killed.
const stopFor = 40 * time.Second

// Program is one process that can be started again. It is safe for concurrent use.
type Program struct {
	Name, Addr string

	path string
	args []string
	out  *lines

	mu    sync.Mutex
	cmd   *exec.Cmd
	ended chan struct{} // closed when the process has ended
}

// Start starts the process, again if it has ended.
func (p *Program) Start() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	cmd := exec.Command(p.path, p.args...) //nolint:noctx // Stop sends a signal; a context would kill
	out := &line{lines: p.out, name: p.Name}
	cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = out, out, OwnGroup()
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", p.Name, err)
	}
	ended := make(chan struct{})
	p.cmd, p.ended = cmd, ended
	go func() {
		_ = cmd.Wait() // how it ended says nothing: it is killed on purpose
		close(ended)
	}()
	return nil
}

// Use replaces the program and the arguments of the next Start.
func (p *Program) Use(path string, args ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.path = path
	if len(args) > 0 {
		p.args = args
	}
}

func (p *Program) process() (*exec.Cmd, chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cmd, p.ended
}

// PID returns the number of the process; 0: it was never started.
func (p *Program) PID() int {
	if cmd, _ := p.process(); cmd != nil {
		return cmd.Process.Pid
	}
	return 0
}

// Running reports whether the process runs.
func (p *Program) Running() bool {
	_, ended := p.process()
	if ended == nil {
		return false
	}
	select {
	case <-ended:
		return false
	default:
		return true
	}
}

// Ended is closed when the process that was started last has ended.
func (p *Program) Ended() <-chan struct{} {
	_, ended := p.process()
	return ended
}

// Signal sends a signal to the process.
func (p *Program) Signal(s os.Signal) error {
	cmd, _ := p.process()
	if cmd == nil {
		return nil
	}
	if err := cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("signal %s: %w", p.Name, err)
	}
	return nil
}

// Kill ends the process as kill -9 does.
func (p *Program) Kill() error {
	err := p.Signal(syscall.SIGKILL)
	if _, ended := p.process(); ended != nil && err == nil {
		<-ended
	}
	return err
}

// Stop ends the process as SIGTERM does, and kills it if that takes too long.
func (p *Program) Stop() {
	_, ended := p.process()
	if ended == nil {
		return
	}
	_ = p.Signal(syscall.SIGTERM) // if it fails, Kill follows
	timer := time.NewTimer(stopFor)
	defer timer.Stop()
	select {
	case <-ended:
	case <-timer.C:
		_ = p.Kill() // it has ended, or can't be killed
	}
}

// lines writes whole lines of several programs.
type lines struct {
	mu sync.Mutex
	to io.Writer
}

// line is the output of one process.
type line struct {
	*lines

	name string
	rest []byte
}

// Write writes the lines that are complete, each with the name of the program.
func (l *line) Write(data []byte) (int, error) {
	l.rest = append(l.rest, data...)
	for {
		text, rest, found := bytes.Cut(l.rest, []byte{'\n'})
		if !found {
			return len(data), nil
		}
		l.rest = rest
		if l.to == nil {
			continue
		}
		l.mu.Lock()
		_, err := fmt.Fprintf(l.to, "%s: %s\n", l.name, text)
		l.mu.Unlock()
		if err != nil {
			return 0, fmt.Errorf("output of %s: %w", l.name, err)
		}
	}
}
