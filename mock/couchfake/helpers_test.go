package couchfake_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/tidwall/gjson"

	"github.com/dmwm/wmstats/mock/couchfake"
)

// patience bounds every wait for what must come: it only decides how late a
// failure is told.
const patience = time.Minute

// server is a stand-in on its own port, with the requests that tests need.
type server struct {
	*couchfake.Server
	*couchfake.Endpoint
	t *testing.T
}

// start serves a stand-in until the test ends, and then checks that neither
// feeds nor frozen answers keep a goroutine.
func start(t *testing.T, opts couchfake.Options) *server {
	t.Helper()
	before := runtime.NumGoroutine()
	fake := couchfake.New(opts)
	end, err := couchfake.Listen("127.0.0.1:0", fake)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, fake.Close())
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		require.NoError(t, end.Close(ctx))
		http.DefaultClient.CloseIdleConnections()
		// Eventually runs its condition in a goroutine of its own.
		require.Eventually(t, func() bool { return runtime.NumGoroutine()-1 <= before }, patience,
			5*time.Millisecond, "goroutines left behind")
	})
	return &server{Server: fake, Endpoint: end, t: t}
}

// open sends a request and returns the answer, its body unread.
func (s *server) open(ctx context.Context, method, path, body string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, s.URL()+path, strings.NewReader(body))
	require.NoError(s.t, err)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	return http.DefaultClient.Do(req)
}

// do sends a request and reads the whole answer.
func (s *server) do(method, path, body string) (int, string) {
	s.t.Helper()
	resp, err := s.open(s.t.Context(), method, path, body)
	require.NoError(s.t, err)
	defer resp.Body.Close()
	all, err := io.ReadAll(resp.Body)
	require.NoError(s.t, err)
	return resp.StatusCode, string(all)
}

// get reads a JSON answer that must be a success.
func (s *server) get(path string) gjson.Result {
	s.t.Helper()
	status, body := s.do(http.MethodGet, path, "")
	require.Less(s.t, status, 300, body)
	require.True(s.t, gjson.Valid(body), body)
	return gjson.Parse(body)
}

// post sends a JSON body; the answer must be a success.
func (s *server) post(path, body string) gjson.Result {
	s.t.Helper()
	status, answer := s.do(http.MethodPost, path, body)
	require.Less(s.t, status, 300, answer)
	require.True(s.t, gjson.Valid(answer), answer)
	return gjson.Parse(answer)
}

// put stores documents in process.
func (s *server) put(db string, docs ...string) {
	s.t.Helper()
	raw := make([][]byte, len(docs))
	for i, d := range docs {
		raw[i] = []byte(d)
	}
	require.NoError(s.t, s.Put(db, raw...))
}

// numbered returns n documents d000, d001 … with a field n.
func numbered(n int) []string {
	docs := make([]string, n)
	for i := range docs {
		docs[i] = fmt.Sprintf(`{"_id":"d%03d","n":%d,"type":"t%d"}`, i, i, i%2)
	}
	return docs
}

// texts returns the strings of a list.
func texts(list gjson.Result) []string {
	out := []string{}
	for _, v := range list.Array() {
		out = append(out, v.String())
	}
	return out
}

// raws returns the JSON texts of a list.
func raws(list gjson.Result) []string {
	out := []string{}
	for _, v := range list.Array() {
		out = append(out, v.Raw)
	}
	return out
}

// requestDoc returns a request document of about size bytes.
func requestDoc(i, size int) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `{"_id":"user_task_%06d","RequestName":"user_task_%06d","RequestStatus":"running-open",`+
		`"RequestTransition":[{"Status":"new","UpdateTime":%d}],"SiteWhitelist":[`, i, i, 1700000000+i)
	for n := 0; b.Len() < size; n++ {
		if n > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"Site":"T%d_XX_Site%d","Value":%d,"Key":"%x"}`, n%4, n*7%97, i*31+n*17, (i+1)*(n+3)*2654435761)
	}
	b.WriteString(`]}`)
	return b.Bytes()
}

// readAll reads a JSON answer.
func readAll(t *testing.T, body io.Reader) gjson.Result {
	t.Helper()
	all, err := io.ReadAll(body)
	require.NoError(t, err)
	return gjson.ParseBytes(all)
}

// seqNumber returns the number before the opaque part of a seq.
func seqNumber(seq string) string {
	number, _, _ := strings.Cut(seq, "-")
	return number
}
