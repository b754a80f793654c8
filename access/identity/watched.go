package identity

import (
	"crypto/sha256"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// watched is a file in its parsed form, read again when it has changed. There
// is no goroutine: the request that finds the last look too old looks again,
// which costs some 20 µs for a file of this kind. A file that can't be read or
// is wrong changes nothing: it is logged, and the last good one stays.
type watched[T any] struct {
	path  string
	parse func(string) (T, error)
	every time.Duration
	now   func() time.Time
	log   *slog.Logger

	good atomic.Pointer[T]
	next atomic.Int64 // Unix ns of the next look

	mu   sync.Mutex
	seen [sha256.Size]byte // of the content of the last look, good or not
	gone bool              // the last look found nothing to read
}

// watch reads the file for the first time; then every fault is an error.
func watch[T any](path string, parse func(string) (T, error), o Options) (*watched[T], error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read who may ask: %w", err)
	}
	value, err := parse(string(text))
	if err != nil {
		return nil, fmt.Errorf("read who may ask from %s: %w", path, err)
	}
	w := &watched[T]{path: path, parse: parse, every: o.Recheck, now: o.Now, log: o.Log, seen: sha256.Sum256(text)}
	w.good.Store(&value)
	w.next.Store(w.now().Add(w.every).UnixNano())
	return w, nil
}

// value is the newest good content.
func (w *watched[T]) value() T {
	if w.now().UnixNano() >= w.next.Load() && w.mu.TryLock() {
		w.look()
		w.mu.Unlock()
	}
	return *w.good.Load()
}

// reload looks now.
func (w *watched[T]) reload() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.look()
}

// look reads the file again; the caller has the lock.
func (w *watched[T]) look() {
	w.next.Store(w.now().Add(w.every).UnixNano())
	text, err := os.ReadFile(w.path)
	if err != nil {
		if !w.gone {
			w.log.Error("the file of who may ask can't be read; the last one stays", "file", w.path, "err", err)
		}
		w.gone = true
		return
	}
	w.gone = false
	sum := sha256.Sum256(text)
	if sum == w.seen {
		return
	}
	w.seen = sum
	value, err := w.parse(string(text))
	if err != nil {
		w.log.Error("the file of who may ask is wrong; the last good one stays", "file", w.path, "err", err)
		return
	}
	w.good.Store(&value)
	w.log.Info("the file of who may ask was read again", "file", w.path)
}
