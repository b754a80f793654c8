package requestcache

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/dmwm/wmstats/cacheserver/couch"
	"github.com/dmwm/wmstats/program/tlsclient"
)

// body is the text of an answer.
type body interface {
	io.ReadCloser
	// explain replaces an error of reading the text by its cause.
	explain(error) error
}

// urlOrigin is a server that is polled.
type urlOrigin struct {
	at     *url.URL
	client *http.Client
	idle   time.Duration
	agent  string
	token  func() string // nil: none

	answered func(what string, took time.Duration) // nil: no one

	seen, kept validators
}

// validators are the server's ETag and Last-Modified of its answer.
type validators struct{ etag, modified string }

func (u *urlOrigin) name() string {
	plain := url.URL{Scheme: u.at.Scheme, Host: u.at.Host, Path: u.at.Path}
	return plain.String()
}

func (u *urlOrigin) id() string { return u.name() }

func (u *urlOrigin) close() { u.client.CloseIdleConnections() }

// keep keeps no validators of an invalid answer: the server may return a
// better one the next time.
func (u *urlOrigin) keep(good bool) {
	if good {
		u.kept = u.seen
	}
}

func (u *urlOrigin) fetch(ctx context.Context) (body, bool, error) {
	const op = "ask for the requestcache"
	ctx, cancel := context.WithCancelCause(ctx)
	b := &urlBody{ctx: ctx, cancel: cancel, idle: u.idle}
	b.timer = time.AfterFunc(u.idle, func() { cancel(couch.ErrFrozen) })
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.at.String(), http.NoBody)
	if err != nil {
		return nil, false, errors.Join(&Error{Op: op, Kind: couch.ErrRefused, Err: plain(err)}, b.Close())
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", u.agent)
	if u.token != nil {
		req.Header.Set("Authorization", "Bearer "+u.token())
	}
	if u.kept.etag != "" {
		req.Header.Set("If-None-Match", u.kept.etag)
	}
	if u.kept.modified != "" {
		req.Header.Set("If-Modified-Since", u.kept.modified)
	}
	began := time.Now()
	resp, err := u.client.Do(req) //nolint:bodyclose // urlBody closes it
	if err != nil {
		return nil, false, errors.Join(b.explain(&Error{Op: op, Kind: couch.ErrUnreachable, Err: plain(err)}), b.Close())
	}
	b.timer.Stop()
	b.body = resp.Body
	if u.answered != nil {
		u.answered("requestcache", time.Since(began))
	}
	switch {
	case resp.StatusCode == http.StatusNotModified && u.kept != validators{}:
		return nil, false, b.Close()
	case resp.StatusCode != http.StatusOK:
		return nil, false, errors.Join(ofStatus(op, resp.StatusCode), b.Close())
	}
	u.seen = validators{resp.Header.Get("ETag"), resp.Header.Get("Last-Modified")}
	return b, true, nil
}

// ofStatus returns the error for any status other than success.
func ofStatus(op string, status int) error {
	e := &Error{Op: op, Kind: couch.ErrRefused, Err: fmt.Errorf("status %d", status), Public: fmt.Sprintf("the old server returned status %d", status)}
	switch {
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		e.Kind, e.Public = couch.ErrUnauthorized, "the old server refuses the credentials"
	case status >= http.StatusInternalServerError, status == http.StatusTooManyRequests, status == http.StatusRequestTimeout:
		e.Kind = couch.ErrServer
	}
	return e
}

// urlBody reads an answer under a deadline that restarts with each read.
type urlBody struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	body   io.ReadCloser
	timer  *time.Timer
	idle   time.Duration
	broke  atomic.Bool // the connection failed, not the text
}

func (b *urlBody) Read(p []byte) (int, error) {
	b.timer.Reset(b.idle)
	n, err := b.body.Read(p)
	b.timer.Stop()
	if err != nil && !errors.Is(err, io.EOF) {
		b.broke.Store(true)
	}
	return n, err
}

func (b *urlBody) Close() error {
	b.timer.Stop()
	b.cancel(nil)
	if b.body != nil {
		_ = b.body.Close() // nothing was written, so nothing can be lost
	}
	return nil
}

func (b *urlBody) explain(err error) error {
	switch cause := context.Cause(b.ctx); {
	case errors.Is(cause, couch.ErrFrozen):
		return &Error{Op: "read the requestcache", Kind: couch.ErrFrozen, Public: "the old server is silent"}
	case errors.Is(err, syscall.ECONNREFUSED):
		return &Error{Op: "ask for the requestcache", Kind: couch.ErrUnreachable, Err: plain(err), Public: "connection to the old server failed"}
	case b.broke.Load():
		return &Error{Op: "read the requestcache", Kind: couch.ErrCut, Err: plain(err), Public: "the answer of the old server is truncated"}
	}
	var e *Error
	if errors.As(err, &e) && e.Public == "" && errors.Is(e.Kind, couch.ErrUnreachable) {
		e.Public = "the old server is unreachable"
		if reason := tlsclient.Public(err); reason != "" {
			e.Public += ": " + reason
		}
	}
	return err
}

// plain removes the URL from an error of net/http.
func plain(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}
