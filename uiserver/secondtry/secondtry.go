// Package secondtry sends a request to the cache server a second time when its answer
// does not begin in time, and returns the answer that begins first: behind a balancer
// the second one reaches another server, and a server that is frozen or cut off
// delays a page instead of failing it. The package is a transport, knows no paths, and
// waits no longer than the request allows.
package secondtry

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"time"
)

// Options of a Transport. Next and After are required.
type Options struct {
	Next  http.RoundTripper
	After time.Duration // time without an answer
	// Most limits how many second requests run at once, so that a cache server that is
	// slow for all does not get all requests twice; 0: 16.
	Most int
	Once func(*http.Request) bool // requests that are sent once only; nil: none
}

const defaultMost = 16

// Transport is an http.RoundTripper. It is safe for concurrent use.
type Transport struct {
	o    Options
	room chan struct{} // a place for each second request
}

// New returns a Transport.
func New(o Options) (*Transport, error) {
	if o.Next == nil || o.After <= 0 {
		return nil, errors.New("second try: Next and After are required")
	}
	if o.Most == 0 {
		o.Most = defaultMost
	}
	return &Transport{o, make(chan struct{}, o.Most)}, nil
}

// attempt is one of the two requests, and what came of it.
type attempt struct {
	cancel context.CancelFunc
	res    *http.Response
	err    error
}

// RoundTrip sends a request, and a second time if its answer takes long.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method != http.MethodGet || req.Body != nil && req.Body != http.NoBody || t.o.Once != nil && t.o.Once(req) {
		return t.o.Next.RoundTrip(req) //nolint:wrapcheck // a transport passes on the error
	}
	ended := make(chan *attempt, 2)
	pending := []*attempt{t.send(req, ended)}
	late := time.NewTimer(t.o.After)
	defer late.Stop()
	var failed error
	for len(pending) > 0 {
		select {
		case <-late.C:
			select {
			case t.room <- struct{}{}:
				defer func() { <-t.room }()
				pending = append(pending, t.send(req, ended))
			default: // many answers take long
			}
		case a := <-ended:
			pending = slices.DeleteFunc(pending, func(other *attempt) bool { return other == a })
			if a.err == nil {
				drop(pending, ended)
				a.res.Body = &body{a.res.Body, a.cancel}
				return a.res, nil
			}
			a.cancel()
			if failed == nil {
				failed = a.err
			}
		}
	}
	return nil, failed
}

// send sends one request; ended has room for what comes of it.
func (t *Transport) send(req *http.Request, ended chan<- *attempt) *attempt {
	ctx, cancel := context.WithCancel(req.Context())
	a := &attempt{cancel: cancel}
	go func() {
		a.res, a.err = t.o.Next.RoundTrip(req.Clone(ctx)) //nolint:bodyclose // RoundTrip returns it, or drop closes it
		ended <- a
	}()
	return a
}

// drop ends requests whose answers nobody needs.
func drop(pending []*attempt, ended <-chan *attempt) {
	for _, a := range pending {
		a.cancel()
		go func() {
			if a := <-ended; a.err == nil {
				_ = a.res.Body.Close()
			}
		}()
	}
}

// body ends its request when it is closed.
type body struct {
	io.ReadCloser

	cancel context.CancelFunc
}

// Close ends the request and returns the error of the underlying body.
func (b *body) Close() error {
	defer b.cancel()
	return b.ReadCloser.Close() //nolint:wrapcheck // passes on the error of the body
}
