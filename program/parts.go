package program

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
)

// Parts are the started parts of a program. They are stopped in reverse order. Use
// NewParts.
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

// NewParts returns an empty list.
func NewParts() *Parts { return &Parts{failed: make(chan error, 1)} }

// OnStop adds a step to Stop, which runs the last step first.
func (p *Parts) OnStop(name string, run func(context.Context) error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.steps = append(p.steps, step{name, run})
}

// Go runs a part that is stopped by other means. Its error ends the program.
func (p *Parts) Go(run func() error) {
	go func() {
		if err := run(); err != nil {
			p.fail(err)
		}
	}()
}

// Background runs a part that ends in its turn in Stop, not when ctx ends. An error
// before that ends the program; doing describes the part in that error.
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

// fail records the error of a part. The first one ends the program.
func (p *Parts) fail(err error) {
	select {
	case p.failed <- err:
	default:
	}
}

// Failed returns a channel that receives the error of a failed part.
func (p *Parts) Failed() <-chan error { return p.failed }

// Stop runs all steps, the last added first, even if some fail, and returns their
// errors. Later calls return the same.
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
