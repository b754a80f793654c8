package tlsclient

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
)

// Transport sends requests over connections with the newest certificate and
// authorities. Requests in progress end on the connection on which they began. Its
// errors wrap the reason of a TLS failure.
type Transport struct {
	client *Client
	base   *http.Transport

	mu    sync.Mutex
	built atomic.Pointer[built]
}

// built is the transport for a state.
type built struct {
	state     *state
	transport *http.Transport
}

// Transport returns a transport like base, which must not be used otherwise.
func (c *Client) Transport(base *http.Transport) *Transport { return &Transport{client: c, base: base} }

// RoundTrip sends a request.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	now := t.newest()
	resp, err := now.transport.RoundTrip(r)
	if err != nil {
		return nil, now.state.explain(t.client, err)
	}
	if reason := now.state.refusal(t.client, resp); reason != nil {
		_ = resp.Body.Close() // the answer is not used
		return nil, fmt.Errorf("%w (status %d)", reason, resp.StatusCode)
	}
	return resp, nil
}

// CloseIdleConnections closes the connections that no request uses.
func (t *Transport) CloseIdleConnections() {
	if b := t.built.Load(); b != nil {
		b.transport.CloseIdleConnections()
	}
}

// newest returns the transport for the current state.
func (t *Transport) newest() *built {
	now := t.client.current()
	if b := t.built.Load(); b != nil && b.state.number == now.number {
		return b
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	old := t.built.Load()
	if old != nil && old.state.number >= now.number {
		return old
	}
	transport := t.base.Clone()
	transport.TLSClientConfig = now.config()
	next := &built{now, transport}
	t.built.Store(next)
	if old != nil {
		old.transport.CloseIdleConnections() // also those that become idle later
	}
	return next
}

// Statuses and texts with which nginx refuses a certificate after the handshake.
const (
	statusCertificate = 495
	statusRequired    = 496
	textRequired      = "No required SSL certificate was sent"
	textCertificate   = "The SSL certificate error"
	textOnlyTLS       = "The plain HTTP request was sent to HTTPS port"
)

// refusal returns why the answer of a proxy is a refusal of the connection; nil: it is
// another answer, which stays readable.
func (s *state) refusal(c *Client, resp *http.Response) error {
	switch resp.StatusCode {
	case statusRequired:
		return ErrRequired
	case statusCertificate:
		return s.refused(c)
	case http.StatusBadRequest:
	default:
		return nil
	}
	if !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html") {
		return nil
	}
	const longest = 4 << 10
	body := resp.Body
	head, err := io.ReadAll(io.LimitReader(body, longest))
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(head), failing{err}, body), body}
	switch text := string(head); {
	case strings.Contains(text, textRequired):
		return ErrRequired
	case strings.Contains(text, textCertificate):
		return s.refused(c)
	case strings.Contains(text, textOnlyTLS):
		return ErrOnlyTLS
	}
	return nil
}

// failing repeats an error of reading.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) {
	if f.err != nil {
		return 0, f.err
	}
	return 0, io.EOF
}
