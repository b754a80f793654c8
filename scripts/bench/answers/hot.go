package answers

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/dmwm/wmstats/scripts/bench/figures"
)

// load is what wrk found in one round, and the server's processor time.
type load struct {
	perSecond, p99ms, cpuUS float64
	busy                    float64 // of one core, by the server
}

// wrk sends requests over the given number of connections for one round.
func (r *run) wrk(ctx context.Context, c *child, path string, connections int) (load, error) {
	before, err := c.cpu()
	if err != nil {
		return load{}, err
	}
	cmd := exec.CommandContext(ctx, "taskset", "-c", loadCore, "wrk", "-t1", "-c", strconv.Itoa(connections), "-d", strconv.Itoa(max(1, int(r.Length/time.Second)))+"s",
		"--latency", "--timeout", "20s", "-H", "Accept-Encoding: gzip", c.url+path)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return load{}, fmt.Errorf("wrk: %w: %s", err, out)
	}
	after, err := c.cpu()
	if err != nil {
		return load{}, err
	}
	return readWrk(string(out), after-before)
}

// readWrk reads what wrk prints.
func readWrk(out string, cpu time.Duration) (l load, err error) {
	requests := 0.0
	for text := range strings.Lines(out) {
		words := strings.Fields(text)
		switch {
		case len(words) == 2 && words[0] == "Requests/sec:":
			l.perSecond, err = strconv.ParseFloat(words[1], 64)
		case len(words) == 2 && words[0] == "99%":
			var d time.Duration
			d, err = time.ParseDuration(words[1])
			l.p99ms = float64(d) / float64(time.Millisecond)
		case len(words) > 2 && words[1] == "requests" && words[2] == "in":
			requests, err = strconv.ParseFloat(words[0], 64)
		case strings.HasPrefix(strings.TrimSpace(text), "Non-2xx"), strings.HasPrefix(strings.TrimSpace(text), "Socket errors"):
			return l, fmt.Errorf("wrk: %s", strings.TrimSpace(text))
		}
		if err != nil {
			return l, fmt.Errorf("read wrk's %q: %w", text, err)
		}
	}
	if requests == 0 {
		return l, fmt.Errorf("wrk had no answer: %s", out)
	}
	l.cpuUS = float64(cpu) / float64(time.Microsecond) / requests
	l.busy = l.cpuUS * l.perSecond / 1e6
	return l, nil
}

// loads are the rounds of one measurement.
type loads []load

func (l loads) median(of func(load) float64) float64 {
	values := make([]float64, len(l))
	for i := range l {
		values[i] = of(l[i])
	}
	return figures.Median(values)
}

func perSecond(l load) float64 { return l.perSecond }
func cpuOf(l load) float64     { return l.cpuUS }
func p99Of(l load) float64     { return l.p99ms }
func busyOf(l load) float64    { return l.busy }

// hotPages are the pages that nginx serves too.
var hotPages = []struct {
	name, path  string
	connections int
	bar         float64
}{
	{"limit=100", "/fetch?limit=100", 64, 0.8},
	{"limit=1000", "/fetch?limit=1000", 64, 1},
	{"limit=all", "/fetch?limit=all&format=ndjson", 8, 1},
}

// hot compares pages with nginx, which serves files of the very same bytes.
func (r *run) hot(ctx context.Context) error {
	if gone := missing("nginx", "wrk", "taskset"); gone != nil {
		fmt.Fprintf(r.Out, "skipped: %s not installed (apt-get install nginx-light wrk util-linux)\n", strings.Join(gone, ", "))
		return nil
	}
	ours, err := r.startServer(ctx, r.Sizes[0])
	if err != nil {
		return err
	}
	defer r.stop(ours)
	root, err := os.MkdirTemp("", "wmstats-pages-")
	if err != nil {
		return fmt.Errorf("make a folder of pages: %w", err)
	}
	defer func() { _ = os.RemoveAll(root) }()     // leftover temporary files do no harm
	if err := os.Chmod(root, 0o755); err != nil { //nolint:gosec // nginx's worker is another user
		return fmt.Errorf("make a folder of pages: %w", err)
	}
	with, err := r.startNginx(ctx, root, true)
	if err != nil {
		return err
	}
	defer r.stop(with)
	without, err := r.startNginx(ctx, root, false)
	if err != nil {
		return err
	}
	defer r.stop(without)
	for _, page := range hotPages {
		if err := writePage(ctx, ours, page.path, filepath.Join(root, page.name+".json.gz")); err != nil {
			return err
		}
		if err := r.hotPage(ctx, page.name, page.path, page.connections, page.bar, ours, with, without); err != nil {
			return err
		}
	}
	return nil
}

// writePage writes an answer to a file. It rebuilds all segments first, because
// the changes during the page before have replaced some.
func writePage(ctx context.Context, ours *child, path, file string) error {
	for _, format := range []string{"json", "ndjson"} {
		if err := ours.tell("warm " + format); err != nil {
			return err
		}
	}
	body, _, err := fetch(ctx, ours.url+path)
	if err != nil {
		return err
	}
	if err := os.WriteFile(file, body, 0o644); err != nil { //nolint:gosec // nginx's worker is another user
		return fmt.Errorf("write a page: %w", err)
	}
	return nil
}

const changesPerSecond = 50

// hotPage measures one page in turn: nginx both ways, ours, ours with changes.
func (r *run) hotPage(ctx context.Context, name, path string, connections int, bar float64, ours, with, without *child) error {
	file := "/" + name + ".json"
	mine, _, err := fetch(ctx, ours.url+path)
	if err != nil {
		return err
	}
	theirs, _, err := fetch(ctx, with.url+file)
	if err != nil {
		return err
	}
	if !bytes.Equal(mine, theirs) {
		return fmt.Errorf("%s: nginx does not serve the same bytes", path)
	}
	var on, off, quiet, changing loads
	for range r.Rounds {
		for _, turn := range []struct {
			to      *loads
			c       *child
			path    string
			changes int
		}{{&on, with, file, 0}, {&quiet, ours, path, 0}, {&off, without, file, 0}, {&changing, ours, path, changesPerSecond}} {
			if turn.changes > 0 {
				if err := ours.tell("changes " + strconv.Itoa(turn.changes)); err != nil {
					return err
				}
			}
			l, err := r.wrk(ctx, turn.c, turn.path, connections)
			if err != nil {
				return err
			}
			if turn.changes > 0 {
				if err := ours.tell("changes 0"); err != nil {
					return err
				}
			}
			*turn.to = append(*turn.to, l)
		}
	}
	r.line(name+": bytes", float64(len(mine)), "B", "")
	for _, who := range []struct {
		name string
		l    loads
	}{{"nginx, sendfile on", on}, {"nginx, sendfile off", off}, {"cache server", quiet}, {"cache server, 50 changes/s", changing}} {
		r.line(name+": "+who.name, who.l.median(perSecond), "1/s", "")
		r.line(name+": "+who.name+", processor", who.l.median(cpuOf), "us/request", "")
		r.line(name+": "+who.name+", p99", who.l.median(p99Of), "ms", "")
	}
	best, least := max(on.median(perSecond), off.median(perSecond)), min(on.median(cpuOf), off.median(cpuOf))
	r.line(name+": requests/s to the better nginx", quiet.median(perSecond)/best, "x", fmt.Sprintf("at least %v", bar))
	r.line(name+": processor of the better nginx to ours", least/quiet.median(cpuOf), "x", "")
	// Changes cost the same however fast the machine serves. On a machine that
	// others use they therefore cost a larger share of the requests per second.
	r.line(name+": processor that 50 changes/s take", changing.median(busyOf)-quiet.median(cpuOf)*changing.median(perSecond)/1e6, "of a core", "at most 0.05")
	r.line(name+": with 50 changes/s to without", changing.median(perSecond)/quiet.median(perSecond), "x", "at least 0.95")
	return nil
}
