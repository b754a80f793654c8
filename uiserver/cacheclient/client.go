// Package cacheclient is the Go client of the cache server's API: typed calls,
// answers as records of package schema, errors as *wire.Problem. It holds no
// data, retries nothing and logs nothing; callers decide what to do with an
// error. It works for any Go program, not only for the UI server: Workflows
// iterates over all pages of a query, Stream reads them in one answer, Follow
// tells what changes.
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

// ErrUnreachable is in every error of a call that got no answer: nobody
// listens, the connection broke, or it took too long.
var ErrUnreachable = errors.New("the cache server does not answer")

// ErrTooLarge is in every error of an answer beyond Options.MaxBody, or beyond
// what others under way leave of Options.MaxHeld.
var ErrTooLarge = errors.New("the answer of the cache server is too large")

// Options of a Client.
type Options struct {
	BaseURL   string            // such as http://127.0.0.1:8081, a path is kept
	Timeout   time.Duration     // of one call, body included; 0: 20 s
	MaxBody   int64             // bytes of one answer, or of a list with all its pages; 0: 64 MiB
	MaxHeld   int64             // bytes of memory for all answers that are read and decoded at once; 0: 4 times MaxBody
	UserAgent string            // "" for none of our own
	Token     func() string     // who calls, as a bearer token, asked for with each call; nil: nobody
	Transport http.RoundTripper // nil: a transport of its own with time-outs
}

// Client calls one cache server. It may be used by many goroutines.
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

	lastStatus = 600 // HTTP has none from here on

	heldBodies = 4 // of the largest answers there is room for at once
)

// New checks the options; it makes no connection.
func New(o Options) (*Client, error) {
	base, err := url.Parse(strings.TrimSuffix(o.BaseURL, "/"))
	if err != nil || base.Host == "" || (base.Scheme != "http" && base.Scheme != "https") || base.RawQuery != "" {
		// Neither the address nor the cause, which repeats it: there may be a password in it.
		return nil, errors.New("address of the cache server: want http://host:port")
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

// NewTransport is a transport for one upstream: time-outs for connecting, and
// enough idle connections for a page that makes several calls. How long an
// answer may take is up to the caller.
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

// Close drops idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Meta is what the headers of an answer say.
type Meta struct {
	Generation     string
	GenerationTime time.Time // zero if not given
	Total          int       // records under the filter; -1 if not given
	Stale          bool
	StaleReason    string
	Next           string    // address of the next page, as given
	ReadTime       time.Time // when the source was asked, for what is read on demand; zero if not given
	HistoryStart   time.Time // first point of the history; zero if not given
}

// request asks for a path, whose parts are already escaped.
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

// unanswered is the error of a call that got no answer.
func unanswered(ctx context.Context, path string, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("get %s: %w", path, ctx.Err())
	}
	return fmt.Errorf("get %s: %w: %w", path, ErrUnreachable, err)
}

// get decodes the JSON of a good answer into out.
func (c *Client) get(ctx context.Context, path string, query url.Values, out any) (Meta, error) {
	left := c.maxBody
	return c.getWithin(ctx, path, query, out, &left)
}

// getWithin is get for one answer of several, which have so many bytes left.
func (c *Client) getWithin(ctx context.Context, path string, query url.Values, out any, left *int64) (Meta, error) {
	req, err := c.request(ctx, path, query, wire.MediaJSON)
	if err != nil {
		return Meta{}, err
	}
	if wait := (c.http.Timeout - time.Second).Truncate(time.Second); wait > 0 {
		// What is read on demand: an answer that tells why it has none is better
		// than none. It takes longer than that only when the network does.
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
		return Meta{}, fmt.Errorf("get %s: decode the answer: %w", path, err)
	}
	return metaOf(res.Header), nil
}

// problemOf reads the problem of an answer that is not good. An answer without
// one becomes a problem with its status, so that callers know one kind only.
func problemOf(res *http.Response, body []byte) *wire.Problem {
	p := &wire.Problem{}
	if err := json.Unmarshal(body, p); err == nil && p.Status >= http.StatusBadRequest && p.Status < lastStatus {
		return p
	}
	status := res.StatusCode
	if status < http.StatusBadRequest {
		status = http.StatusBadGateway // neither a good answer nor a fault that has a name
	}
	return &wire.Problem{
		Type: "about:blank", Title: http.StatusText(status), Status: status,
		Detail: fmt.Sprintf("The cache server answered %s without saying why.", res.Status),
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
