package command

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/mock/couchfake"
	"github.com/dmwm/wmstats/mock/design"
	"github.com/dmwm/wmstats/schema"
)

// result is what one call of the program left behind.
type result struct {
	code           int
	stdout, stderr string
}

func call(t *testing.T, vars map[string]string, stdin string, args ...string) result {
	t.Helper()
	var out, errOut bytes.Buffer
	code := run(t.Context(), args, env{
		getenv: func(k string) string { return vars[k] }, now: time.Now,
		stdin: strings.NewReader(stdin), stdout: &out, stderr: &errOut,
	})
	return result{code, out.String(), errOut.String()}
}

func TestHelp(t *testing.T) {
	for _, args := range [][]string{{"help"}, {"--help"}} {
		r := call(t, nil, "", args...)
		assert.Zero(t, r.code)
		for _, c := range commands() {
			assert.Contains(t, r.stdout, c.name)
		}
	}
	for _, args := range [][]string{{"help", "couch"}, {"couch", "--help"}} {
		r := call(t, nil, "", args...)
		assert.Zero(t, r.code)
		assert.Contains(t, r.stdout, "--live")
	}
	assert.Equal(t, exitUsage, call(t, nil, "").code)
	r := call(t, nil, "", "rwa")
	assert.Equal(t, exitUsage, r.code)
	assert.Contains(t, r.stderr, `unknown command "rwa"`)
}

func TestAllErrorsAtOnce(t *testing.T) {
	r := call(t, map[string]string{"WMSTATS_SEED": "abc"}, "", "load", "--workfows", "3", "--workflows=-1", "--lean=7", "extra", "--now", "then",
		"--couch-user", "admin", "--wait", "0s")
	assert.Equal(t, exitUsage, r.code)
	for _, part := range []string{"-workfows", `--workflows "-1"`, `--lean "7": want true or false`, `unexpected argument "extra"`, `--now "then"`,
		"--couch-user needs", `--wait "0s"`, "--couch-url is missing", "WMSTATS_SEED"} {
		assert.Contains(t, r.stderr, part)
	}
	r = call(t, nil, "", "load", "--couch-url", "user:secret@nonsense", "--workflows", "-1")
	assert.Equal(t, exitUsage, r.code)
	assert.Contains(t, r.stderr, "--couch-url: ")
	assert.Contains(t, r.stderr, "--workflows")
	assert.NotContains(t, r.stderr, "secret")
	r = call(t, nil, "", "couch", "--listen", "nowhere", "--live", "-3")
	assert.Equal(t, exitUsage, r.code)
	assert.Contains(t, r.stderr, "--listen")
	assert.Contains(t, r.stderr, "--live")
}

func TestRawWritesLinesOfDocuments(t *testing.T) {
	r := call(t, nil, "", "raw", "--workflows", "30", "--seed", "4", "--lean", "--no-edge-cases")
	require.Zero(t, r.code, r.stderr)
	assert.Empty(t, r.stderr)
	dbs := map[string]int{}
	for line := range strings.Lines(r.stdout) {
		var raw struct {
			DB  string
			Doc map[string]any
		}
		require.NoError(t, json.Unmarshal([]byte(line), &raw))
		require.NotEmpty(t, raw.Doc["_id"])
		dbs[raw.DB]++
	}
	assert.Equal(t, 32, dbs[design.RequestDB], "30 active and 2 archived")
	assert.Greater(t, dbs[design.WMStatsDB], 30)
	assert.Equal(t, r.stdout, call(t, map[string]string{"WMSTATS_SEED": "4", "WMSTATS_WORKFLOWS": "30"}, "", "raw", "--lean", "--no-edge-cases").stdout)
	with := call(t, nil, "", "raw", "--workflows", "0", "--scenarios").stdout
	for _, campaign := range []string{"DemoDrain", "DemoPairGood", "DemoEnding"} {
		assert.Contains(t, with, `"Campaign":"`+campaign+`"`)
		assert.NotContains(t, r.stdout, campaign)
	}
}

func TestFlatWritesRecords(t *testing.T) {
	r := call(t, nil, "", "flat", "--workflows", "25", "--seed", "2")
	require.Zero(t, r.code, r.stderr)
	n := 0
	for line := range strings.Lines(r.stdout) {
		var rec schema.Workflow
		dec := json.NewDecoder(strings.NewReader(line))
		dec.DisallowUnknownFields()
		require.NoError(t, dec.Decode(&rec))
		n++
	}
	assert.Equal(t, 25, n)
}

// closedPipe accepts a few bytes and is then closed, like the input of head.
type closedPipe struct{ left int }

func (p *closedPipe) Write(b []byte) (int, error) {
	if p.left -= len(b); p.left < 0 {
		return 0, &os.PathError{Op: "write", Path: "stdout", Err: syscall.EPIPE}
	}
	return len(b), nil
}

func TestAClosedPipeEndsQuietly(t *testing.T) {
	for _, name := range []string{"raw", "flat"} {
		var errOut bytes.Buffer
		code := run(t.Context(), []string{name, "--workflows", "400"}, env{
			getenv: func(string) string { return "" }, now: time.Now, stdout: &closedPipe{300 << 10}, stderr: &errOut,
		})
		assert.Zero(t, code, name)
		assert.Empty(t, errOut.String(), name)
	}
	assert.Equal(t, exitFailed, report(io.Discard, "raw", errors.New("disk full")))
}

// A stand-in that other machines can reach must ask for a user, since anybody
// could write to it; and no program prints the password in an address.
func TestWhoMayReachTheStandIn(t *testing.T) {
	for _, listen := range []string{"0.0.0.0:0", ":0", "[::]:0", "192.0.2.1:0", "example.org:0"} {
		r := call(t, nil, "", "couch", "--listen", listen)
		assert.Equal(t, exitUsage, r.code, listen)
		assert.Contains(t, r.stderr, "--insecure", listen)
	}
	for _, bad := range []string{"http://u:PW@h/%zz", "u:PW@h", "http://u:PW@[::1", "http://u:PW@h:port"} {
		for _, args := range [][]string{{"load", "--couch-url", bad}, {"load", bad}, {"couch", bad}, {"load", "--url", bad}} {
			for _, env := range []map[string]string{nil, {"WMSTATS_COUCH_URL": bad}} {
				r := call(t, env, "", args...)
				assert.NotZero(t, r.code)
				assert.NotContains(t, r.stderr+r.stdout, "PW", args)
			}
		}
	}
}

func TestLoadFromAFile(t *testing.T) {
	couch := couchfake.New(couchfake.Options{User: "admin", Password: "secret"})
	srv := httptest.NewServer(couch)
	t.Cleanup(func() { _ = couch.Close(); srv.Close() })
	secret := filepath.Join(t.TempDir(), "password")
	require.NoError(t, os.WriteFile(secret, []byte("secret\n"), 0o600))
	vars := map[string]string{"WMSTATS_COUCH_URL": srv.URL, "WMSTATS_COUCH_USER": "admin", "WMSTATS_COUCH_PASSWORD_FILE": secret}

	r := call(t, vars, "{\"db\":\"wmstats\",\"doc\":{\"_id\":\"a\"}}\nnot json\n", "load", "--from", "-")
	assert.Equal(t, exitFailed, r.code)
	assert.Contains(t, r.stderr, "line 2")
	assert.Contains(t, r.stderr, "1 documents created")
	_, ok := couch.Doc(design.WMStatsDB, "a")
	assert.True(t, ok, "a bad line does not lose the good ones")

	raw := call(t, nil, "", "raw", "--workflows", "20", "--lean")
	file := filepath.Join(t.TempDir(), "docs.ndjson")
	require.NoError(t, os.WriteFile(file, []byte(raw.stdout), 0o600))
	for range 2 { // loading again is not an error
		r = call(t, vars, "", "load", "--from", file)
		require.Zero(t, r.code, r.stderr)
	}
	r = call(t, vars, "", "load", "--from", file+".missing")
	assert.Equal(t, exitFailed, r.code)
	r = call(t, vars, "", "load", "--workflows", "10", "--lean")
	assert.Zero(t, r.code, r.stderr)
}

// lines is a writer whose lines a test can wait for.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
	more chan struct{}
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Write(b)
	select {
	case l.more <- struct{}{}:
	default:
	}
	return len(b), nil
}

func (l *lines) find(t *testing.T, pattern string) []string {
	t.Helper()
	re := regexp.MustCompile(pattern)
	for {
		l.mu.Lock()
		m := re.FindStringSubmatch(l.text.String())
		l.mu.Unlock()
		if m != nil {
			return m
		}
		select {
		case <-l.more:
		case <-time.After(time.Minute):
			require.Fail(t, "never said", pattern)
		}
	}
}

func startCouch(t *testing.T, args ...string) (url string, stop func() int) {
	t.Helper()
	out := &lines{more: make(chan struct{}, 1)}
	ctx, cancel := context.WithCancel(t.Context())
	code := make(chan int, 1)
	go func() {
		code <- run(ctx, append([]string{"couch", "--listen", "127.0.0.1:0"}, args...), env{
			getenv: func(string) string { return "" }, now: time.Now, stdout: io.Discard, stderr: out,
		})
	}()
	url = out.find(t, `ready: (http://\S+) serves`)[1]
	return url, func() int { cancel(); return <-code }
}

func get(t *testing.T, url string, into any) int {
	t.Helper()
	resp, err := http.Get(url)
	require.NoError(t, err)
	defer resp.Body.Close()
	require.NoError(t, json.NewDecoder(resp.Body).Decode(into))
	return resp.StatusCode
}

func TestCouchServesAndStops(t *testing.T) {
	url, stop := startCouch(t, "--workflows", "0", "--seed", "5")
	var welcome struct{ Vendor map[string]any }
	assert.Equal(t, http.StatusOK, get(t, url+"/", &welcome))
	assert.Equal(t, map[string]any{"name": "mock", "seed": 5.0, "workflows": 0.0}, welcome.Vendor, "the welcome names the mock")
	for _, db := range design.Databases() {
		var info struct {
			DocCount int `json:"doc_count"`
		}
		assert.Equal(t, http.StatusOK, get(t, url+"/"+db, &info), db)
		assert.Positive(t, info.DocCount, "design documents, and agents")
	}
	var rows struct{ Rows []any }
	for _, v := range design.Views() {
		assert.Equal(t, http.StatusOK, get(t, url+"/"+v.DB+"/"+v.Path()+"?reduce=false", &rows), v.Name)
	}
	assert.Zero(t, stop())
}

func TestCouchLives(t *testing.T) {
	url, stop := startCouch(t, "--workflows", "50", "--lean", "--live", "200")
	resp, err := http.Get(url + "/" + design.RequestDB + "/_changes?feed=continuous&since=now&heartbeat=1000")
	require.NoError(t, err)
	defer resp.Body.Close()
	in := bufio.NewScanner(resp.Body)
	for in.Scan() {
		if strings.Contains(in.Text(), `"changes"`) {
			break
		}
	}
	require.NoError(t, in.Err())
	assert.Zero(t, stop(), "an open feed does not keep it running")
}

func TestPortInUseIsReported(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer ln.Close()
	r := call(t, nil, "", "couch", "--listen", ln.Addr().String(), "--workflows", "1")
	assert.Equal(t, exitFailed, r.code)
	assert.Contains(t, r.stderr, "address already in use")
}
