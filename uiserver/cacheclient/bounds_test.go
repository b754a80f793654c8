package cacheclient_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/uiserver/cacheclient"
)

// odd is a misbehaving cache server: a transport without a network, for tests with
// a fake clock.
type odd func(*http.Request) (*http.Response, error)

func (o odd) RoundTrip(r *http.Request) (*http.Response, error) { return o(r) }

func answers(r *http.Request, header http.Header, body io.Reader) (*http.Response, error) {
	if header == nil {
		header = http.Header{}
	}
	return &http.Response{StatusCode: http.StatusOK, Status: "200 OK", Header: header, Request: r, Body: io.NopCloser(body)}, nil
}

// endless repeats a text forever, and counts the bytes read.
type endless struct {
	text string
	at   int
	read int64
}

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = e.text[e.at%len(e.text)]
		e.at++
	}
	e.read += int64(len(p))
	return len(p), nil
}

// drip returns one byte per second until the request ends.
type drip struct{ ctx context.Context }

func (d drip) Read(p []byte) (int, error) {
	select {
	case <-time.After(time.Second):
		p[0] = ' '
		return 1, nil
	case <-d.ctx.Done():
		return 0, d.ctx.Err()
	}
}

func clientOver(t *testing.T, o odd) *cacheclient.Client {
	t.Helper()
	c, err := cacheclient.New(cacheclient.Options{BaseURL: "http://cache", Timeout: 5 * time.Second, MaxBody: 1 << 20, Transport: o})
	require.NoError(t, err)
	return c
}

// calls are all calls that pages make.
func calls(c *cacheclient.Client) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"fetch":    func(ctx context.Context) error { _, err := c.Fetch(ctx, wire.Query{}); return err },
		"workflow": func(ctx context.Context) error { _, _, err := c.Workflow(ctx, "x"); return err },
		"sites":    func(ctx context.Context) error { _, _, err := c.Sites(ctx); return err },
		"pulse":    func(ctx context.Context) error { _, err := c.Pulse(ctx, 0); return err },
		"openapi":  func(ctx context.Context) error { _, err := c.OpenAPI(ctx); return err },
		"logs":     func(ctx context.Context) error { _, _, err := c.Logs(ctx, "x"); return err },
	}
}

// An endless answer is read up to the limit, and is an error.
func TestAnEndlessAnswerIsBounded(t *testing.T) {
	for _, text := range []string{"[", `[{"Site":"`, " ", "{}"} {
		var body *endless
		c := clientOver(t, func(r *http.Request) (*http.Response, error) {
			body = &endless{text: text}
			return answers(r, nil, body)
		})
		for name, call := range calls(c) {
			assert.ErrorIs(t, call(t.Context()), cacheclient.ErrTooLarge, "%s of %q", name, text)
			assert.LessOrEqual(t, body.read, int64(2<<20), name)
		}
	}
}

// Many concurrent answers, each within its limit, are limited together. Their
// memory is released when they end.
func TestAnswersAreBoundedTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const at, large = 50, 900 << 10
		hang := true
		c := clientOver(t, func(r *http.Request) (*http.Response, error) {
			var end io.Reader = strings.NewReader("{}")
			if hang {
				end = drip{r.Context()}
			}
			return answers(r, nil, io.MultiReader(strings.NewReader(strings.Repeat(" ", large)), end))
		})
		fails := make(chan error, at)
		for range at {
			go func() { _, err := c.Pulse(t.Context(), 0); fails <- err }()
		}
		held := 0 // until the call ends
		for range at {
			if err := <-fails; !errors.Is(err, cacheclient.ErrTooLarge) {
				require.ErrorIs(t, err, cacheclient.ErrUnreachable)
				held++
			}
		}
		assert.Positive(t, held)
		assert.LessOrEqual(t, held, 4, "memory for 4 of the largest answers")
		hang = false
		for range at {
			_, err := c.Pulse(t.Context(), 0)
			require.NoError(t, err)
		}
	})
}

// A problem whose status is not an error status is ignored.
func TestProblemsOfNoStatus(t *testing.T) {
	for _, status := range []string{"-5", "0", "99", "200", "600", "777", "1e3"} {
		c := clientOver(t, func(r *http.Request) (*http.Response, error) {
			res, err := answers(r, nil, strings.NewReader(`{"type":"/problems/x","title":"t","status":`+status+`}`))
			res.StatusCode = http.StatusServiceUnavailable
			return res, err
		})
		_, err := c.Pulse(t.Context(), 0)
		problem := wire.ProblemOf(err)
		require.NotNil(t, problem, status)
		assert.Equal(t, http.StatusServiceUnavailable, problem.Status, status)
	}
}

// An answer with neither a success nor an error status is an error of the cache
// server.
func TestInvalidStatuses(t *testing.T) {
	for _, status := range []int{http.StatusCreated, http.StatusNoContent, http.StatusPartialContent, http.StatusNotModified} {
		c := clientOver(t, func(r *http.Request) (*http.Response, error) {
			res, err := answers(r, nil, strings.NewReader(""))
			res.StatusCode = status
			return res, err
		})
		_, err := c.Pulse(t.Context(), 0)
		problem := wire.ProblemOf(err)
		require.NotNil(t, problem, status)
		assert.Equal(t, http.StatusBadGateway, problem.Status, status)
	}
}

// Endless next links are limited in total bytes and in time.
func TestEndlessPagesAreBounded(t *testing.T) {
	next := http.Header{"Link": {`</sites?idx=1>; rel="next"`}}
	asked := 0
	c := clientOver(t, func(r *http.Request) (*http.Response, error) {
		asked++
		return answers(r, next, strings.NewReader(`[{"Site":"`+strings.Repeat("x", 100<<10)+`"}]`))
	})
	_, _, err := c.Sites(t.Context())
	assert.ErrorIs(t, err, cacheclient.ErrTooLarge)
	assert.Less(t, asked, 15)
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		c := clientOver(t, func(r *http.Request) (*http.Response, error) {
			select {
			case <-time.After(time.Second):
			case <-r.Context().Done():
				return nil, r.Context().Err()
			}
			return answers(r, next, strings.NewReader(`[]`))
		})
		_, _, err := c.Sites(t.Context())
		assert.ErrorIs(t, err, cacheclient.ErrUnreachable)
		assert.LessOrEqual(t, time.Since(began), 6*time.Second)
	})
}

// A cache server that stalls at any point is unreachable after 5 s.
func TestAStalledServerTimesOut(t *testing.T) {
	for name, o := range map[string]odd{
		"before the answer": func(r *http.Request) (*http.Response, error) { <-r.Context().Done(); return nil, r.Context().Err() },
		"in the answer":     func(r *http.Request) (*http.Response, error) { return answers(r, nil, drip{r.Context()}) },
	} {
		synctest.Test(t, func(t *testing.T) {
			for what, call := range calls(clientOver(t, o)) {
				began := time.Now()
				assert.ErrorIs(t, call(t.Context()), cacheclient.ErrUnreachable, "%s, %s", name, what)
				assert.Equal(t, 5*time.Second, time.Since(began), "%s, %s", name, what)
			}
		})
	}
}

// The client sends its timeout for data read on demand.
func TestPreferredWait(t *testing.T) {
	var seen []string
	c := clientOver(t, func(r *http.Request) (*http.Response, error) {
		seen = append(seen, r.Header.Get("Prefer"))
		return answers(r, nil, strings.NewReader("{}"))
	})
	_, _, err := c.Workflow(t.Context(), "x")
	require.NoError(t, err)
	assert.Equal(t, []string{"wait=4"}, seen)
}
