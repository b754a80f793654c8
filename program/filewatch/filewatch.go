// Package filewatch keeps what a file says while the program runs: a secret, who
// may ask, thresholds. The file is read again when it has changed, by whoever
// wants its content, and when the program is told to. There is no goroutine.
//
// A file that can't be read, is empty or is wrong changes nothing: that is
// logged once and told by Fault, and the last good content stays.
package filewatch

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Options of a File. What is needed.
type Options struct {
	What  string        // that the file has, for the log and for Fault: "who may ask"
	Every time.Duration // how long a changed file may stay unseen; 0: 2 s

	// Settle takes a changed file only when two looks at it saw the same: where
	// the half of a content is good content too, as it is of a password.
	Settle bool

	Now func() time.Time
	Log *slog.Logger
}

// File is a file in its parsed form. Safe for many goroutines.
type File[T any] struct {
	path  string
	parse func(string) (T, error)
	o     Options

	good atomic.Pointer[content[T]]
	next atomic.Int64 // Unix ns of the next look

	mu      sync.Mutex
	seen    [sha256.Size]byte // of the content of the last look that was judged, good or not
	pending [sha256.Size]byte // of the content of the last look, when it is another one than before
	judged  string            // the fault of what was judged; "": it is in use
	fault   atomic.Pointer[string]
}

type content[T any] struct {
	value  T
	number int
}

// Open reads the file for the first time; then every fault is an error.
func Open[T any](path string, parse func(string) (T, error), o Options) (*File[T], error) {
	if o.Every == 0 {
		o.Every = 2 * time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", o.What, err)
	}
	value, err := parse(string(text))
	if err != nil {
		return nil, fmt.Errorf("read %s from %s: %w", o.What, path, err)
	}
	f := &File[T]{path: path, parse: parse, o: o, seen: sha256.Sum256(text)}
	f.good.Store(&content[T]{value, 1})
	f.next.Store(o.Now().Add(o.Every).UnixNano())
	return f, nil
}

// Value is the newest good content.
func (f *File[T]) Value() T {
	value, _ := f.Numbered()
	return value
}

// Numbered is the newest good content and how many there have been: another
// number is another content.
func (f *File[T]) Numbered() (T, int) {
	if f.o.Now().UnixNano() >= f.next.Load() && f.mu.TryLock() {
		f.look(false)
		f.mu.Unlock()
	}
	c := f.good.Load()
	return c.value, c.number
}

// Reload reads the file now and takes it as it is.
func (f *File[T]) Reload() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.look(true)
}

// Fault says why the content is not that of the file; "": it is. It looks as
// Value does: who asks for faults alone is told of them too.
func (f *File[T]) Fault() string {
	f.Numbered()
	return f.noted()
}

func (f *File[T]) noted() string {
	if fault := f.fault.Load(); fault != nil {
		return *fault
	}
	return ""
}

// settle is the part of Every that a changed file has to stay as it is.
const settle = 8

// look reads the file again; the caller has the lock.
func (f *File[T]) look(told bool) {
	wait := f.o.Every
	defer func() { f.next.Store(f.o.Now().Add(wait).UnixNano()) }()
	text, err := os.ReadFile(f.path)
	if err != nil {
		f.wrong(unreadable, err)
		return
	}
	sum := sha256.Sum256(text)
	switch {
	case sum == f.seen:
		f.pending = sum
		fault := f.judged
		f.fault.Store(&fault) // it may have been away
		return
	case f.o.Settle && sum != f.pending && !told:
		f.pending = sum
		wait = f.o.Every / settle
		return
	}
	f.seen, f.pending = sum, sum
	if strings.TrimSpace(string(text)) == "" {
		f.judged = f.wrong("is empty", errEmpty)
		return
	}
	value, err := f.parse(string(text))
	if err != nil {
		f.judged = f.wrong("is wrong", err)
		return
	}
	f.judged = ""
	f.fault.Store(nil)
	f.good.Store(&content[T]{value, f.good.Load().number + 1})
	f.o.Log.Info("the file of "+f.o.What+" was read again", "file", f.path)
}

var errEmpty = errors.New("nothing is in it")

const unreadable = "can't be read"

// wrong notes a fault, and logs one that is new.
func (f *File[T]) wrong(what string, err error) (fault string) {
	fault = "the file of " + f.o.What + " " + what
	if f.noted() != fault || what != unreadable {
		f.o.Log.Error(fault+"; its last good content stays", "file", f.path, "err", err)
	}
	f.fault.Store(&fault)
	return fault
}
