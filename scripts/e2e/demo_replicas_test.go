package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/scripts/demo"
	"github.com/dmwm/wmstats/scripts/freeport"
)

// said is the output of make run-ha.
type said struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

var processLine = regexp.MustCompile(`(?m)^(?:  )?(\w+)(?: +[0-9.:]+  | is started again: )kill -9 (\d+)$`)

// pid returns the process number of a program as it was printed last, which must
// differ from an earlier one.
func (s *said) pid(t *testing.T, name string, before int) (pid int) {
	t.Helper()
	eventually(t, func() bool {
		for _, m := range processLine.FindAllStringSubmatch(s.String(), -1) {
			if m[1] == name {
				pid, _ = strconv.Atoi(m[2])
			}
		}
		return pid != 0 && pid != before
	}, "the number of %s is printed", name)
	return pid
}

// scanner reads the whole list by Link, again and again.
type scanner struct {
	t     *testing.T
	api   string
	mu    sync.Mutex
	whole int // scans that have ended
}

func (s *scanner) run(ctx context.Context) {
	for ctx.Err() == nil {
		seen, total := map[string]bool{}, ""
		for address := s.api + "/fetch?fields=Status&limit=20"; address != ""; {
			a, err := try(ctx, address)
			if ctx.Err() != nil {
				return
			}
			var page []struct{ Workflow string }
			if !assert.NoError(s.t, err) || !assert.Equal(s.t, http.StatusOK, a.status, "%s: %s", address, a.body) || !assert.NoError(s.t, json.Unmarshal(a.body, &page)) {
				return
			}
			for _, w := range page {
				assert.False(s.t, seen[w.Workflow], "%s came twice", w.Workflow)
				seen[w.Workflow] = true
			}
			total = a.header.Get("X-Total-Count")
			address = nextOf(s.t, s.api, a.header.Get("Link"))
		}
		assert.Equal(s.t, total, strconv.Itoa(len(seen)), "workflows of a scan")
		s.mu.Lock()
		s.whole++
		s.mu.Unlock()
	}
}

func (s *scanner) scans() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.whole
}

var nextLink = regexp.MustCompile(`<([^>]*)>; rel="next"`)

func nextOf(t *testing.T, base, link string) string {
	m := nextLink.FindStringSubmatch(link)
	if m == nil {
		return ""
	}
	at, err := url.Parse(base)
	if !assert.NoError(t, err) {
		return ""
	}
	to, err := at.Parse(m[1])
	if !assert.NoError(t, err) {
		return ""
	}
	return to.String()
}

// TestBrowserReplicas starts the same as make run-ha, opens pages while a scan runs, and
// kills each cache server in turn: the reader and the scan see nothing of it. While the
// engine of the log is away pages have a banner, and nothing else fails. It runs with
// HAProxy, where it is installed, and with the balancer of the demo.
func TestBrowserReplicas(t *testing.T) {
	for _, c := range []struct{ name, folder string }{{"HAProxy", "../.."}, {"small balancer", "."}} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := exec.LookPath("haproxy"); c.folder == "." && os.Getenv("WMSTATS_LONG_SEEDS") == "" {
				if err != nil {
					t.Skip("without HAProxy the other one is the same")
				}
				t.Skip("it takes a minute: make test-long runs it")
			}
			browser := newBrowser(t)
			o := demo.Defaults()
			o.Bin, o.Workflows, o.Live, o.Replicas, o.AgainAfter = buildCluster(t).Bin, 300, 10, true, 8*time.Second
			for _, addr := range []*string{&o.UIAddr, &o.CacheAddr, &o.CouchAddr} {
				var err error
				*addr, err = freeport.Addr(t.Context())
				require.NoError(t, err)
			}
			out := &said{}
			o.Out = out
			t.Chdir(c.folder) // where deploy is, or is not
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- demo.Run(ctx, o) }()
			var scanning sync.WaitGroup
			t.Cleanup(func() {
				stop()
				scanning.Wait()
				assert.NoError(t, <-ended)
				if t.Failed() {
					t.Log(out)
				}
			})
			eventually(t, func() bool { return strings.Contains(out.String(), "ready after ") }, "all is started")

			s := &scanner{t: t, api: "http://" + o.CacheAddr}
			scanning.Go(func() { s.run(ctx) })
			b := newTab(t, browser, "http://"+o.UIAddr, desktop())
			const stale = `.banner.stale`
			look := func() {
				t.Helper()
				for _, address := range []string{"/", "/workflows?sort=-Priority", "/workflows"} {
					require.EqualValues(t, http.StatusOK, b.open(address))
					assert.Empty(t, b.texts(stale), address)
				}
				ask[bool](b, `document.dispatchEvent(new Event("visibilitychange"))`) // asks for news
				b.click(`nav.pager a[rel="next"]`)
				assert.Empty(t, b.texts(stale))
				scanned(t, s)
			}
			look()
			for _, name := range []string{"cache1", "cache2", "cache3"} {
				pid := out.pid(t, name, 0)
				require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
				look()
				out.pid(t, name, pid)
				look()
				eventually(t, func() bool { return isReady(t, out, name) }, "%s is ready, and the next one may go", name)
			}
			engine := out.pid(t, "engine1", 0)
			require.NoError(t, syscall.Kill(engine, syscall.SIGKILL))
			banners := func() int {
				require.EqualValues(t, http.StatusOK, b.open("/workflows"))
				texts := b.texts(stale)
				for _, text := range texts {
					assert.True(t, strings.HasPrefix(text, "The log does not answer: showing data from "), text)
				}
				return len(texts)
			}
			eventually(t, func() bool { return banners() == 1 }, "the banner is shown")
			scanned(t, s)
			out.pid(t, "engine1", engine)
			eventually(t, func() bool { return banners() == 0 }, "the banner goes, and no other one comes")
			look()
		})
	}
}

// scanned waits for two ends of scans: one of them began after the call.
func scanned(t *testing.T, s *scanner) {
	t.Helper()
	done := s.scans()
	eventually(t, func() bool { return s.scans() >= done+2 || t.Failed() }, "scans continue")
}

var addressOf = regexp.MustCompile(`(?m)^  (cache\d) +([0-9.:]+)  kill -9`)

// isReady asks a cache server itself.
func isReady(t *testing.T, out *said, name string) bool {
	t.Helper()
	for _, m := range addressOf.FindAllStringSubmatch(out.String(), -1) {
		if m[1] == name {
			a, err := try(t.Context(), "http://"+m[2]+"/readyz")
			return err == nil && a.status == http.StatusOK
		}
	}
	return false
}
