package main_test

import (
	"bufio"
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	patience = time.Minute
	tick     = 5 * time.Millisecond
	kills    = 6

	records = "/fetch?limit=all&format=ndjson"
)

// build builds the program of this folder.
func build(t *testing.T) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "cacheserver")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", bin, ".").CombinedOutput()
	require.NoError(t, err, string(out))
	return bin
}

// process is one run of the server.
type process struct {
	t    *testing.T
	cmd  *exec.Cmd
	url  string
	log  *lines
	done chan struct{}
}

// lines is a log that may be read while it is written.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) add(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.WriteString(line + "\n")
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

var served = regexp.MustCompile(`msg=serving addr=(\S+)`)

func launch(t *testing.T, bin, couch, file string) *process {
	t.Helper()
	args := []string{"--listen", "127.0.0.1:0", "--couch-url", couch, "--log-level", "debug", "--checkpoint-every", "20ms"}
	if file != "" {
		args = append(args, "--checkpoint", file)
	}
	p := &process{t: t, cmd: exec.CommandContext(context.WithoutCancel(t.Context()), bin, args...), log: &lines{}, done: make(chan struct{})}
	errors, err := p.cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, p.cmd.Start())
	address := make(chan string, 1)
	go func() {
		defer close(p.done)
		for scan := bufio.NewScanner(errors); scan.Scan(); {
			p.log.add(scan.Text())
			if m := served.FindStringSubmatch(scan.Text()); m != nil {
				address <- m[1]
			}
		}
	}()
	t.Cleanup(p.kill)
	select {
	case addr := <-address:
		p.url = "http://" + addr
	case <-p.done:
		require.Fail(t, "it ended", p.log.String())
	}
	return p
}

// kill ends the process like kill -9.
func (p *process) kill() {
	if p.cmd.ProcessState != nil {
		return
	}
	_ = p.cmd.Process.Kill()
	<-p.done
	_ = p.cmd.Wait()
}

func (p *process) get(path string) (status int, body string) {
	req, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, p.url+path, http.NoBody)
	require.NoError(p.t, err)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, ""
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, ""
	}
	return resp.StatusCode, string(raw)
}

func (p *process) ready() {
	p.t.Helper()
	require.Eventually(p.t, func() bool { status, _ := p.get("/readyz"); return status == http.StatusOK }, patience, tick, p.log)
}

// lists returns the records and all sums of them that do not depend on the
// clock.
func (p *process) lists() map[string]string {
	out := map[string]string{}
	for _, path := range []string{records, "/sites", "/campaign", "/release", "/status"} {
		_, out[path] = p.get(path)
	}
	return out
}

// TestKilledAgainAndAgain kills the server at random moments, while its source
// changes and while it writes its checkpoint all the time. After each restart
// a server that resumed from the file has the same records as a server that
// did a full read, with all their fields, and the same sums.
func TestKilledAgainAndAgain(t *testing.T) {
	if testing.Short() {
		t.Skip("processes")
	}
	bin, w := build(t), newWorld(t)
	file := filepath.Join(t.TempDir(), "checkpoint")
	rng := rand.New(rand.NewPCG(1, 7))
	ctx, stop := context.WithCancel(t.Context())
	var writer sync.WaitGroup
	writer.Go(func() { w.live(ctx) })
	defer writer.Wait()
	defer stop()

	p := launch(t, bin, w.url, file)
	p.ready()
	require.Eventually(t, func() bool { _, err := os.Stat(file); return err == nil }, patience, tick, p.log)
	unfinished, several := 0, 0
	die := func(within int) {
		after := time.NewTimer(time.Duration(rng.IntN(within)) * time.Millisecond)
		<-after.C
		p.kill()
		left, err := filepath.Glob(file + ".tmp-*")
		require.NoError(t, err)
		unfinished += len(left)
		p = launch(t, bin, w.url, file)
	}
	for i := range kills {
		die(400)
		if i%2 == 1 {
			die(50) // most such runs end before they are ready
		}
		if i == kills/2 {
			w.awake()
		}
		p.ready()
		require.Eventually(t, func() bool { return strings.Contains(p.log.String(), "checkpoint read") }, patience, tick, "life %d", i)
		several += w.compare(p, bin)
		require.NotContains(t, p.log.String(), "full read finished", "run %d: it resumed from the checkpoint", i)
	}
	require.Positive(t, several, "no counts were written more than once")
	t.Logf("%d of %d kills left an unfinished file", unfinished, kills+kills/2)
	left, err := filepath.Glob(file + ".tmp-*")
	require.NoError(t, err)
	require.LessOrEqual(t, len(left), 1, "the next start removes leftover files")
}
