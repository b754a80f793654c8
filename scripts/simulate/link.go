package simulate

import (
	"bytes"
	"errors"
	"net"
	"sync"
	"time"
)

// slowStep is how often a slow connection forwards its share.
const slowStep = 200 * time.Millisecond

// link connects the two pipes of a connection: near is the side of our process, far
// that of the stand-in.
type link struct {
	network   *network
	number    int
	near, far net.Conn

	mu       sync.Mutex
	reset    bool
	vanished bool
	dead     chan struct{}
	once     sync.Once
	passed   map[*linkFault]int // bytes of answers since a cut fault began
}

func (l *link) start() {
	up, down := newHalf(l), newHalf(l)
	down.answers = true
	go up.read(l.near)
	go up.write(l.far)
	go down.read(l.far)
	go down.write(l.near)
}

// end closes the connection; reset: as if the other side had reset it.
func (l *link) end(reset bool) {
	l.once.Do(func() {
		l.mu.Lock()
		l.reset = reset
		l.mu.Unlock()
		close(l.dead)
		_ = l.near.Close() // closing a pipe loses nothing
		_ = l.far.Close()
		l.network.mu.Lock()
		delete(l.network.links, l)
		l.network.mu.Unlock()
	})
}

// vanish makes the connection dead without a sign to either side.
func (l *link) vanish() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.vanished = true
}

func (l *link) wasReset() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.reset
}

// errCut means that the connection is to be cut here.
var errCut = errors.New("cut")

// half is one direction of a link: one goroutine reads the incoming bytes and
// another forwards those that may pass.
type half struct {
	link    *link
	answers bool // the direction from the stand-in
	wake    chan struct{}

	mu    sync.Mutex
	held  []byte
	since time.Time // when the first byte of held arrived
	ended bool      // no more bytes will arrive
}

func newHalf(l *link) *half { return &half{link: l, wake: make(chan struct{}, 1)} }

func (h *half) read(from net.Conn) {
	buf := make([]byte, 16<<10)
	for {
		n, err := from.Read(buf)
		h.mu.Lock()
		if n > 0 && len(h.held) == 0 {
			h.since = time.Now()
		}
		h.held = append(h.held, buf[:n]...)
		h.ended = err != nil
		h.mu.Unlock()
		select {
		case h.wake <- struct{}{}:
		default:
		}
		if err != nil {
			return
		}
	}
}

func (h *half) write(to net.Conn) {
	for {
		changed := h.link.network.change() // taken before the faults are read, so that later changes are noticed
		now, look, over, err := h.allowed()
		switch {
		case err != nil:
			h.link.end(true)
			return
		case len(now) > 0:
			if _, err := to.Write(now); err != nil {
				h.link.end(false)
				return
			}
			if look == 0 {
				continue
			}
			if !h.rest(look, changed) {
				return
			}
			continue
		case over:
			h.link.end(false)
			return
		}
		if !h.pause(look, changed) {
			return
		}
	}
}

// rest waits before a slow connection forwards its next share.
func (h *half) rest(step time.Duration, changed <-chan struct{}) bool {
	timer := time.NewTimer(step)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-changed:
	case <-h.link.dead:
		return false
	}
	return true
}

// pause waits until there may be bytes to forward, at the latest until look; with
// look 0 it waits for an event.
func (h *half) pause(look time.Duration, changed <-chan struct{}) bool {
	var due <-chan time.Time
	if look > 0 {
		timer := time.NewTimer(look)
		defer timer.Stop()
		due = timer.C
	}
	select {
	case <-h.wake:
	case <-due:
	case <-changed:
	case <-h.link.dead:
		return false
	}
	return true
}

// allowed takes the bytes that may pass now. look: when to check again; over: no
// more bytes will come; errCut: the connection ends here.
func (h *half) allowed() (now []byte, look time.Duration, over bool, err error) {
	l := h.link
	l.network.mu.Lock()
	defer l.network.mu.Unlock()
	l.mu.Lock()
	vanished := l.vanished
	l.mu.Unlock()
	h.mu.Lock()
	defer h.mu.Unlock()
	if vanished {
		return nil, 0, h.ended, nil
	}
	if len(h.held) == 0 {
		return nil, 0, h.ended, nil
	}
	n, cut := len(h.held), (*linkFault)(nil)
	for _, f := range l.network.faults {
		if !f.meets(l.number) {
			continue
		}
		switch {
		case f.kind == Stall:
			return nil, 0, false, nil
		case !h.answers:
		case f.kind == Slow:
			n, look = min(n, max(1, int(float64(f.bytes)*slowStep.Seconds()))), slowStep
		case f.kind == Buffer && !h.ended && len(h.held) < f.bytes && unfinished(h.held):
			due := f.wait - time.Since(h.since)
			switch {
			case f.wait == 0:
				return nil, 0, false, nil
			case due > 0:
				return nil, due, false, nil
			}
		case f.kind == Cut:
			if left := f.bytes - l.passed[f]; n >= left {
				n, cut = left, f
			}
		}
	}
	if cut != nil && n <= 0 {
		return nil, 0, false, errCut
	}
	now = append(now, h.held[:n]...)
	h.held = h.held[n:]
	h.since = time.Now()
	if h.answers {
		l.count(n)
	}
	return now, look, false, nil
}

// unfinished reports whether bytes are an incomplete answer, which a buffering proxy
// keeps: the answer is sent in chunks, and the last one has not arrived.
func unfinished(held []byte) bool {
	if bytes.HasSuffix(held, []byte("\r\n0\r\n\r\n")) {
		return false
	}
	if !bytes.HasPrefix(held, []byte("HTTP/1.1 ")) {
		return true // in the middle of a chunk
	}
	header, _, whole := bytes.Cut(held, []byte("\r\n\r\n"))
	return !whole || bytes.Contains(bytes.ToLower(header), []byte("transfer-encoding: chunked"))
}

// count adds to the bytes that have passed under each cut fault.
func (l *link) count(n int) {
	for _, f := range l.network.faults {
		if f.kind == Cut && f.meets(l.number) {
			if l.passed == nil {
				l.passed = map[*linkFault]int{}
			}
			l.passed[f] += n
		}
	}
}
