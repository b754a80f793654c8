// Package cacheclient is the Go client of the API of the cache server. It has typed
// calls that return records of package schema, and errors as *wire.Problem.
// Workflows iterates over all pages of a query. It stores no data, and does not retry
// or log; callers handle errors. Any Go program can use it, not only the UI server.
package cacheclient

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/dmwm/wmstats/schema/wire"
)

// ErrUnreachable is wrapped by every error of a call without an answer: the
// connection was refused or broke, or the answer took too long.
var ErrUnreachable = errors.New("the cache server does not answer")

// ErrTooLarge is wrapped by every error of an answer larger than Options.MaxBody, or
// than the free part of Options.MaxHeld.
var ErrTooLarge = errors.New("the answer of the cache server is too large")

// Options of a Client.
type Options struct {
	BaseURL   string            // such as http://127.0.0.1:8081; may have a path
	Timeout   time.Duration     // of one call, body included; 0: 20 s
	MaxBody   int64             // bytes of one answer, or of a list with all its pages; 0: 64 MiB
	MaxHeld   int64             // bytes of memory for all concurrent answers; 0: 4 times MaxBody
	UserAgent string            // "" for the default
	Token     func() string     // returns the bearer token, for each call; nil: none
	Transport http.RoundTripper // nil: NewTransport
}

// Client calls one cache server. It is safe for concurrent use.
type Client struct {
	base      *url.URL
	http      *http.Client
	maxBody   int64
	room      *room
	userAgent string
	token     func() string
}

const (
	defaultTimeout = 20 * time.Second
	defaultMaxBody = 64 << 20
	idleConns      = 64

	lastStatus = 600 // first number that is not an HTTP status

	heldBodies = 4 // number of answers of the largest size that fit into the default MaxHeld
)

// New returns a client, or an error if an option is invalid. It does not connect.
func New(o Options) (*Client, error) {
	base, err := url.Parse(strings.TrimSuffix(o.BaseURL, "/"))
	if err != nil || base.Host == "" || (base.Scheme != "http" && base.Scheme != "https") || base.RawQuery != "" {
		// The error has neither the address nor its cause, which repeats the address:
		// it may contain a password.
		return nil, errors.New("invalid address of the cache server: want http://host:port")
	}
	c := &Client{base: base, maxBody: o.MaxBody, userAgent: o.UserAgent, token: o.Token}
	if c.maxBody == 0 {
		c.maxBody = defaultMaxBody
	}
	c.room = newRoom(cmp.Or(o.MaxHeld, heldBodies*c.maxBody))
	timeout := o.Timeout
	if timeout == 0 {
		timeout = defaultTimeout
	}
	transport := o.Transport
	if transport == nil {
		transport = NewTransport()
	}
	c.http = &http.Client{Transport: transport, Timeout: timeout}
	return c, nil
}

// NewTransport returns a transport for one upstream, with timeouts for connecting
// and enough idle connections for the concurrent calls of a page. It does not limit
// the time of an answer.
func NewTransport() *http.Transport {
	dialer := &net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Transport{
		DialContext:         dialer.DialContext,
		MaxIdleConns:        idleConns,
		MaxIdleConnsPerHost: idleConns,
		IdleConnTimeout:     90 * time.Second,
		TLSHandshakeTimeout: 5 * time.Second,
		ForceAttemptHTTP2:   true,

		MaxResponseHeaderBytes: 1 << 20,
	}
}

// Close closes idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Meta has the values of the headers of an answer.
type Meta struct {
	Generation     string
	GenerationTime time.Time // zero if absent
	Total          int       // records under the filter; -1 if absent
	Stale          bool
	StaleReason    string
	Date           time.Time // time of the answer by the cache server's clock; zero if absent
	Next           string    // address of the next page, as received
	ReadTime       time.Time // time of the read from CouchDB, for data read on demand; zero if absent
	HistoryStart   time.Time // first point of counts over time; zero if absent
}

// request returns a request for an escaped path.
func (c *Client) request(ctx context.Context, path string, query url.Values, accept string) (*http.Request, error) {
	ref, err := url.Parse(path)
	if err != nil {
		return nil, fmt.Errorf("path %q: %w", path, err)
	}
	if len(query) > 0 {
		ref.RawQuery = query.Encode()
	}
	target := c.base.JoinPath("/")
	target.Path, target.RawPath = c.base.Path+ref.Path, ""
	if ref.RawPath != "" || c.base.RawPath != "" {
		target.RawPath = c.base.EscapedPath() + ref.EscapedPath()
	}
	target.RawQuery = ref.RawQuery
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("request for %s: %w", path, err)
	}
	req.Header.Set("Accept", accept+", "+wire.MediaProblem)
	if c.userAgent != "" {
		req.Header.Set("User-Agent", c.userAgent)
	}
	if c.token != nil {
		req.Header.Set("Authorization", "Bearer "+c.token())
	}
	return req, nil
}

// unanswered returns the error of a call without an answer.
func unanswered(ctx context.Context, path string, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("get %s: %w", path, ctx.Err())
	}
	return fmt.Errorf("get %s: %w: %w", path, ErrUnreachable, err)
}

// get requests a path and decodes the JSON answer into out.
func (c *Client) get(ctx context.Context, path string, query url.Values, out any) (Meta, error) {
	left := c.maxBody
	return c.getWithin(ctx, path, query, out, &left)
}

// getWithin is get for one of several answers, which may have left bytes together.
func (c *Client) getWithin(ctx context.Context, path string, query url.Values, out any, left *int64) (Meta, error) {
	req, err := c.request(ctx, path, query, wire.MediaJSON)
	if err != nil {
		return Meta{}, err
	}
	if wait := (c.http.Timeout - time.Second).Truncate(time.Second); wait > 0 {
		// For data read on demand: the cache server answers within this time, if only
		// with the reason why it has no data, before the call times out.
		req.Header.Set("Prefer", "wait="+strconv.Itoa(int(wait/time.Second)))
	}
	res, err := c.http.Do(req)
	if err != nil {
		return Meta{}, unanswered(ctx, path, err)
	}
	defer res.Body.Close()
	held := c.room.enter()
	defer held.leave()
	body, err := held.read(res, *left)
	if err != nil {
		return Meta{}, fmt.Errorf("get %s: %w", path, err)
	}
	*left -= int64(len(body))
	if res.StatusCode != http.StatusOK {
		return Meta{}, fmt.Errorf("get %s: %w", path, problemOf(res, body))
	}
	if err := json.Unmarshal(body, out); err != nil {
		return Meta{}, fmt.Errorf("get %s: decode answer: %w", path, err)
	}
	return metaOf(res.Header), nil
}

// problemOf returns the problem of an error answer. An answer without one becomes a
// problem with its status, so that callers handle only one type of error.
func problemOf(res *http.Response, body []byte) *wire.Problem {
	p := &wire.Problem{}
	if err := json.Unmarshal(body, p); err == nil && p.Status >= http.StatusBadRequest && p.Status < lastStatus {
		return p
	}
	status := res.StatusCode
	if status < http.StatusBadRequest {
		status = http.StatusBadGateway // neither success nor a valid error status
	}
	return &wire.Problem{
		Type: "about:blank", Title: http.StatusText(status), Status: status,
		Detail: fmt.Sprintf("The cache server answered %s without a reason.", res.Status),
	}
}

var nextLink = regexp.MustCompile(`<([^>]*)>\s*;\s*rel="next"`)

func metaOf(h http.Header) Meta {
	m := Meta{
		Generation:  h.Get(wire.HeaderGeneration),
		Total:       -1,
		Stale:       h.Get(wire.HeaderStale) == "1",
		StaleReason: h.Get(wire.HeaderStaleReason),
	}
	if t, err := http.ParseTime(h.Get("Date")); err == nil {
		m.Date = t
	}
	if n, err := strconv.Atoi(h.Get(wire.HeaderTotal)); err == nil {
		m.Total = n
	}
	for name, at := range map[string]*time.Time{
		wire.HeaderGenerationTime: &m.GenerationTime, wire.HeaderReadTime: &m.ReadTime, wire.HeaderHistoryStart: &m.HistoryStart,
	} {
		if t, err := time.Parse(time.RFC3339, h.Get(name)); err == nil {
			*at = t
		}
	}
	for _, link := range h.Values(wire.HeaderLink) {
		if match := nextLink.FindStringSubmatch(link); match != nil {
			m.Next = match[1]
		}
	}
	return m
}
