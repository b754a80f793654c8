package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dmwm/wmstats/schema"
)

// bulk counts bytes and rows that were read and discarded.
type bulk struct {
	bytes, docs int64
	took        time.Duration
	cpu         time.Duration // of the reader
}

func (b bulk) rate() float64 { return float64(b.bytes) / 1e6 / b.took.Seconds() }

// thrownAway reads the bytes of the first read and discards them, twice: one
// answer after the other, as a plain reader would, and both databases at once,
// over two connections, as the cache server reads them.
type thrownAway struct {
	bytes, docs        int64
	oneByOne, together bulk
}

// query is one request of the first read.
type query struct {
	path string
	body any
}

// firstReadQueries returns the requests of the first read; consecutive requests
// are in one list.
func firstReadQueries() [][]query {
	var active []string
	for _, s := range schema.Statuses() {
		if s.Active {
			active = append(active, s.Status)
		}
	}
	return [][]query{
		{{"/reqmgr_workload_cache/_design/ReqMgr/_view/bystatus?include_docs=true&reduce=false", map[string]any{"keys": active}}},
		{
			{"/wmstats/_design/WMStatsErl7/_view/latestRequest?include_docs=true&reduce=false", nil},
			{"/wmstats/_design/WMStatsErl7/_view/agentInfo?include_docs=true&reduce=false", nil},
		},
	}
}

// throwAway sends the same requests as the first read of the cache server, finds
// the ends of the lines, and discards everything.
func (r *run) throwAway(ctx context.Context, source server) (t thrownAway, err error) {
	queries := firstReadQueries()
	var all []query
	for _, list := range queries {
		all = append(all, list...)
	}
	var served time.Duration
	for range r.rounds() {
		before := source.cpu()
		one, err := r.discardAll(ctx, source, [][]query{all})
		if err != nil {
			return t, err
		}
		served = source.cpu() - before
		two, err := r.discardAll(ctx, source, queries)
		if err != nil {
			return t, err
		}
		t.oneByOne, t.together = faster(t.oneByOne, one), faster(t.together, two)
	}
	t.bytes, t.docs = t.oneByOne.bytes, t.oneByOne.docs
	r.line("discarded: one answer after the other", t.oneByOne.rate(), "MB/s")
	r.line("discarded: over two connections", t.together.rate(), "MB/s")
	r.line("discarded: processor time, reader", t.oneByOne.cpu.Seconds(), "s")
	if r.Source == "" {
		r.line("discarded: processor time, source", served.Seconds(), "s")
	}
	return t, nil
}

// rounds is how often the bytes are read and discarded; the fastest round counts.
// The stand-in builds its indexes at the first request for them.
func (r *run) rounds() int {
	if r.repeats() {
		return 1
	}
	return 2
}

func faster(a, b bulk) bulk {
	if a.took > 0 && a.took < b.took {
		return a
	}
	return b
}

// discardAll reads lists of answers, each list over a connection of its own.
func (r *run) discardAll(ctx context.Context, source server, lists [][]query) (total bulk, err error) {
	cpu, began := ownCPU(), time.Now()
	results := make([]bulk, len(lists))
	group, ctx := errgroup.WithContext(ctx)
	for i, list := range lists {
		group.Go(func() error {
			// The same transport as in the cache server's reader.
			transport := &http.Transport{DisableCompression: true, ReadBufferSize: 64 << 10}
			defer transport.CloseIdleConnections()
			for _, q := range list {
				if err := discard(ctx, &http.Client{Transport: transport}, source.url+q.path, q.body, &results[i]); err != nil {
					return err
				}
			}
			return nil
		})
	}
	err = group.Wait()
	total.took, total.cpu = time.Since(began), ownCPU()-cpu
	for _, one := range results {
		total.bytes += one.bytes
		total.docs += one.docs
	}
	return total, err
}

func discard(ctx context.Context, client *http.Client, url string, body any, b *bulk) error {
	method, in := http.MethodGet, io.Reader(http.NoBody)
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return fmt.Errorf("encode keys: %w", err)
		}
		method, in = http.MethodPost, bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, url, in)
	if err != nil {
		return fmt.Errorf("make request: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("read %s: %w", url, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("read %s: status %d", url, resp.StatusCode)
	}
	buf := make([]byte, 256<<10)
	for {
		n, err := resp.Body.Read(buf)
		b.bytes += int64(n)
		b.docs += int64(bytes.Count(buf[:n], []byte{'\n'})) // one row a line; framing lines are a few
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read %s: %w", url, err)
		}
	}
}

// ownCPU is the processor time of this program so far.
func ownCPU() time.Duration {
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
