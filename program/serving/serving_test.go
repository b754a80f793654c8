package serving_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/program/serving"
)

// memory is a listener without a network, for tests with a fake clock.
type memory struct {
	conns  chan net.Conn
	closed chan struct{}
}

func newMemory() *memory { return &memory{make(chan net.Conn), make(chan struct{})} }

func (m *memory) Accept() (net.Conn, error) {
	select {
	case c := <-m.conns:
		return c, nil
	case <-m.closed:
		return nil, net.ErrClosed
	}
}

func (m *memory) Close() error   { close(m.closed); return nil }
func (m *memory) Addr() net.Addr { return &net.TCPAddr{} }

func (m *memory) dial(t *testing.T) net.Conn {
	t.Helper()
	here, there := net.Pipe()
	select {
	case m.conns <- there:
	case <-m.closed:
		t.Fatal("the port is closed")
	}
	return here
}

const patience = 30 * time.Second

func start(t *testing.T, l net.Listener, change func(*serving.Options), h http.HandlerFunc) *serving.Server {
	t.Helper()
	o := serving.Options{
		Handler: h, Header: 10 * time.Second, Read: 30 * time.Second, Part: patience, Idle: 2 * time.Minute, MaxHeader: 64 << 10, Linger: 2 * time.Second,
	}
	if change != nil {
		change(&o)
	}
	s, err := serving.New(o)
	require.NoError(t, err)
	go func() { assert.NoError(t, s.Serve(l)) }()
	return s
}

// bodies are different ways of writing 8 MB.
var bodies = map[string]func(w http.ResponseWriter, r *http.Request) error{
	"in one write": func(w http.ResponseWriter, _ *http.Request) error {
		_, err := w.Write(make([]byte, 8<<20))
		return err
	},
	"with a length": func(w http.ResponseWriter, _ *http.Request) error {
		w.Header().Set("Content-Length", "8388608")
		_, err := w.Write(make([]byte, 8<<20))
		return err
	},
	"as events": func(w http.ResponseWriter, _ *http.Request) error {
		event := make([]byte, 1<<10)
		for range 8 << 10 {
			if _, err := w.Write(event); err != nil {
				return err
			}
			if err := http.NewResponseController(w).Flush(); err != nil {
				return err
			}
		}
		return nil
	},
	"as a file": func(w http.ResponseWriter, r *http.Request) error {
		http.ServeContent(w, r, "x", time.Time{}, bytes.NewReader(make([]byte, 8<<20)))
		return r.Context().Err()
	},
	"by a copy": func(w http.ResponseWriter, _ *http.Request) error {
		_, err := io.Copy(w, io.LimitReader(zeroes{}, 8<<20))
		return err
	},
}

type zeroes struct{}

func (zeroes) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// For every way of writing: a client that reads nothing is cut when the time of a part
// is over, and not before.
func TestAClientThatReadsNothingIsCut(t *testing.T) {
	for name, write := range bodies {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMemory()
				ended := make(chan time.Duration, 1)
				s := start(t, m, nil, func(w http.ResponseWriter, r *http.Request) {
					began := time.Now()
					assert.Error(t, write(w, r))
					ended <- time.Since(began)
				})
				c := m.dial(t)
				fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
				assert.Equal(t, patience, <-ended)
				synctest.Wait()
				_, err := c.Write([]byte("GET / HTTP/1.1\r\n"))
				assert.ErrorIs(t, err, io.ErrClosedPipe, "the connection is closed")
				require.NoError(t, s.Shutdown(t.Context()))
			})
		})
	}
}

// A slow client gets the whole answer, however long that takes: here a part every
// 20 s, in total far beyond every timeout.
func TestASlowReaderIsServed(t *testing.T) {
	for name, write := range bodies {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMemory()
				s := start(t, m, nil, func(w http.ResponseWriter, r *http.Request) {
					assert.NoError(t, write(w, r))
					assert.NoError(t, r.Context().Err(), "it is still there")
				})
				c := m.dial(t)
				fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
				res, err := http.ReadResponse(bufio.NewReader(slow{c}), nil)
				require.NoError(t, err)
				n, err := io.Copy(io.Discard, res.Body)
				require.NoError(t, err)
				assert.EqualValues(t, 8<<20, n)
				require.NoError(t, s.Shutdown(t.Context()))
			})
		})
	}
}

// slow waits before each 64 KB.
type slow struct{ r io.Reader }

func (s slow) Read(p []byte) (int, error) {
	time.Sleep(time.Duration(len(p)) * 20 * time.Second / (64 << 10))
	return s.r.Read(p)
}

// The time limit of reading a request does not limit its answer.
func TestTheTimeOfARequestIsNotThatOfItsAnswer(t *testing.T) {
	for name, request := range map[string]string{
		"without a body": "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
		"with a body":    "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nabcde",
		"in chunks":      "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMemory()
				s := start(t, m, nil, func(w http.ResponseWriter, r *http.Request) {
					_, err := io.Copy(io.Discard, r.Body)
					assert.NoError(t, err)
					select {
					case <-time.After(time.Hour):
						fmt.Fprint(w, "at last")
					case <-r.Context().Done():
						t.Error("the request was ended")
					}
				})
				c := m.dial(t)
				fmt.Fprint(c, request)
				res, err := http.ReadResponse(bufio.NewReader(c), nil)
				require.NoError(t, err)
				text, err := io.ReadAll(res.Body)
				require.NoError(t, err)
				assert.Equal(t, "at last", string(text))
				require.NoError(t, s.Shutdown(t.Context()))
			})
		})
	}
}

// The server does not wait forever for a body.
func TestABodyThatDoesNotComeIsNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		s := start(t, m, nil, func(w http.ResponseWriter, r *http.Request) {
			began := time.Now()
			_, err := io.Copy(io.Discard, r.Body)
			assert.Error(t, err)
			assert.Equal(t, 30*time.Second, time.Since(began))
		})
		c := m.dial(t)
		fmt.Fprint(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab")
		_, err := io.Copy(io.Discard, c)
		require.NoError(t, err)
		require.NoError(t, s.Shutdown(t.Context()))
	})
}

// ask sends a request over a connection that stays open.
func ask(t *testing.T, c net.Conn, r *bufio.Reader) *http.Response {
	t.Helper()
	_, err := fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	require.NoError(t, err)
	res, err := http.ReadResponse(r, nil)
	require.NoError(t, err)
	_, err = io.Copy(io.Discard, res.Body)
	require.NoError(t, err)
	return res
}

// Twenty clients have idle connections when draining begins. Each still gets an
// answer, with Connection: close.
func TestNoAnswerIsLostWhenDrainingBegins(t *testing.T) {
	for name, delay := range map[string]time.Duration{"without a delay": 0, "with a delay": 10 * time.Second} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMemory()
				s := start(t, m, func(o *serving.Options) { o.Delay = delay }, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ok") })
				var clients []net.Conn
				var readers []*bufio.Reader
				for range 20 {
					c := m.dial(t)
					clients, readers = append(clients, c), append(readers, bufio.NewReader(c))
					assert.False(t, ask(t, c, readers[len(readers)-1]).Close)
				}
				stopped := make(chan error, 1)
				go func() { stopped <- s.Shutdown(context.Background()) }()
				for i, c := range clients {
					time.Sleep(max(delay, 2*time.Second) / 25)
					res := ask(t, c, readers[i])
					assert.Equal(t, http.StatusOK, res.StatusCode)
					assert.True(t, res.Close, "Connection: close")
					_, err := readers[i].ReadByte()
					assert.ErrorIs(t, err, io.EOF)
				}
				if delay > 0 {
					c := m.dial(t)
					assert.True(t, ask(t, c, bufio.NewReader(c)).Close, "the port is open as long as the delay says")
				}
				require.NoError(t, <-stopped)
			})
		})
	}
}

// Shutdown does not wait without connections, and not long for silent ones.
func TestStoppingTakesNoLongerThanItMust(t *testing.T) {
	answer := func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ok") }
	took := func(t *testing.T, connect func(m *memory)) time.Duration {
		m := newMemory()
		s := start(t, m, nil, answer)
		connect(m)
		synctest.Wait()
		began := time.Now()
		require.NoError(t, s.Shutdown(context.Background()))
		return time.Since(began)
	}
	synctest.Test(t, func(t *testing.T) {
		assert.Zero(t, took(t, func(*memory) {}))
	})
	synctest.Test(t, func(t *testing.T) {
		assert.Less(t, took(t, func(m *memory) { c := m.dial(t); ask(t, c, bufio.NewReader(c)) }), 3*time.Second, "an idle connection")
	})
	synctest.Test(t, func(t *testing.T) {
		assert.Less(t, took(t, func(m *memory) { m.dial(t) }), 3*time.Second, "a connection without any request")
	})
}

// A stream that ends with Draining is complete. One that does not end is cut when the
// time is over, and Shutdown returns an error.
func TestStreamsEndWithDraining(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		var s *serving.Server
		s = start(t, m, nil, func(w http.ResponseWriter, r *http.Request) {
			_ = http.NewResponseController(w).Flush()
			select {
			case <-s.Draining():
				fmt.Fprint(w, "the last")
			case <-r.Context().Done():
			}
		})
		c := m.dial(t)
		fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		res, err := http.ReadResponse(bufio.NewReader(c), nil)
		require.NoError(t, err)
		began := time.Now()
		stopped := make(chan error, 1)
		go func() { stopped <- s.Shutdown(context.Background()) }()
		text, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		assert.Equal(t, "the last", string(text))
		assert.Zero(t, time.Since(began))
		require.NoError(t, <-stopped)
		assert.Less(t, time.Since(began), 3*time.Second)
	})
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		s := start(t, m, nil, func(w http.ResponseWriter, r *http.Request) {
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		})
		c := m.dial(t)
		fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		res, err := http.ReadResponse(bufio.NewReader(c), nil)
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		stopped := make(chan error, 1)
		go func() { stopped <- s.Shutdown(ctx) }()
		_, err = io.ReadAll(res.Body)
		assert.ErrorIs(t, err, io.ErrUnexpectedEOF, "a cut is visible")
		assert.ErrorContains(t, <-stopped, "were cut")
	})
}

func TestOptionsAreNeeded(t *testing.T) {
	_, err := serving.New(serving.Options{Header: 1, Read: 1, Idle: 1})
	assert.ErrorContains(t, err, "Options.Part")
}

// The same over TCP, where the system has its own buffers.
func TestOverTCP(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	cut := make(chan error, 1)
	s := start(t, listener, func(o *serving.Options) { o.Part, o.Linger = 50*time.Millisecond, time.Millisecond }, func(w http.ResponseWriter, _ *http.Request) {
		_, err := io.Copy(w, zeroes{})
		cut <- err
	})
	c, err := net.Dial("tcp", listener.Addr().String())
	require.NoError(t, err)
	defer c.Close()
	fmt.Fprint(c, "GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
	require.Error(t, <-cut)
	_, err = io.Copy(io.Discard, c)
	var reset *net.OpError
	assert.True(t, errors.As(err, &reset), "a cut does not look like an end: %v", err)
	require.NoError(t, s.Shutdown(t.Context()))

	// On a busy machine a reading client may also pause for 50 ms.
	listener, err = net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s = start(t, listener, func(o *serving.Options) { o.Linger = time.Millisecond }, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.Copy(w, io.LimitReader(zeroes{}, 8<<20))
	})
	res, err := http.Get("http://" + listener.Addr().String() + "/")
	require.NoError(t, err)
	n, err := io.Copy(io.Discard, res.Body)
	require.NoError(t, err)
	assert.EqualValues(t, 8<<20, n)
	require.NoError(t, res.Body.Close())
	http.DefaultClient.CloseIdleConnections()
	require.NoError(t, s.Shutdown(t.Context()))
}
