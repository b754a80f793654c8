package couchfake

import (
	"net/http"
	"time"
)

// slowStep is how often a slow answer sends its share.
const slowStep = 20 * time.Millisecond

// faultyWriter counts the bytes of an answer's body and cuts, freezes or slows
// it down there.
type faultyWriter struct {
	http.ResponseWriter
	call   *call
	active *ActiveFault
	sent   int
	thawed bool
}

// Unwrap lets http.ResponseController reach the connection.
func (f *faultyWriter) Unwrap() http.ResponseWriter { return f.ResponseWriter }

// Write sends b, or as much of it as the fault lets through.
func (f *faultyWriter) Write(b []byte) (int, error) {
	fault := &f.active.fault
	if fault.Kind == Slow {
		return f.trickle(b, max(1, int(float64(fault.Bytes)*slowStep.Seconds())))
	}
	left := fault.Bytes - f.sent
	if f.thawed || len(b) <= left {
		return f.pass(b)
	}
	n, err := f.pass(b[:left])
	if err != nil {
		return n, err
	}
	if err := http.NewResponseController(f.ResponseWriter).Flush(); err != nil {
		return n, err
	}
	if fault.Kind == Cut {
		return n, f.call.abort()
	}
	if err := f.call.freeze(f.active); err != nil {
		return n, err
	}
	f.thawed = true
	rest, err := f.pass(b[n:])
	return n + rest, err
}

func (f *faultyWriter) pass(b []byte) (int, error) {
	n, err := f.ResponseWriter.Write(b)
	f.sent += n
	return n, err
}

// trickle sends step bytes at a time until the fault is cleared.
func (f *faultyWriter) trickle(b []byte, step int) (n int, err error) {
	for n < len(b) {
		select {
		case <-f.active.cleared:
			m, err := f.pass(b[n:])
			return n + m, err
		default:
		}
		m, err := f.pass(b[n:min(len(b), n+step)])
		n += m
		if err != nil {
			return n, err
		}
		if err := http.NewResponseController(f.ResponseWriter).Flush(); err != nil {
			return n, err
		}
		if err := f.call.pause(slowStep); err != nil {
			return n, err
		}
	}
	return n, nil
}

// freeze waits until the fault is cleared. It fails when the client goes away
// or the server closes.
func (c *call) freeze(a *ActiveFault) error {
	select {
	case <-a.cleared:
		return nil
	case <-c.r.Context().Done():
	case <-c.server.closed:
	}
	return c.abort()
}

// pause waits for d, or fails as freeze does.
func (c *call) pause(d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-c.r.Context().Done():
	case <-c.server.closed:
	}
	return c.abort()
}

// abort closes the connection without ending the answer, so that the client
// sees an unexpected end. Without a connection to take over (a recorder
// in a test), the answer just stops.
func (c *call) abort() error {
	conn, _, err := http.NewResponseController(c.w).Hijack()
	if err == nil {
		err = conn.Close()
	}
	if err != nil {
		c.server.opts.Log.Debug("cut an answer", "path", c.r.URL.Path, "err", err)
	}
	return errAborted
}
