package simulate

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// TestLinkFaults: the effect of each connection fault on a chunked answer of 1000
// bytes that takes ten seconds, and when the client has the whole answer.
func TestLinkFaults(t *testing.T) {
	const pieces, piece = 10, 100
	for _, c := range []struct {
		name  string
		fault linkFault
		lasts time.Duration // of the fault
		first time.Duration // when the first bytes arrive
		whole time.Duration
		err   error
	}{
		{"none", linkFault{kind: "none"}, time.Hour, 0, 9 * time.Second, nil},
		{"stall", linkFault{kind: Stall}, 30 * time.Second, 30 * time.Second, 39 * time.Second, nil},
		{"slow", linkFault{kind: Slow, bytes: 50}, time.Hour, 2 * time.Second, 0, nil},
		{"buffered until the end", linkFault{kind: Buffer, bytes: 1 << 20}, time.Hour, 9 * time.Second, 9 * time.Second, nil},
		{"buffered for a time", linkFault{kind: Buffer, bytes: 1 << 20, wait: 4500 * time.Millisecond}, time.Hour, 5 * time.Second, 9 * time.Second, nil}, // no piece arrives when the fault ends
		{"refuse", linkFault{kind: Refuse}, time.Minute, 0, 0, syscall.ECONNREFUSED},
		{"cut", linkFault{kind: Cut, bytes: 500}, time.Minute, 0, 0, syscall.ECONNRESET},
		{"hang", linkFault{kind: Hang}, time.Minute, time.Minute, time.Minute + 9*time.Second, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newNetwork()
				server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					for i := range pieces {
						if i > 0 {
							select {
							case <-time.After(time.Second):
							case <-r.Context().Done():
								return
							}
						}
						_, _ = io.WriteString(w, strings.Repeat("x", piece))
						_ = http.NewResponseController(w).Flush()
					}
				})}
				go func() { _ = server.Serve(n) }()
				defer func() { require.NoError(t, server.Close()) }()
				transport := &http.Transport{DialContext: func(ctx context.Context, network, at string) (net.Conn, error) { return n.Dial(ctx, network, at) }}
				defer transport.CloseIdleConnections()
				end := n.begin(&c.fault)
				time.AfterFunc(c.lasts, end)
				began := time.Now()
				resp, err := (&http.Client{Transport: transport}).Get("http://couch.invalid/")
				if err == nil {
					defer func() { _ = resp.Body.Close() }()
					require.Equal(t, c.first, time.Since(began).Round(time.Second), "time of the first bytes")
					var body []byte
					if body, err = io.ReadAll(resp.Body); err == nil {
						require.Len(t, body, pieces*piece)
					}
				}
				require.ErrorIs(t, err, c.err)
				if c.fault.kind == Slow {
					require.Greater(t, time.Since(began), 20*time.Second)
				} else if c.err == nil {
					require.Equal(t, c.whole, time.Since(began).Round(time.Second))
				}
				n.each(&linkFault{}, func(l *link) { l.end(false) })
			})
		})
	}
}
