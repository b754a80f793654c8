package couch

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// dial returns a client for url with short deadlines.
func dial(t testing.TB, url string, change ...func(*Options)) *Client {
	t.Helper()
	o := Options{URL: url, CallTimeout: 5 * time.Second, ReadIdle: 5 * time.Second, Heartbeat: time.Second}
	for _, c := range change {
		c(&o)
	}
	c, err := New(o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

// says returns a client of a server that answers everything with body.
func says(t testing.TB, status int, body string) *Client {
	t.Helper()
	return answers(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = fmt.Fprint(w, body)
	})
}

// answers returns a client of a server with the given handler.
func answers(t testing.TB, h http.HandlerFunc, change ...func(*Options)) *Client {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return dial(t, srv.URL, change...)
}

// rowsOf reads db to the end and returns copies of the rows.
func rowsOf(ctx context.Context, c *Client, db Database, statuses ...string) (rows []Row, way string, err error) {
	way, err = c.Read(ctx, db, statuses, func(r Row) error {
		r.Doc = append([]byte(nil), r.Doc...)
		rows = append(rows, r)
		return nil
	})
	return rows, way, err
}

// changesOf follows db until its feed ends and returns copies of the changes.
func changesOf(ctx context.Context, c *Client, db Database, since Seq, o FeedOptions) (changes []Change, err error) {
	for ch, err := range c.Changes(ctx, db, since, o) {
		if err != nil {
			return changes, err
		}
		ch.Doc = append([]byte(nil), ch.Doc...)
		changes = append(changes, ch)
	}
	return changes, nil
}
