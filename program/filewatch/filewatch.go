// Package filewatch provides the parsed content of a file that may change while the
// program runs: a secret, credentials, thresholds. Value and Fault re-read the file
// if it has changed, and Reload does so on demand; there is no goroutine.
//
// A file that can't be read, is empty or invalid changes nothing: the error is logged
// once and reported by Fault, and the last good content stays in use.
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

// Options of a File. What is required.
type Options struct {
	What  string        // name of the file before the word, for the log and Fault: "credentials"
	Every time.Duration // longest time until a change is noticed; 0: 2 s

	// Settle uses a changed file only after two checks saw the same content, or if it
	// was written longer ago than Every. It is for content that is also valid when
	// half-written, such as a password.
	Settle bool

	Now func() time.Time
	Log *slog.Logger
}

// File is the parsed content of a file. It is safe for concurrent use.
type File[T any] struct {
	path  string
	parse func(string) (T, error)
	o     Options

	good atomic.Pointer[content[T]]
	next atomic.Int64 // Unix ns of the next check

	mu      sync.Mutex
	seen    [sha256.Size]byte // hash of the last content that was parsed, valid or not
	pending [sha256.Size]byte // hash of the content of the last check, if it differed
	judged  string            // error of the parsed content; "": it is in use
	fault   atomic.Pointer[string]
}

type content[T any] struct {
	value  T
	number int
}

// Open reads the file. Here a file that can't be used is an error.
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
		return nil, fmt.Errorf("read the %s: %w", o.What, err)
	}
	value, err := parse(string(text))
	if err != nil {
		return nil, fmt.Errorf("read the %s from %s: %w", o.What, path, err)
	}
	f := &File[T]{path: path, parse: parse, o: o, seen: sha256.Sum256(text)}
	f.good.Store(&content[T]{value, 1})
	f.next.Store(o.Now().Add(o.Every).UnixNano())
	return f, nil
}

// Value returns the newest good content.
func (f *File[T]) Value() T {
	value, _ := f.Numbered()
	return value
}

// Numbered returns the newest good content and its number, which changes with the
// content.
func (f *File[T]) Numbered() (T, int) {
	if f.o.Now().UnixNano() >= f.next.Load() && f.mu.TryLock() {
		f.look(false)
		f.mu.Unlock()
	}
	c := f.good.Load()
	return c.value, c.number
}

// Reload reads the file now, and uses it without waiting for Settle.
func (f *File[T]) Reload() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.look(true)
}

// Fault explains why the current file is not in use; "" if it is. It checks the file
// as Value does.
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

// settle is the part of Every for which a changed file must stay unchanged.
const settle = 8

// look re-reads the file; the caller holds the lock.
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
		f.fault.Store(&fault) // the file may have been missing
		return
	case f.o.Settle && sum != f.pending && !told && !f.settled():
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
		f.judged = f.wrong("is invalid", err)
		return
	}
	f.judged = ""
	f.fault.Store(nil)
	f.good.Store(&content[T]{value, f.good.Load().number + 1})
	f.o.Log.Info("read the changed "+f.o.What+" file", "file", f.path)
}

// settled reports whether the last write to the file was longer ago than Every. Then
// nobody is writing it, and a server that was idle must not use the old content
// for the next request: it may be a revoked key.
func (f *File[T]) settled() bool {
	info, err := os.Stat(f.path)
	return err == nil && f.o.Now().Sub(info.ModTime()) > f.o.Every
}

var errEmpty = errors.New("it has no content")

const unreadable = "can't be read"

// wrong records a fault, and logs it if it is new.
func (f *File[T]) wrong(what string, err error) (fault string) {
	fault = "the " + f.o.What + " file " + what
	if f.noted() != fault || what != unreadable {
		f.o.Log.Error(fault+"; keeping its last good content", "file", f.path, "err", err)
	}
	f.fault.Store(&fault)
	return fault
}
