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

	"github.com/dmwm/wmstats/mock/couchfake"
	"github.com/dmwm/wmstats/mock/gen"
	"github.com/dmwm/wmstats/mock/live"
)

const (
	patience = 2 * time.Minute
	tick     = 5 * time.Millisecond
	kills    = 6
)

// world is a stand-in whose documents are written, rewritten and deleted until
// it is paused.
type world struct {
	t   *testing.T
	srv *couchfake.Server
	url string

	mu  sync.Mutex // held while documents are written
	sim *live.Sim
	now time.Time
}

func newWorld(t *testing.T) *world {
	t.Helper()
	made, err := gen.New(gen.Options{Seed: 5, Workflows: 300, Lean: true, Storable: true})
	require.NoError(t, err)
	w := &world{t: t, srv: couchfake.New(couchfake.Options{BuiltinViews: true}), now: time.Now()}
	for _, db := range []string{"reqmgr_workload_cache", "wmstats"} {
		require.NoError(t, w.srv.Create(db))
	}
	for doc := range made.All() {
		require.NoError(t, w.srv.Put(doc.DB, doc.JSON))
	}
	w.sim, err = live.New(live.Options{World: made, Rate: 300, Cycle: 20 * time.Second, Start: w.now})
	require.NoError(t, err)
	end, err := couchfake.Listen("127.0.0.1:0", w.srv)
	require.NoError(t, err)
	w.url = end.URL()
	t.Cleanup(func() {
		require.NoError(t, w.srv.Close())
		require.NoError(t, end.Refuse())
	})
	return w
}

// live writes until ctx ends, in time that passes faster than ours.
func (w *world) live(ctx context.Context) {
	for ctx.Err() == nil {
		w.mu.Lock()
		w.now = w.now.Add(time.Second / 2)
		for _, doc := range w.sim.Step(w.now) {
			if strings.Contains(string(doc.JSON), `"_deleted":true`) {
				w.srv.Delete(doc.DB, doc.ID)
				continue
			}
			if err := w.srv.Put(doc.DB, doc.JSON); err != nil {
				w.t.Errorf("put %s: %v", doc.ID, err)
			}
		}
		w.mu.Unlock()
		select {
		case <-ctx.Done():
		case <-time.After(tick):
		}
	}
}

// build makes the program of this folder.
func build(t *testing.T) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "cacheserver")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", bin, ".").CombinedOutput()
	require.NoError(t, err, string(out))
	return bin
}

// process is one life of the server.
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

// kill ends the process as kill -9 does.
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

// records are all of them, without what differs between any two servers that
// did not read at the same time (docs/decisions/0003): alerts follow the clock,
// and the times of agents' counts are those of the first document with them.
func (p *process) records() string {
	_, body := p.get("/fetch?limit=all&format=ndjson")
	return timed.ReplaceAllString(body, "")
}

var timed = regexp.MustCompile(`"Alerts":\[[^\]]*\]|"(?:Last|Oldest)AgentUpdate":-?\d+`)

// TestKilledAgainAndAgain kills the server at any moment, while its source
// changes and while it writes its checkpoint all the time. What goes on from the
// file has in the end the records of a server that read everything.
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
	unfinished := 0
	for i := range kills {
		// Some lives are long, others end before they are ready.
		after := time.NewTimer(time.Duration(rng.IntN(400)) * time.Millisecond)
		<-after.C
		p.kill()
		left, err := filepath.Glob(file + ".tmp-*")
		require.NoError(t, err)
		unfinished += len(left)

		p = launch(t, bin, w.url, file)
		if i%2 == 1 {
			continue
		}
		p.ready()
		require.Eventually(t, func() bool { return strings.Contains(p.log.String(), "checkpoint read") }, patience, tick, "life %d", i)
		w.mu.Lock() // the writers pause
		fresh := launch(t, bin, w.url, "")
		fresh.ready()
		want := fresh.records()
		require.NotEmpty(t, want)
		require.Eventually(t, func() bool { return p.records() == want }, patience, tick, "life %d: the records become those of a full read", i)
		require.NotContains(t, p.log.String(), "full read done", "life %d: it followed from the checkpoint", i)
		fresh.kill()
		w.mu.Unlock()
	}
	t.Logf("%d of %d kills left an unfinished file", unfinished, kills)
	left, err := filepath.Glob(file + ".tmp-*")
	require.NoError(t, err)
	require.LessOrEqual(t, len(left), 1, "the next start removes what was left")
}
