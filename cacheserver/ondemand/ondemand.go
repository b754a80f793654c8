// Package ondemand stands between those who want to look at something that is
// not held (the documents of one workflow, its jobs, its log) and the source
// that has it. It keeps what was read for a while, lets those who want the same
// at the same time share one read, bounds how many reads there are at once and
// how long each may take, and leaves a source alone that fails.
//
// It knows neither HTTP nor CouchDB, nor what it keeps, and refreshes nothing by
// itself: what nobody asks for is not read.
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

// What a read can end in, besides the source's own error.
var (
	ErrAbsent  = errors.New("the source has nothing of this kind")        // said by Read: asking again will not help
	ErrBackoff = errors.New("the source fails, and is not asked for now") // after some failures in a row
	ErrBusy    = errors.New("too many reads wait for their turn")
)

// Outcomes of a call, for metrics.
const (
	Kept    = "kept"    // had been read before
	Read    = "read"    // read now
	Absent  = "absent"  // the source has nothing of the kind
	Failed  = "failed"  // the source failed
	Backoff = "backoff" // not asked: it failed a moment ago
	Busy    = "busy"    // not asked: too many wait
)

// Options of a Reader; zero values are the defaults.
type Options struct {
	Cache    cache.Keeper  // nil: keeps nothing; a key of Last may keep an older value
	AtOnce   int           // reads at the same time; 0: 4
	Waiting  int           // reads that may wait for their turn; 0: 64
	Timeout  time.Duration // longest read, the wait for its turn included; 0: 30 s
	Failures int           // in a row, from which on the source is left alone; 0: 3
	MinWait  time.Duration // how long at first; 0: 1 s
	MaxWait  time.Duration // at most; 0: 1 min
	Observe  func(kind, outcome string, took time.Duration)
	Now      func() time.Time // nil: time.Now
}

// Call is something to be read.
type Call struct {
	Kind    string        // for metrics; the source is left alone by kind, as one view may fail and another not
	Key     string        // names what is read, among its kind
	Name    string        // names it whatever its version, for Last; "": Key
	TTL     time.Duration // how long it is kept; 0: not at all
	Timeout time.Duration // 0: that of the Reader
	Read    func(ctx context.Context) (Value, error)
}

// Value is what was read.
type Value struct {
	Data any       // never changed
	Cost int64     // bytes
	Drop bool      // not to be kept: a part of it failed
	Time time.Time // when it was asked for; set by Get
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

// health is how the reads of one kind went lately.
type health struct {
	failures int
	until    time.Time // not asked before
	probing  bool      // one read finds out whether it answers again
}

// New makes a Reader.
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

// Get returns what c names: from the cache, from a read that is under way, or
// from the source. A read goes on when the one who began it leaves, because
// others may wait for it too. Its errors are those of ctx, of this package, and
// of c.Read.
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

// Spared counts a call that the caller answered from what it keeps of an
// earlier one.
func (r *Reader) Spared(kind string) { r.o.Observe(kind, Kept, 0) }

// read is one read of the source, in its turn.
func (r *Reader) read(ctx context.Context, c Call) (v Value, err error) {
	if v, ok := r.kept(c); ok { // read by the flight that has just landed
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

// turn waits until there are fewer than AtOnce reads.
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

// guarded runs the read; a panic of its decoding becomes an error here, because
// singleflight would end the process with it.
func guarded(ctx context.Context, c Call) (v Value, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &PanicError{Kind: c.Kind, Value: p}
		}
	}()
	return c.Read(ctx)
}

// PanicError is a panic of Call.Read: a fault of the program, not of the source.
type PanicError struct {
	Kind  string
	Value any
}

func (e *PanicError) Error() string { return fmt.Sprintf("read %s: panic: %v", e.Kind, e.Value) }

// The cache knows no times: a value is under the key of the period of TTL in
// which it was asked for, and is good for TTL from then on, so that it is looked
// for in this period and in the one before. It follows that no key gets a second
// value: the next read after it is in a later period.
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

// Last is what was read last under the name of c, however long ago, if the cache
// still has it: for when the source can't be read. It is not asked.
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

// admit refuses while the source is left alone. When that time has passed one
// read is let through to find out; the others wait for what it learns.
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

// learn notes how a read ended. The wait doubles with each failure, with jitter,
// so that replicas do not come back all at once.
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

// Running is the number of reads under way.
func (r *Reader) Running() int { return len(r.turns) }
