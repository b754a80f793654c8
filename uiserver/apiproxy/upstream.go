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

// upstream is the way to the cache server, with bounds on how long it may be
// silent, and with an end for what would not end by itself.
type upstream struct {
	next            http.RoundTripper
	draining        <-chan struct{}
	header, silence time.Duration
}

func newUpstream(o Options) *upstream {
	return &upstream{o.Transport, o.Draining, cmp.Or(o.Header, 2*time.Minute), cmp.Or(o.Silence, time.Minute)}
}

// longestPoll is how long the cache server lets a client wait for a change.
const longestPoll = 5 * time.Minute

// Why a request to the cache server is given up.
var (
	errSilent = errors.New("the cache server is silent")
	errEnding = errors.New("this server is going down")
)

// RoundTrip asks the cache server. A long poll under way when this server goes
// down is asked again without waiting, so that its client gets what there is.
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

// ask gives the answer to begin so long, and with ends only as long as this
// server is not going down.
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
		return nil, fmt.Errorf("ask the cache server: %w", err)
	}
	b := &answerBody{ReadCloser: res.Body, ctx: ctx, cancel: cancel, silence: u.silence}
	res.Body = b
	if media, _, err := mime.ParseMediaType(res.Header.Get("Content-Type")); err == nil && media == "text/event-stream" && res.Header.Get("Content-Encoding") == "" {
		b.events = true
		go u.endWith(ctx, nil, cancel)
	}
	return res, nil
}

// endWith gives a request up when this server goes down before the request has
// begun to be answered, or has ended.
func (u *upstream) endWith(ctx context.Context, began <-chan struct{}, cancel context.CancelCauseFunc) {
	select {
	case <-u.draining:
		cancel(errEnding)
	case <-began:
	case <-ctx.Done():
	}
}

// answerBody is the body of an answer. It is passed on as it comes, and holds
// nothing but its own end.
type answerBody struct {
	io.ReadCloser

	ctx     context.Context //nolint:containedctx // of the request, which the body ends
	cancel  context.CancelCauseFunc
	silence time.Duration

	events bool    // a stream of events
	tail   [2]byte // of what was read
	rest   string  // of the last event, which is this server's
	ended  bool
}

// Read reads more. A stream of events ends with a last one when this server is
// going down, unless it would stand in the middle of another.
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
		return n, err //nolint:wrapcheck // as if it were the body
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
	return n, fmt.Errorf("read an answer of the cache server: %w", err)
}

// Close ends the request. The error is that of the body below.
func (b *answerBody) Close() error {
	b.cancel(nil)
	return b.ReadCloser.Close() //nolint:wrapcheck // as if it were the body
}
