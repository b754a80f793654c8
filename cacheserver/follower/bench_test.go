package follower

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"runtime"
	"runtime/metrics"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"

	"github.com/dmwm/wmstats/cacheserver/couch"
	"github.com/dmwm/wmstats/mock/couchfake"
	"github.com/dmwm/wmstats/mock/gen"
)

const benchWorkflows = 3000

// benchWorld calls put with the documents of a world that are read in bulk, in
// the form of a view, and returns their size.
func benchWorld(b *testing.B, put func(db string, doc []byte, id string)) {
	b.Helper()
	world, err := gen.New(gen.Options{Seed: 1, Workflows: benchWorkflows, JobSummaries: -1, Storable: true, NoEdges: true})
	require.NoError(b, err)
	for doc := range world.AllParallel() {
		if doc.DB == requestDB || doc.DB == wmstatsDB {
			put(doc.DB, doc.JSON, doc.ID)
		}
	}
}

// Answers of the full read, by path.
const (
	byStatus  = "/" + requestDB + "/_design/ReqMgr/_view/bystatus"
	latest    = "/" + wmstatsDB + "/_design/WMStatsErl7/_view/latestRequest"
	agentInfo = "/" + wmstatsDB + "/_design/WMStatsErl7/_view/agentInfo"
)

// couchSpeed is what CouchDB 3.5 sent of such documents to a reader that
// discarded them, both on two cores, in bytes a second.
const couchSpeed = 108e6

// paced writes at the speed of a database, shared by all answers.
func paced() func(w io.Writer, answer []byte) {
	const piece = 64 << 10
	limit := rate.NewLimiter(couchSpeed, piece)
	return func(w io.Writer, answer []byte) {
		for ; len(answer) > 0; answer = answer[min(piece, len(answer)):] {
			part := answer[:min(piece, len(answer))]
			_ = limit.WaitN(context.Background(), len(part)) // never more than the burst
			_, _ = w.Write(part)
		}
	}
}

// inMemory serves prepared answers as fast as the machine can, far faster than
// any database.
func inMemory(w io.Writer, answer []byte) { _, _ = w.Write(answer) }

// prepared serves the answers of a full read from memory.
func prepared(send func(io.Writer, []byte)) func(b *testing.B) string {
	return func(b *testing.B) string { return serve(b, send) }
}

func serve(b *testing.B, send func(io.Writer, []byte)) string {
	answers := map[string]*bytes.Buffer{}
	for _, path := range []string{byStatus, latest, agentInfo} {
		answers[path] = bytes.NewBufferString("{\"total_rows\":1,\"offset\":0,\"rows\":[\r\n")
	}
	benchWorld(b, func(db string, doc []byte, id string) {
		path := byStatus
		if db == wmstatsDB {
			path = latest
			if bytes.Contains(doc[:min(len(doc), 400)], []byte(`"agent_info"`)) {
				path = agentInfo
			}
		}
		if answers[path].Len() > 60 {
			answers[path].WriteString(",\r\n")
		}
		fmt.Fprintf(answers[path], `{"id":%q,"key":"k","value":null,"doc":%s}`, id, doc)
	})
	for _, a := range answers {
		a.WriteString("\r\n]}\n")
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		if a := answers[r.URL.Path]; a != nil {
			send(w, a.Bytes())
			return
		}
		_, _ = fmt.Fprint(w, `{"couchdb":"Welcome","version":"3","vendor":{"name":"x"},"update_seq":"1-a","instance_start_time":"1"}`)
	}))
	b.Cleanup(srv.Close)
	return srv.URL
}

// standIn serves the documents from the stand-in, which has to find them and to
// build its answers.
func standIn(b *testing.B) string {
	srv := couchfake.New(couchfake.Options{BuiltinViews: true, Uncompressed: true})
	end, err := couchfake.Listen("127.0.0.1:0", srv)
	require.NoError(b, err)
	b.Cleanup(func() {
		require.NoError(b, srv.Close())
		require.NoError(b, end.Refuse())
	})
	benchWorld(b, func(db string, doc []byte, _ string) { require.NoError(b, srv.Put(db, doc)) })
	return end.URL()
}

// throwAway reads what a full read reads, both databases at once, and returns
// the number of bytes.
func throwAway(b *testing.B, url string, statuses []string) (total int64) {
	var mu sync.Mutex
	var group sync.WaitGroup
	read := func(path, body string) {
		method := http.MethodGet
		if body != "" {
			method = http.MethodPost
		}
		req, err := http.NewRequestWithContext(b.Context(), method, url+path+"?include_docs=true&reduce=false", strings.NewReader(body))
		require.NoError(b, err)
		req.Header.Set("Content-Type", "application/json")
		client := http.Client{Transport: &http.Transport{DisableCompression: true, ReadBufferSize: 64 << 10, DisableKeepAlives: true}}
		resp, err := client.Do(req)
		require.NoError(b, err)
		n, err := io.Copy(io.Discard, resp.Body)
		require.NoError(b, err)
		require.NoError(b, resp.Body.Close())
		mu.Lock()
		total += n
		mu.Unlock()
	}
	group.Go(func() { read(byStatus, `{"keys":["`+strings.Join(statuses, `","`)+`"]}`) })
	group.Go(func() { read(latest, ""); read(agentInfo, "") })
	group.Wait()
	return total
}

// peak records the largest live heap after any collection until the returned
// function is called.
func peak() func() (most uint64) {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	stop, done := make(chan struct{}), make(chan uint64)
	go func() {
		var most uint64
		ticker := time.NewTicker(2 * time.Millisecond)
		defer ticker.Stop()
		for {
			metrics.Read(sample)
			most = max(most, sample[0].Value.Uint64())
			select {
			case <-stop:
				done <- most
				return
			case <-ticker.C:
			}
		}
	}()
	return func() uint64 { close(stop); return <-done }
}

// BenchmarkFirstRead reads, decodes, flattens and stores everything from a
// server at the speed of CouchDB, from the stand-in and from memory, alternating
// with reads that discard the same bytes. ratio is the speed of the former
// divided by that of the latter; extra-MB is the largest live heap of the read
// minus the live heap after it.
func BenchmarkFirstRead(b *testing.B) {
	for _, source := range []struct {
		name string
		open func(*testing.B) string
	}{{"couchspeed", prepared(paced())}, {"standin", standIn}, {"inmemory", prepared(inMemory)}} {
		b.Run(source.name, func(b *testing.B) {
			url := source.open(b)
			client, err := couch.New(couch.Options{URL: url})
			require.NoError(b, err)
			defer func() { require.NoError(b, client.Close()) }()
			var discarded, read time.Duration
			var size int64
			var extra uint64
			for b.Loop() {
				s := realStore(b)
				f, err := New(Options{Source: client, Store: OfStore(s)})
				require.NoError(b, err)
				start := time.Now()
				size += throwAway(b, url, f.o.Statuses)
				discarded += time.Since(start)
				runtime.GC()
				watch := peak()
				start = time.Now()
				require.NoError(b, f.load(b.Context(), false))
				read += time.Since(start)
				most := watch()
				runtime.GC()
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				extra = max(extra, most-min(most, m.HeapAlloc))
				generation, ok := s.Newest()
				require.True(b, ok)
				require.Greater(b, generation.Total(), benchWorkflows/2)
			}
			mb := float64(size) / 1e6
			b.ReportMetric(mb/float64(b.N), "MB")
			b.ReportMetric(mb/read.Seconds(), "MB/s")
			b.ReportMetric(mb/discarded.Seconds(), "discard-MB/s")
			b.ReportMetric(discarded.Seconds()/read.Seconds(), "ratio")
			b.ReportMetric(float64(extra)/1e6, "extra-MB")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// BenchmarkFeed sends changes of agent documents (20 KB, all with new content)
// through a feed into the store: it measures the rate while many are waiting,
// and the time from the write to the record for single ones at random times.
func BenchmarkFeed(b *testing.B) {
	srv := couchfake.New(couchfake.Options{BuiltinViews: true, Uncompressed: true})
	end, err := couchfake.Listen("127.0.0.1:0", srv)
	require.NoError(b, err)
	defer func() { require.NoError(b, srv.Close()); require.NoError(b, end.Refuse()) }()
	var docs [][]byte
	benchWorld(b, func(db string, doc []byte, _ string) {
		require.NoError(b, srv.Put(db, doc))
		if db == wmstatsDB && len(docs) < 2000 && bytes.Contains(doc, []byte(`"agent_request"`)) {
			docs = append(docs, doc)
		}
	})
	client, err := couch.New(couch.Options{URL: end.URL()})
	require.NoError(b, err)
	defer func() { require.NoError(b, client.Close()) }()
	applied := make(chan int, 1<<16)
	loaded := make(chan struct{})
	f, err := New(Options{Source: client, Store: OfStore(realStore(b)), Hooks: Hooks{
		Batch:  func(changes int, _ time.Duration) { applied <- changes },
		Loaded: func(int64, int64, time.Duration) { close(loaded) },
	}})
	require.NoError(b, err)
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()
	defer func() { cancel(); require.NoError(b, <-done) }()
	<-loaded

	version := 0
	rev := regexp.MustCompile(`"_rev":"[^"]*",?`) // with an old revision it would not be a change
	changed := func(doc []byte) []byte {
		version++
		doc = rev.ReplaceAll(doc, nil)
		return bytes.Replace(doc, []byte(`"agent_team"`), fmt.Appendf(nil, `"version":%d,"agent_team"`, version), 1)
	}
	var bulk, bytesRead float64
	var single []time.Duration
	for b.Loop() {
		start := time.Now()
		for _, doc := range docs {
			doc = changed(doc)
			bytesRead += float64(len(doc))
			require.NoError(b, srv.Put(wmstatsDB, doc))
		}
		for n := 0; n < len(docs); {
			n += <-applied
		}
		bulk += time.Since(start).Seconds()
		for i := range 20 {
			<-time.After(time.Duration(i*37%200) * time.Millisecond) // in all places of a window
			doc := changed(docs[i])
			start := time.Now()
			require.NoError(b, srv.Put(wmstatsDB, doc))
			<-applied
			single = append(single, time.Since(start))
		}
	}
	slices.Sort(single)
	b.ReportMetric(float64(len(docs)*b.N)/bulk, "changes/s")
	b.ReportMetric(bytesRead/1e6/bulk, "MB/s")
	b.ReportMetric(float64(single[len(single)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(single[len(single)*99/100].Microseconds())/1000, "p99-ms")
	b.ReportMetric(0, "ns/op")
}
