package program

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
)

// Parts are what a program has started, in order. They are stopped in the
// opposite order. Make it with NewParts.
type Parts struct {
	failed chan error

	mu       sync.Mutex
	steps    []step
	stopping sync.Once
	err      error
}

// step is one part to stop.
type step struct {
	name string
	run  func(context.Context) error
}

// NewParts makes an empty list.
func NewParts() *Parts { return &Parts{failed: make(chan error, 1)} }

// OnStop adds a step to those of Stop, which runs the last one first.
func (p *Parts) OnStop(name string, run func(context.Context) error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.steps = append(p.steps, step{name, run})
}

// Go runs a part that something else stops. Its error ends the program.
func (p *Parts) Go(run func() error) {
	go func() {
		if err := run(); err != nil {
			p.fail(err)
		}
	}()
}

// Background runs a part that ends at its place in the order of Stop, not when
// ctx does. An error before that ends the program; doing says in it what the
// part does.
func (p *Parts) Background(ctx context.Context, name, doing string, run func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := run(ctx); err != nil && ctx.Err() == nil {
			p.fail(fmt.Errorf("%s: %w", doing, err))
		}
	}()
	p.OnStop(name, func(stop context.Context) error {
		cancel()
		select {
		case <-ended:
			return nil
		case <-stop.Done():
			return errors.New("did not end in time")
		}
	})
}

// fail notes why a part ended by itself. The first one ends the program.
func (p *Parts) fail(err error) {
	select {
	case p.failed <- err:
	default:
	}
}

// Failed receives the error of a part that ended by itself.
func (p *Parts) Failed() <-chan error { return p.failed }

// Stop runs every step even if one fails, the last added first, and returns what
// went wrong. Later calls return the same.
func (p *Parts) Stop(ctx context.Context) error {
	p.stopping.Do(func() {
		p.mu.Lock()
		steps := p.steps
		p.mu.Unlock()
		for _, s := range slices.Backward(steps) {
			if err := s.run(ctx); err != nil {
				p.err = errors.Join(p.err, fmt.Errorf("stop %s: %w", s.name, err))
			}
		}
	})
	return p.err
}
