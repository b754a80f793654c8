// Package ondemand reads data that is not held (the documents of one workflow,
// its jobs, its log) from the source when somebody asks for it. It keeps
// results for a while, lets concurrent requests for the same thing share one
// read, limits how many reads run at once and how long each may take, and
// pauses reads of a source that fails.
//
// It depends neither on HTTP nor on CouchDB nor on the kind of data, and
// refreshes nothing automatically: nothing is read unless it is requested.
package ondemand

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/dmwm/wmstats/cacheserver/cache"
)

// Outcomes of a read, besides the errors of the source itself.
var (
	ErrAbsent  = errors.New("the source does not provide this kind") // returned by Read; a retry will not help
	ErrBackoff = errors.New("the source fails; reads are paused")    // after some failures in a row
	ErrBusy    = errors.New("too many reads are waiting")
)

// Outcomes of a call, for metrics.
const (
	Kept    = "kept"    // had been read before
	Read    = "read"    // read now
	Absent  = "absent"  // the source does not provide this kind
	Failed  = "failed"  // the source failed
	Backoff = "backoff" // not read: it failed a moment ago
	Busy    = "busy"    // not read: too many are waiting
)

// Options of a Reader; zero values are the defaults.
type Options struct {
	Cache    cache.Keeper  // nil: keeps nothing; a key of Last may keep an older value
	AtOnce   int           // maximum concurrent reads; 0: 4
	Waiting  int           // maximum waiting reads; 0: 64
	Timeout  time.Duration // maximum time of a read, waiting included; 0: 30 s
	Failures int           // failures in a row before reads are paused; 0: 3
	MinWait  time.Duration // first pause; 0: 1 s
	MaxWait  time.Duration // longest pause; 0: 1 min
	Observe  func(kind, outcome string, took time.Duration)
	Now      func() time.Time // nil: time.Now
}

// Call describes one read.
type Call struct {
	Kind    string        // for metrics; pauses apply to one kind, as one view may fail and another not
	Key     string        // identifies the data within its kind
	Name    string        // identifies it whatever its version, for Last; "": Key
	TTL     time.Duration // how long the result is kept; 0: not at all
	Timeout time.Duration // 0: that of the Reader
	Read    func(ctx context.Context) (Value, error)
}

// Value is the result of a read.
type Value struct {
	Data any       // immutable
	Cost int64     // bytes
	Drop bool      // not to be kept: a part of it failed
	Time time.Time // when it was requested; set by Get
}

// Reader reads on demand. It is safe for concurrent use.
type Reader struct {
	o       Options
	flights singleflight.Group
	turns   chan struct{}
	waiting atomic.Int32

	mu    sync.Mutex
	kinds map[string]*health
}

// health is the state of recent reads of one kind.
type health struct {
	failures int
	until    time.Time // no reads before
	probing  bool      // one read tests whether the source answers again
}

// New returns a Reader.
func New(o Options) *Reader {
	number := func(n *int, std int) {
		if *n <= 0 {
			*n = std
		}
	}
	length := func(d *time.Duration, std time.Duration) {
		if *d <= 0 {
			*d = std
		}
	}
	number(&o.AtOnce, 4)
	number(&o.Waiting, 64)
	number(&o.Failures, 3)
	length(&o.Timeout, 30*time.Second)
	length(&o.MinWait, time.Second)
	length(&o.MaxWait, time.Minute)
	if o.Cache == nil {
		o.Cache = (*cache.Cache)(nil)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Observe == nil {
		o.Observe = func(string, string, time.Duration) {}
	}
	return &Reader{o: o, turns: make(chan struct{}, o.AtOnce), kinds: map[string]*health{}}
}

// Get returns the data that c describes: from the cache, from a running read,
// or from the source. A read continues when the caller that started it leaves,
// because others may wait for it too. Errors are those of ctx, of this
// package, and of c.Read.
func (r *Reader) Get(ctx context.Context, c Call) (Value, error) {
	if v, ok := r.kept(c); ok {
		r.o.Observe(c.Kind, Kept, 0)
		return v, nil
	}
	flight := r.flights.DoChan(c.Kind+"\x00"+c.Key, func() (any, error) {
		timeout := c.Timeout
		if timeout <= 0 {
			timeout = r.o.Timeout
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
		defer cancel()
		return r.read(ctx, c)
	})
	select {
	case <-ctx.Done():
		return Value{}, fmt.Errorf("wait for %s: %w", c.Kind, context.Cause(ctx))
	case result := <-flight:
		if result.Err != nil {
			return Value{}, result.Err
		}
		v, _ := result.Val.(Value)
		return v, nil
	}
}

// Spared counts a call that the caller answered from an earlier result.
func (r *Reader) Spared(kind string) { r.o.Observe(kind, Kept, 0) }

// read performs one read of the source when it is its turn.
func (r *Reader) read(ctx context.Context, c Call) (v Value, err error) {
	if v, ok := r.kept(c); ok { // read by the flight that has just ended
		r.o.Observe(c.Kind, Kept, 0)
		return v, nil
	}
	if err := r.admit(c.Kind); err != nil {
		r.o.Observe(c.Kind, Backoff, 0)
		return Value{}, err
	}
	outcome, began := Failed, r.o.Now()
	defer func() {
		r.learn(c.Kind, outcome)
		r.o.Observe(c.Kind, outcome, r.o.Now().Sub(began))
	}()
	if outcome, err = r.turn(ctx); err != nil {
		return Value{}, err
	}
	defer func() { <-r.turns }()
	outcome = Failed
	v, err = guarded(ctx, c)
	switch {
	case errors.Is(err, ErrAbsent):
		outcome = Absent
		return Value{}, err
	case err != nil:
		return Value{}, err
	}
	outcome = Read
	v.Time = began
	r.keep(c, v)
	return v, nil
}

// turn waits until fewer than AtOnce reads run.
func (r *Reader) turn(ctx context.Context) (outcome string, err error) {
	select {
	case r.turns <- struct{}{}:
		return Read, nil
	default:
	}
	if int(r.waiting.Add(1)) > r.o.Waiting {
		r.waiting.Add(-1)
		return Busy, ErrBusy
	}
	defer r.waiting.Add(-1)
	select {
	case r.turns <- struct{}{}:
		return Read, nil
	case <-ctx.Done():
		return Busy, ErrBusy
	}
}

// guarded runs the read. It turns a panic of the decoding into an error,
// because singleflight would end the process with it.
func guarded(ctx context.Context, c Call) (v Value, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &PanicError{Kind: c.Kind, Value: p}
		}
	}()
	return c.Read(ctx)
}

// PanicError is a panic of Call.Read: a bug of the program, not of the source.
type PanicError struct {
	Kind  string
	Value any
}

func (e *PanicError) Error() string { return fmt.Sprintf("read %s: panic: %v", e.Kind, e.Value) }

// The cache has no expiry times. Instead, a value is stored under the period
// of TTL in which it was requested and is valid for TTL from then on, so this
// period and the one before are searched. No key gets a second value: the next
// read is in a later period.
func (r *Reader) kept(c Call) (Value, bool) {
	if c.TTL <= 0 {
		return Value{}, false
	}
	now := r.o.Now()
	for back := range int64(2) {
		if found, ok := r.o.Cache.Get(keyOf(c, period(now, c.TTL)-back)); ok {
			if v, ok := found.(Value); ok && now.Sub(v.Time) < c.TTL {
				return v, true
			}
		}
	}
	return Value{}, false
}

func (r *Reader) keep(c Call, v Value) {
	if c.TTL <= 0 || v.Drop {
		return
	}
	const around = 64 // bytes of a Value besides its data
	key := keyOf(c, period(v.Time, c.TTL))
	r.o.Cache.Set(key, v, v.Cost+around)
	r.o.Cache.Set(lastKey(c), key, int64(len(key)+around))
}

// Last returns the last value read under the name of c, however long ago, if
// the cache still has it. It is for when the source can't be read, and reads
// nothing.
func (r *Reader) Last(c Call) (Value, bool) {
	found, _ := r.o.Cache.Get(lastKey(c))
	key, ok := found.(string)
	if !ok {
		return Value{}, false
	}
	found, _ = r.o.Cache.Get(key)
	v, ok := found.(Value)
	return v, ok
}

func lastKey(c Call) string { return "ondemand/last/" + c.Kind + "/" + cmp.Or(c.Name, c.Key) }

func period(t time.Time, ttl time.Duration) int64 { return t.UnixNano() / int64(ttl) }

func keyOf(c Call, period int64) string {
	var room [256]byte
	key := append(append(append(room[:0], "ondemand/"...), c.Kind...), '/')
	key = append(strconv.AppendInt(key, period, 10), '/')
	return string(append(key, c.Key...))
}

// admit refuses reads during a pause. After the pause one read is let through
// as a test; the others wait for its outcome.
func (r *Reader) admit(kind string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	h := r.kinds[kind]
	switch {
	case h == nil || h.failures < r.o.Failures:
		return nil
	case h.probing || r.o.Now().Before(h.until):
		return ErrBackoff
	}
	h.probing = true
	return nil
}

// learn records how a read ended. The pause doubles with each failure, with
// jitter, so that replicas do not all return at once.
func (r *Reader) learn(kind, outcome string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	h := r.kinds[kind]
	if h == nil {
		h = &health{}
		r.kinds[kind] = h
	}
	h.probing = false
	switch outcome {
	case Read, Absent:
		h.failures = 0
	case Failed:
		h.failures++
		wait := r.o.MaxWait
		if more := h.failures - r.o.Failures; more >= 0 && more < 16 {
			wait = min(wait, r.o.MinWait<<more)
		}
		h.until = r.o.Now().Add(wait/2 + rand.N(wait/2+1)) //nolint:gosec // jitter
	}
}

// Running returns the number of running reads.
func (r *Reader) Running() int { return len(r.turns) }
