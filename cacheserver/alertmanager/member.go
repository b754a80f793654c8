package alertmanager

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/dmwm/wmstats/program/tlsclient"
)

// Times of one member.
const (
	postTimeout = 10 * time.Second
	firstWait   = time.Second      // before a failed post is tried again; it doubles
	longestWait = 30 * time.Second // before any try
)

// member is one Alertmanager. A slow or failing one holds up no other.
type member struct {
	url    string
	o      *Options
	log    *slog.Logger
	inbox  chan [][]byte // the newest set that is not posted yet
	failed bool          // the last post failed
}

func newMember(at string, o *Options) *member {
	return &member{
		url: strings.TrimRight(at, "/") + "/api/v2/alerts", o: o, inbox: make(chan [][]byte, 1), log: o.Log.With("alertmanager", at),
	}
}

// take passes a set on. It replaces one that waits. Only one goroutine calls it.
func (m *member) take(bodies [][]byte) {
	select {
	case <-m.inbox:
	default:
	}
	m.inbox <- bodies
}

// run posts each set that take passes on. A failed post is tried again with the
// newest set, after a wait that grows.
func (m *member) run(ctx context.Context) {
	wait := firstWait
	for {
		var bodies [][]byte
		select {
		case <-ctx.Done():
			return
		case bodies = <-m.inbox:
		}
		for !m.posted(ctx, bodies) {
			if !pause(ctx, wait, nil) {
				return
			}
			wait = min(2*wait, longestWait)
			select {
			case bodies = <-m.inbox:
			default:
			}
		}
		wait = firstWait
	}
}

// posted posts one set, and reports whether the member has accepted all of it.
func (m *member) posted(ctx context.Context, bodies [][]byte) bool {
	for _, body := range bodies {
		err := m.post(ctx, body)
		if ctx.Err() != nil {
			return false // not its failure
		}
		m.o.Posted(err == nil)
		switch {
		case err != nil && !m.failed:
			m.log.WarnContext(ctx, "Alertmanager does not accept alerts; trying again", "err", err)
		case err == nil && m.failed:
			m.log.InfoContext(ctx, "Alertmanager accepts alerts again")
		}
		if m.failed = err != nil; m.failed {
			return false
		}
	}
	return true
}

func (m *member) post(ctx context.Context, body []byte) error {
	ctx, cancel := context.WithTimeout(ctx, postTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, m.url, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("post alerts: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", m.o.UserAgent)
	m.o.Authorize(req)
	resp, err := m.o.Client.Do(req)
	if err != nil {
		return fmt.Errorf("post alerts: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	const enough = 512 // bytes of an error
	text, _ := io.ReadAll(io.LimitReader(resp.Body, enough))
	if resp.StatusCode/100 != 2 { //nolint:mnd // the class of a status
		return fmt.Errorf("post alerts: %s: %.200q", resp.Status, strings.TrimSpace(string(text)))
	}
	return nil
}

// NewClient returns a client for members. It follows no redirect, which would
// take the credentials elsewhere. files are the authorities and the client
// certificate; nil: the system's authorities, and no certificate.
func NewClient(files *tlsclient.Client) *http.Client {
	base := &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: postTimeout}).DialContext,
		TLSHandshakeTimeout: postTimeout,
		IdleConnTimeout:     90 * time.Second,
		ForceAttemptHTTP2:   true,
	}
	var transport http.RoundTripper = base
	if files != nil {
		transport = files.Transport(base)
	}
	return &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}
