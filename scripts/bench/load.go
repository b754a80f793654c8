package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/dmwm/wmstats/schema"
)

// bulk is how fast the same bytes can be read and thrown away.
type bulk struct {
	bytes, docs int64
	took        time.Duration
}

func (b bulk) rate() float64 { return float64(b.bytes) / 1e6 / b.took.Seconds() }

// discardRead reads what the first read of the cache server reads, and throws
// it away: the best that any reader could do here.
func (r *run) discardRead(ctx context.Context, couch server) (bulk, error) {
	var active []string
	for _, s := range schema.Statuses() {
		if s.Active {
			active = append(active, s.Status)
		}
	}
	var total bulk
	for _, q := range []struct {
		path string
		body any
	}{
		{"/reqmgr_workload_cache/_design/ReqMgr/_view/bystatus?include_docs=true", map[string]any{"keys": active}},
		{"/wmstats/_design/WMStatsErl7/_view/latestRequest?include_docs=true&reduce=false", nil},
		{"/wmstats/_design/WMStatsErl7/_view/agentInfo?include_docs=true", nil},
	} {
		one, err := r.discard(ctx, couch.url+q.path, q.body)
		if err != nil {
			return bulk{}, err
		}
		total.bytes += one.bytes
		total.docs += one.docs
		total.took += one.took
	}
	r.line("first read: documents", float64(total.docs), "documents")
	r.line("first read: bytes", float64(total.bytes)/1e6, "MB")
	r.line("first read: thrown away", total.rate(), "MB/s")
	return total, nil
}

func (r *run) discard(ctx context.Context, url string, body any) (bulk, error) {
	method, in := http.MethodGet, io.Reader(nil)
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return bulk{}, fmt.Errorf("encode keys: %w", err)
		}
		method, in = http.MethodPost, strings.NewReader(string(data))
	}
	req, err := http.NewRequestWithContext(ctx, method, url, in)
	if err != nil {
		return bulk{}, fmt.Errorf("make request: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	began := time.Now()
	resp, err := r.client.Do(req)
	if err != nil {
		return bulk{}, fmt.Errorf("read %s: %w", url, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return bulk{}, fmt.Errorf("read %s: status %d", url, resp.StatusCode)
	}
	var b bulk
	buf := make([]byte, 256<<10)
	for {
		n, err := resp.Body.Read(buf)
		b.bytes += int64(n)
		b.docs += int64(bytes.Count(buf[:n], []byte{'\n'})) // one row a line; framing lines are a few
		if err == io.EOF {
			b.took = time.Since(began)
			return b, nil
		}
		if err != nil {
			return bulk{}, fmt.Errorf("read %s: %w", url, err)
		}
	}
}

// firstRead starts a cache server and waits until it is ready.
func (r *run) firstRead(ctx context.Context, couch server, best bulk) (server, error) {
	addr, err := freeAddr()
	if err != nil {
		return server{}, err
	}
	served := couch.cpu()
	began := time.Now()
	cmd, err := r.start("cacheserver", "--listen", addr, "--couch-url", couch.url, "--log-level", "warn")
	if err != nil {
		return server{}, err
	}
	cache := server{url: "http://" + addr, cmd: cmd}
	if err := r.ready(ctx, cache.url+"/readyz"); err != nil {
		return server{}, err
	}
	mine := bulk{bytes: best.bytes, docs: best.docs, took: time.Since(began)}
	r.line("first read: start until ready", mine.took.Seconds(), "s")
	r.line("first read: decoded and published", mine.rate(), "MB/s")
	r.line("first read: documents", float64(mine.docs)/mine.took.Seconds(), "documents/s")
	r.line("first read: ratio to thrown away", mine.rate()/best.rate(), "x")
	r.line("first read: processor time, cache server", cache.cpu().Seconds(), "s")
	r.line("first read: processor time, stand-in", (couch.cpu() - served).Seconds(), "s")
	r.line("first read: peak memory beyond the result", (cache.status("VmHWM")-cache.status("VmRSS"))/1e6, "MB")
	return cache, r.memory(ctx, cache, "after first read")
}

// memory prints the resident memory of the cache server.
func (r *run) memory(ctx context.Context, cache server, when string) error {
	status, body, err := r.do(ctx, http.MethodGet, cache.url+"/pulse", nil)
	if err != nil {
		return err
	}
	var info schema.CacheInfo
	if err := json.Unmarshal(body, &info); err != nil {
		return fmt.Errorf("read /pulse (status %d): %w", status, err)
	}
	if info.Workflows == 0 {
		return fmt.Errorf("read /pulse: status %d, no workflows", status)
	}
	rss := cache.status("VmRSS")
	r.line("memory "+when+": resident", rss/1e6, "MB")
	r.line("memory "+when+": highest", cache.status("VmHWM")/1e6, "MB")
	r.line("memory "+when+": per workflow", rss/1e3/float64(info.Workflows), "KB")
	r.line("memory "+when+": ratio to list records", rss/float64(info.Bytes), "x")
	return nil
}
