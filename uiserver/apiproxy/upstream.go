package apiproxy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/dmwm/wmstats/schema/wire"
)

// upstream is the transport to the cache server. It limits how long the cache
// server may be silent, and ends long polls and streams when this server shuts down.
type upstream struct {
	next            http.RoundTripper
	draining        <-chan struct{}
	header, silence time.Duration
}

func newUpstream(o Options) *upstream {
	return &upstream{o.Transport, o.Draining, cmp.Or(o.Header, 2*time.Minute), cmp.Or(o.Silence, time.Minute)}
}

// longestPoll is the longest time of a long poll at the cache server.
const longestPoll = 5 * time.Minute

// Reasons for canceling a request to the cache server.
var (
	errSilent = errors.New("no answer from the cache server")
	errEnding = errors.New("this server is shutting down")
)

// RoundTrip sends a request to the cache server. When this server shuts down, an
// active long poll is repeated without waiting, so that its client gets an answer.
func (u *upstream) RoundTrip(req *http.Request) (*http.Response, error) {
	polls := strings.HasSuffix(req.URL.Path, "/changes") && req.URL.Query().Get("feed") == "longpoll"
	wait := u.header
	if polls {
		wait += longestPoll
	}
	res, err := u.ask(req, wait, polls)
	if polls && errors.Is(err, errEnding) {
		now := req.Clone(req.Context())
		v := now.URL.Query()
		v.Set("timeout", "0s")
		now.URL.RawQuery = v.Encode()
		return u.ask(now, u.header, false)
	}
	return res, err
}

// ask sends a request and waits at most wait for the start of its answer. With ends,
// it stops waiting when this server shuts down.
func (u *upstream) ask(req *http.Request, wait time.Duration, ends bool) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(req.Context())
	began := make(chan struct{})
	if ends {
		go u.endWith(ctx, began, cancel)
	}
	late := time.AfterFunc(wait, func() { cancel(errSilent) })
	res, err := u.next.RoundTrip(req.WithContext(ctx))
	late.Stop()
	close(began)
	if err != nil {
		if cause := context.Cause(ctx); errors.Is(cause, errSilent) || errors.Is(cause, errEnding) {
			err = cause
		}
		cancel(nil)
		return nil, fmt.Errorf("request to the cache server: %w", err)
	}
	b := &answerBody{ReadCloser: res.Body, ctx: ctx, cancel: cancel, silence: u.silence}
	res.Body = b
	if media, _, err := mime.ParseMediaType(res.Header.Get("Content-Type")); err == nil && media == "text/event-stream" && res.Header.Get("Content-Encoding") == "" {
		b.events = true
		go u.endWith(ctx, nil, cancel)
	}
	return res, nil
}

// endWith cancels a request if this server shuts down before the answer begins
// (closed began) or the request ends.
func (u *upstream) endWith(ctx context.Context, began <-chan struct{}, cancel context.CancelCauseFunc) {
	select {
	case <-u.draining:
		cancel(errEnding)
	case <-began:
	case <-ctx.Done():
	}
}

// answerBody is the body of an answer. It passes data through without buffering.
type answerBody struct {
	io.ReadCloser

	ctx     context.Context //nolint:containedctx // of the request, which ends with the body
	cancel  context.CancelCauseFunc
	silence time.Duration

	events bool    // the answer is an event stream
	tail   [2]byte // last bytes read
	rest   string  // rest of the last event, which this server adds
	ended  bool
}

// Read implements io.Reader. When this server shuts down, an event stream ends with
// a last event, unless it was cut within an event.
func (b *answerBody) Read(p []byte) (int, error) {
	if b.ended {
		n := copy(p, b.rest)
		if b.rest = b.rest[n:]; b.rest == "" {
			return n, io.EOF
		}
		return n, nil
	}
	late := time.AfterFunc(b.silence, func() { b.cancel(errSilent) })
	n, err := b.ReadCloser.Read(p)
	late.Stop()
	for _, c := range p[max(0, n-len(b.tail)):n] {
		b.tail = [2]byte{b.tail[1], c}
	}
	if err == nil || errors.Is(err, io.EOF) {
		return n, err //nolint:wrapcheck // passes on the error of the body
	}
	switch cause := context.Cause(b.ctx); {
	case b.events && errors.Is(cause, errEnding):
		b.ended = true
		if b.tail == [2]byte{} || b.tail == [2]byte{'\n', '\n'} {
			b.rest = wire.LastEvent
		}
		return n, nil
	case errors.Is(cause, errSilent):
		err = cause
	}
	return n, fmt.Errorf("read the answer of the cache server: %w", err)
}

// Close ends the request and returns the error of the underlying body.
func (b *answerBody) Close() error {
	b.cancel(nil)
	return b.ReadCloser.Close() //nolint:wrapcheck // passes on the error of the body
}
