package api_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/join"
	"github.com/dmwm/wmstats/schema"
)

// scan is a list request and its meaning in plain Go.
type scan struct {
	query   url.Values
	matches func(*schema.Workflow) bool
	order   func(a, b *schema.Workflow) int
}

func randomScan(r *rand.Rand) scan {
	s := scan{query: url.Values{}, matches: func(*schema.Workflow) bool { return true }}
	and := func(more func(*schema.Workflow) bool) {
		before := s.matches
		s.matches = func(w *schema.Workflow) bool { return before(w) && more(w) }
	}
	if r.IntN(2) == 0 {
		a, b := statuses[r.IntN(len(statuses))], statuses[r.IntN(len(statuses))]
		s.query.Add("status", a)
		s.query.Add("status", b)
		and(func(w *schema.Workflow) bool { return w.Status == a || w.Status == b })
	}
	if r.IntN(3) == 0 {
		s.query.Set("site", "!*_1")
		and(func(w *schema.Workflow) bool {
			return !slices.ContainsFunc(w.Sites, func(site string) bool { return strings.HasSuffix(site, "_1") })
		})
	}
	if r.IntN(3) == 0 {
		least := int64(r.IntN(12_000))
		s.query.Set("minPriority", strconv.FormatInt(least, 10))
		and(func(w *schema.Workflow) bool { return w.Priority >= least })
	}
	if r.IntN(4) == 0 {
		s.query.Set("has", "failure")
		and(func(w *schema.Workflow) bool { return w.Failure > 0 })
	}
	byName := func(a, b *schema.Workflow) int { return strings.Compare(a.Workflow, b.Workflow) }
	switch r.IntN(3) {
	case 0:
		s.order = byName
	case 1:
		s.query.Set("sort", "-Priority")
		s.order = func(a, b *schema.Workflow) int { return cmp.Or(cmp.Compare(b.Priority, a.Priority), byName(a, b)) }
	default:
		s.query.Set("sort", "status,-failure")
		s.order = func(a, b *schema.Workflow) int {
			return cmp.Or(cmp.Compare(a.Status, b.Status), cmp.Compare(b.Failure, a.Failure), byName(a, b))
		}
	}
	s.query.Set("limit", strconv.Itoa(20+r.IntN(97)))
	s.query.Set("format", []string{"json", "ndjson"}[r.IntN(2)])
	return s
}

// expect returns the expected result of the scan, from all records of the
// generation.
func (s scan) expect(all []schema.Workflow) []string {
	var list []*schema.Workflow
	for i := range all {
		if s.matches(&all[i]) {
			list = append(list, &all[i])
		}
	}
	slices.SortFunc(list, s.order)
	out := []string{}
	for _, w := range list {
		out = append(out, w.Workflow)
	}
	return out
}

// scanReader is a client with its own connections.
type scanReader struct {
	f      *fixture
	client *http.Client
	coding string
	unrest *unrest

	promised atomic.Bool // an answer had the URL of another page
}

func (r *scanReader) get(path string) (answerOf, error) {
	req, err := http.NewRequest(http.MethodGet, r.f.url+path, http.NoBody)
	if err != nil {
		return answerOf{}, err
	}
	req.Header.Set("Accept-Encoding", r.coding)
	resp, err := r.client.Do(req)
	if err != nil {
		return answerOf{}, err
	}
	defer resp.Body.Close()
	r.unrest.tick()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", resp.Status, body)
	}
	a := answerOf{resp, body}
	if a.links()["next"] != "" {
		r.promised.Store(true)
	}
	return a, err
}

// workflows reads the records of a page in either format.
func (a answerOf) workflows(t *testing.T) (list []schema.Workflow, err error) {
	body := a.plain(t)
	if a.Header.Get("Content-Type") == "application/json" {
		err = json.Unmarshal(body, &list)
		return list, err
	}
	for line := range bytes.Lines(body) {
		var w schema.Workflow
		if err := json.Unmarshal(line, &w); err != nil {
			return nil, err
		}
		list = append(list, w)
	}
	return list, nil
}

// links follows next to its end.
func (r *scanReader) links(s scan) (gen string, got []string, err error) {
	next := "/fetch?" + s.query.Encode()
	for next != "" {
		a, err := r.get(next)
		if err != nil {
			return gen, got, err
		}
		if gen == "" {
			gen = a.Header.Get("X-Generation")
		}
		if at := a.Header.Get("X-Generation"); at != gen {
			return gen, got, fmt.Errorf("a page of %s in a scan of %s", at, gen)
		}
		page, err := a.workflows(r.f.t)
		if err != nil {
			return gen, got, err
		}
		got = append(got, names(page)...)
		next = a.links()["next"]
	}
	return gen, got, nil
}

// ranges reads parts of one generation by idx, concurrently.
func (r *scanReader) ranges(s scan) (gen string, got []string, err error) {
	const workers = 4
	limit, err := strconv.Atoi(s.query.Get("limit"))
	if err != nil {
		return "", nil, err
	}
	first, err := r.get("/fetch?" + s.query.Encode())
	if err != nil {
		return "", nil, err
	}
	gen = first.Header.Get("X-Generation")
	total, err := strconv.Atoi(first.Header.Get("X-Total-Count"))
	if err != nil {
		return gen, nil, err
	}
	page, err := first.workflows(r.f.t)
	if err != nil {
		return gen, nil, err
	}
	pages := make([][]string, max(1, (total+limit-1)/limit))
	pages[0] = names(page)
	faults := make([]error, workers)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := w + 1; i < len(pages); i += workers {
				query := url.Values{"gen": {gen}, "idx": {strconv.Itoa(i * limit)}}
				for name, values := range s.query {
					query[name] = values
				}
				a, err := r.get("/fetch?" + query.Encode())
				if err != nil {
					faults[w] = err
					return
				}
				page, err := a.workflows(r.f.t)
				if err != nil {
					faults[w] = err
					return
				}
				pages[i] = names(page)
			}
		})
	}
	wg.Wait()
	for _, err := range faults {
		if err != nil {
			return gen, nil, err
		}
	}
	return gen, slices.Concat(pages...), nil
}

// unrest changes, adds, deletes and re-sorts workflows from..to, once per
// given number of requests: unlimited it would be faster than generations are
// kept.
type unrest struct {
	every    int64
	requests atomic.Int64
	next     chan struct{}
	done     chan int
}

// tick is called for each request.
func (u *unrest) tick() {
	if u.requests.Add(1)%u.every == 0 {
		select {
		case u.next <- struct{}{}:
		default: // it is still at the one before
		}
	}
}

// stop ends it and returns the number of changes.
func (u *unrest) stop() (changed int) { close(u.next); return <-u.done }

func (f *fixture) unrest(from, to, every int) *unrest {
	u := &unrest{every: int64(every), next: make(chan struct{}, 1), done: make(chan int, 1)}
	go func() {
		r := rand.New(rand.NewPCG(uint64(from), uint64(to)))
		n := 0
		for version := 2; ; version++ {
			if _, more := <-u.next; !more {
				break
			}
			i := from + r.IntN(to-from)
			batch := changes(i, min(i+1+r.IntN(5), to), version%13_000)
			if r.IntN(4) == 0 {
				batch = []join.Change{deletion(i)}
			}
			f.store.Apply(batch)
			n++
		}
		u.done <- n
	}()
	return u
}

// Fifty scanners, by Link and by parallel ranges, with their own filters,
// orders, formats and codings, while everything changes: each gets exactly its
// generation.
func TestFiftyScannersUnderChange(t *testing.T) {
	const workflows, scanners, rounds = 220, 50, 2
	f := newFixture(t, workflows)
	unrest := f.unrest(0, workflows+90, 2)
	var generations sync.Map
	var compared atomic.Int64
	var wg sync.WaitGroup
	for n := range scanners {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(n), 5))
			reader := &scanReader{f: f, client: &http.Client{Transport: &http.Transport{DisableCompression: true}}, coding: []string{"gzip", "zstd", "identity"}[n%3], unrest: unrest}
			defer reader.client.CloseIdleConnections()
			for range rounds {
				s := randomScan(r)
				reader.promised.Store(false)
				read := reader.links
				if n%3 == 1 {
					read = reader.ranges
				}
				gen, got, err := read(s)
				if !assert.NoError(t, err, "%v", s.query) {
					return
				}
				generations.Store(gen, true)
				if !reader.promised.Load() {
					continue // one page: no answer promised its generation
				}
				compared.Add(1)
				all, err := reader.get("/fetch?limit=all&format=ndjson&gen=" + gen)
				if !assert.NoError(t, err) {
					return
				}
				records, err := all.workflows(t)
				if !assert.NoError(t, err) || !assert.Equal(t, s.expect(records), append([]string{}, got...), "%s %v", gen, s.query) {
					return
				}
			}
		})
	}
	wg.Wait()
	changed := unrest.stop()
	different := 0
	generations.Range(func(any, any) bool { different++; return true })
	assert.Greater(t, compared.Load(), int64(scanners/2), "scans of several pages")
	assert.Greater(t, different, 2, "scans of different generations")
	assert.Greater(t, changed, 20, "changes while they were read")
}

// after= on ever newer generations: each workflow that exists and matches
// during the whole scan is returned exactly once, and no workflow twice.
func TestAfterUnderChange(t *testing.T) {
	const stable, all = 300, 700
	f := newFixture(t, all)
	unrest := f.unrest(stable, all, 1)
	defer unrest.stop()
	want := []string{}
	for i := range stable {
		if statuses[i%len(statuses)] == "completed" {
			want = append(want, workflowName(i))
		}
	}
	slices.Sort(want)
	reader := &scanReader{f: f, client: &http.Client{Transport: &http.Transport{DisableCompression: true}}, coding: "gzip", unrest: unrest}
	defer reader.client.CloseIdleConnections()
	generations := map[string]bool{}
	for _, limit := range []int{3, 7, 50} {
		got, after := []string{}, ""
		for more := true; more; {
			query := url.Values{"status": {"completed"}, "limit": {strconv.Itoa(limit)}}
			if after != "" {
				query.Set("after", after)
			}
			a, err := reader.get("/fetch?" + query.Encode())
			require.NoError(t, err)
			generations[a.Header.Get("X-Generation")] = true
			page, err := a.workflows(t)
			require.NoError(t, err)
			got = append(got, names(page)...)
			if more = a.links()["next"] != ""; more {
				after = got[len(got)-1]
			}
		}
		assert.True(t, slices.IsSorted(got))
		assert.Len(t, slices.Compact(slices.Clone(got)), len(got), "no workflow is returned twice")
		seen := slices.DeleteFunc(slices.Clone(got), func(name string) bool { _, is := slices.BinarySearch(want, name); return !is })
		assert.Equal(t, want, seen, "workflows that always existed are returned once")
	}
	assert.Greater(t, len(generations), 1)
}

// A restart after an expired generation scans the whole newest generation.
func TestRestartOfAnExpiredGeneration(t *testing.T) {
	f := newFixture(t, 90)
	first := f.get("/fetch?limit=20&sort=-Priority&status=completed,closed-out")
	f.expire(first.Header.Get("X-Generation"))
	gone := f.get(first.links()["next"])
	require.Equal(t, http.StatusGone, gone.StatusCode)
	p := gone.problem(t)
	assert.Empty(t, p.Continue)
	got := []string{}
	for next := p.Restart; next != ""; {
		a := f.get(next)
		require.Equal(t, http.StatusOK, a.StatusCode)
		got = append(got, names(decode[[]schema.Workflow](t, a.body))...)
		next = a.links()["next"]
	}
	assert.Equal(t, names(f.list("/fetch?limit=all&sort=-Priority&status=completed,closed-out")), got)
}
