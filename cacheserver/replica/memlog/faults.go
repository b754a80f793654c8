package memlog

import (
	"context"
	"errors"
	"time"

	"github.com/dmwm/wmstats/cacheserver/replica"
)

// Fault is something that is wrong between a server and the engine.
type Fault int

// Faults of a Client. Any of them may last at the same time.
const (
	Cut        Fault = iota // no call reaches the engine
	Deaf                    // calls reach it, and their answers are lost
	Blind                   // the server reads no entries
	Excused                 // it never gets the lease
	Overloaded              // it stores no snapshots
	Frozen                  // calls wait, and are done when the server is awake, however late; notices come then too
	Slow                    // calls take time
	Lossy                   // of the notices of stored entries, some are lost
	Doubled                 // some come twice
	Silent                  // calls wait for an answer that does not come, as long as answerWithin
)

// answerWithin is how long a call waits for an answer.
const answerWithin = 5 * time.Second

var errCut = errors.New("the log does not answer")

// Begin begins a fault. It lasts until End was called as often.
func (c *Client) Begin(f Fault) {
	c.e.mu.Lock()
	defer c.e.mu.Unlock()
	if c.faults[f]++; f == Frozen && c.faults[f] == 1 {
		c.awake = make(chan struct{})
	}
}

// End ends a fault.
func (c *Client) End(f Fault) {
	c.e.mu.Lock()
	defer c.e.mu.Unlock()
	if c.faults[f]--; c.faults[f] > 0 {
		return
	}
	delete(c.faults, f)
	if f == Frozen {
		close(c.awake)
		for _, stored := range c.arrived {
			c.tell(stored)
		}
		c.arrived = nil
	}
}

// Awake returns a channel that is closed while the server is not Frozen.
func (c *Client) Awake() <-chan struct{} {
	c.e.mu.Lock()
	defer c.e.mu.Unlock()
	return c.awake
}

// Heal ends all faults.
func (c *Client) Heal() {
	for f := range Silent + 1 {
		for c.Is(f) {
			c.End(f)
		}
	}
}

// Is reports whether a fault lasts.
func (c *Client) Is(f Fault) bool {
	c.e.mu.Lock()
	defer c.e.mu.Unlock()
	return c.faults[f] > 0
}

// Set sets how long calls of a Slow server take, and which notices a Lossy or Doubled
// one does not get as it should: each of this number.
func (c *Client) Set(late time.Duration, notices int) {
	c.e.mu.Lock()
	defer c.e.mu.Unlock()
	c.late, c.notices = late, notices
}

// hears reports whether the server is told of what happens in the engine. The lock is
// held.
func (c *Client) hears() bool {
	return c.faults[Cut]+c.faults[Deaf]+c.faults[Blind]+c.faults[Silent] == 0
}

// tell tells the server of a stored entry. The lock is held.
func (c *Client) tell(stored replica.Stored) {
	if !c.hears() {
		return
	}
	if c.faults[Frozen] > 0 {
		c.arrived = append(c.arrived, stored)
		return
	}
	times := 1
	if c.heard++; c.notices > 0 && c.heard%c.notices == 0 {
		if c.faults[Doubled] > 0 {
			times = 2
		}
		if c.faults[Lossy] > 0 {
			times = 0
		}
	}
	for range times {
		select {
		case c.stored <- stored:
		default:
		}
	}
}

// do does something in the engine.
func (c *Client) do(ctx context.Context, what func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c.e.mu.Lock()
	awake, late, silent := c.awake, time.Duration(0), c.faults[Silent] > 0
	if c.faults[Slow] > 0 {
		late = c.late
	}
	c.e.mu.Unlock()
	<-awake // a stopped process has sent its request, or sends it when it runs again
	if silent {
		over := time.NewTimer(answerWithin)
		defer over.Stop()
		select {
		case <-ctx.Done():
		case <-over.C:
		}
		return errCut
	}
	time.Sleep(late)
	c.e.mu.Lock()
	defer c.e.mu.Unlock()
	if c.faults[Cut] > 0 {
		return errCut
	}
	err := what()
	if c.faults[Deaf] > 0 {
		return errCut
	}
	if ctx.Err() != nil { // nobody waits for the answer any more
		return ctx.Err()
	}
	return err
}
