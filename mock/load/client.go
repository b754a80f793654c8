package load

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// client speaks to one CouchDB and asks again while it is away or busy.
type client struct {
	base, user, password string
	http                 *http.Client
	wait                 time.Duration
}

func newClient(o Options) *client {
	return &client{strings.TrimRight(o.URL, "/"), o.User, o.Password, o.Client, o.Wait}
}

// refusal is an answer that is not a success.
type refusal struct {
	status int
	body   string
}

func (r *refusal) Error() string { return fmt.Sprintf("status %d: %s", r.status, r.body) }

// busy tells that the same request may succeed later.
func busy(err error) bool {
	var r *refusal
	if errors.As(err, &r) {
		return r.status == http.StatusServiceUnavailable || r.status == http.StatusTooManyRequests || r.status == http.StatusBadGateway || r.status == http.StatusGatewayTimeout
	}
	return err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded)
}

// do sends a request until it is answered; answer is decoded into out, if any.
func (c *client) do(ctx context.Context, method, path string, body []byte, out any) error {
	deadline := time.Now().Add(c.wait)
	for pause := 100 * time.Millisecond; ; pause = min(2*pause, 3*time.Second) {
		err := c.once(ctx, method, path, body, out)
		if !busy(err) || ctx.Err() != nil || time.Now().Add(pause).After(deadline) {
			if err != nil {
				return fmt.Errorf("%s %s: %w", method, path, err)
			}
			return nil
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("%s %s: %w", method, path, context.Cause(ctx))
		case <-timer.C:
		}
	}
}

// mostAnswer bounds an answer: some 200 bytes for each document of a batch.
const mostAnswer = 64 << 20

func (c *client) once(ctx context.Context, method, path string, body []byte, out any) error {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("build request: %w", err)
	}
	req.Header.Set("Accept", "application/json")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.user != "" || c.password != "" {
		req.SetBasicAuth(c.user, c.password)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, mostAnswer+1))
	if err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	if len(raw) > mostAnswer {
		return fmt.Errorf("read answer: it has more than %d bytes", mostAnswer)
	}
	if resp.StatusCode >= 300 {
		return &refusal{resp.StatusCode, strings.TrimSpace(string(raw[:min(len(raw), 300)]))}
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(raw, out); err != nil {
		return &refusal{resp.StatusCode, "no JSON answer: " + err.Error()}
	}
	return nil
}

// refused returns the status of a refusal, or 0.
func refused(err error) int {
	var r *refusal
	if errors.As(err, &r) {
		return r.status
	}
	return 0
}

// dbPath is the path of a database; document ids are escaped likewise.
func dbPath(db string) string { return "/" + url.PathEscape(db) }
