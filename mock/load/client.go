package load

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/go-kivik/kivik/v4"
	"github.com/go-kivik/kivik/v4/couchdb"
)

// client sends requests to one CouchDB with kivik, and retries while it is away
// or busy.
type client struct {
	kivik *kivik.Client
	wait  time.Duration
}

func newClient(o Options) (*client, error) {
	own := *o.Client
	own.Transport = answers{own.Transport}
	if own.Transport == (answers{}) {
		own.Transport = answers{http.DefaultTransport}
	}
	options := []kivik.Option{couchdb.OptionHTTPClient(&own), couchdb.OptionNoRequestCompression(), couchdb.OptionNoMultipartGet()}
	if o.User != "" || o.Password != "" {
		options = append(options, couchdb.BasicAuth(o.User, o.Password))
	}
	couch, err := kivik.New("couch", strings.TrimRight(o.URL, "/"), options...)
	if err != nil {
		return nil, fmt.Errorf("set up the CouchDB client: %w", err)
	}
	return &client{couch, o.Wait}, nil
}

// refusal is an answer that is not a success.
type refusal struct {
	status int
	body   string
}

func (r *refusal) Error() string { return fmt.Sprintf("status %d: %s", r.status, r.body) }

// mostAnswer limits an answer: some 200 bytes for each document of a batch.
const mostAnswer = 64 << 20

// answers limits answers, and turns those that are not a success into errors
// with the text of the server: kivik keeps that of JSON answers only.
type answers struct{ next http.RoundTripper }

// RoundTrip sends the request.
func (a answers) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := a.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode < http.StatusMultipleChoices {
		resp.Body = &bounded{resp.Body, mostAnswer}
		return resp, nil
	}
	said, err := io.ReadAll(io.LimitReader(resp.Body, 300))
	return nil, errors.Join(&refusal{resp.StatusCode, strings.TrimSpace(string(said))}, err, resp.Body.Close())
}

type bounded struct {
	io.ReadCloser

	left int64
}

// Read reads more, up to the limit.
func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, fmt.Errorf("an answer has more than %d bytes", mostAnswer)
	}
	return n, err
}

// busy reports that the same request may succeed later.
func busy(err error) bool {
	if status := refused(err); status != 0 {
		return status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests || status == http.StatusBadGateway || status == http.StatusGatewayTimeout
	}
	return err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded)
}

// do retries a call until it is answered.
func (c *client) do(ctx context.Context, what string, call func() error) error {
	deadline := time.Now().Add(c.wait)
	for pause := 100 * time.Millisecond; ; pause = min(2*pause, 3*time.Second) {
		err := guarded(call)
		if !busy(err) || ctx.Err() != nil || time.Now().Add(pause).After(deadline) {
			if err != nil {
				return fmt.Errorf("%s: %w", what, err)
			}
			return nil
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("%s: %w", what, context.Cause(ctx))
		case <-timer.C:
		}
	}
}

// guarded turns a panic of the library, which malformed answers may cause, into
// an error of that call.
func guarded(call func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = &refusal{http.StatusOK, fmt.Sprintf("no CouchDB answer: the client library panicked: %v", r)}
		}
	}()
	return call()
}

// refused returns the status of a refusal, or 0.
func refused(err error) int {
	var r *refusal
	if errors.As(err, &r) {
		return r.status
	}
	return 0
}
