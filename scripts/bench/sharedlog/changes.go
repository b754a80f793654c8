package sharedlog

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dmwm/wmstats/mock/design"
	"github.com/dmwm/wmstats/schema"
)

const (
	pollEvery   = 5 * time.Millisecond
	visibleFor  = 2 * time.Minute // a change that is not seen then is an error
	mostChanged = 1000            // workflows
	topPriority = 1_000_000       // above that of any document
)

// rewrite writes agent reports with new content until ctx ends.
func (m *measurement) rewrite(ctx context.Context) {
	if m.Reports < 1 {
		return
	}
	tick := time.NewTicker(time.Second / time.Duration(m.Reports))
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			m.world.Rewrite(n, n)
		}
	}
}

// visible changes request documents at the rate of the options, and measures the
// time from each write until it is visible on all servers, and on the independent one.
func (m *measurement) visible(ctx context.Context, alone string) (all, single Times, err error) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	defer client.CloseIdleConnections()
	p := poller{client: client}
	names, err := p.workflows(ctx, m.leader.Addr)
	if err != nil {
		return all, single, err
	}
	ofAll, ofOne := make([]time.Duration, m.Changes), make([]time.Duration, m.Changes)
	tick := time.NewTicker(time.Second / time.Duration(m.PerSecond))
	defer tick.Stop()
	group, ctx := errgroup.WithContext(ctx)
	for i := range m.Changes {
		select {
		case <-ctx.Done():
			return all, single, errors.Join(context.Cause(ctx), group.Wait())
		case <-tick.C:
		}
		group.Go(func() error {
			name, priority := names[i%len(names)], int64(topPriority+i)
			if err := p.prioritize(ctx, m.source.addr, name, priority); err != nil {
				return err
			}
			began := time.Now()
			servers := []string{alone}
			for _, c := range m.cluster.Caches {
				servers = append(servers, c.Addr)
			}
			times := make([]time.Duration, len(servers))
			each, ctx := errgroup.WithContext(ctx)
			for j, addr := range servers {
				each.Go(func() (err error) {
					err = p.seen(ctx, addr, name, priority)
					times[j] = time.Since(began)
					return err
				})
			}
			err := each.Wait()
			ofOne[i], ofAll[i] = times[0], slices.Max(times[1:])
			return err //nolint:wrapcheck // it names the workflow
		})
	}
	if err := group.Wait(); err != nil {
		return all, single, err //nolint:wrapcheck // as above
	}
	return timesOf(ofAll), timesOf(ofOne), nil
}

func timesOf(times []time.Duration) Times {
	if len(times) == 0 {
		return Times{}
	}
	slices.Sort(times)
	at := func(q int) time.Duration { return times[min(len(times)-1, len(times)*q/100)] }
	return Times{P50: at(50), P90: at(90), P99: at(99), Max: at(100)}
}

// poller asks servers and the source.
type poller struct{ client *http.Client }

func (p poller) do(ctx context.Context, method, address string, body []byte, status int) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("make a request: %w", err)
	}
	resp, err := p.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("send a request: %w", err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("answer of %s: %w", address, err)
	}
	if resp.StatusCode != status {
		return nil, fmt.Errorf("%s %s: status %d: %.200s", method, address, resp.StatusCode, text)
	}
	return text, nil
}

// records reads records of workflows from a server.
func (p poller) records(ctx context.Context, addr, query string) (records []schema.Workflow, err error) {
	body, err := p.do(ctx, http.MethodGet, "http://"+addr+"/fetch?fields=Workflow,Priority&"+query, nil, http.StatusOK)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(body, &records); err != nil {
		return nil, fmt.Errorf("read records: %w", err)
	}
	return records, nil
}

// workflows lists some to change.
func (p poller) workflows(ctx context.Context, addr string) (names []string, err error) {
	records, err := p.records(ctx, addr, fmt.Sprintf("status=acquired,running-open&limit=%d", mostChanged))
	if err == nil && len(records) == 0 {
		err = errors.New("there is no workflow to change")
	}
	for i := range records {
		names = append(names, records[i].Workflow)
	}
	return names, err
}

// prioritize writes another priority into a request document.
func (p poller) prioritize(ctx context.Context, source, name string, priority int64) error {
	address := "http://" + source + "/" + design.RequestDB + "/" + url.PathEscape(name)
	body, err := p.do(ctx, http.MethodGet, address, nil, http.StatusOK)
	if err != nil {
		return err
	}
	var doc map[string]json.RawMessage
	if err := json.Unmarshal(body, &doc); err != nil {
		return fmt.Errorf("read document %s: %w", name, err)
	}
	doc["RequestPriority"] = fmt.Append(nil, priority)
	if body, err = json.Marshal(doc); err != nil {
		return fmt.Errorf("write document %s: %w", name, err)
	}
	_, err = p.do(ctx, http.MethodPut, address, body, http.StatusCreated)
	return err
}

// seen waits until a server shows a priority.
func (p poller) seen(ctx context.Context, addr, name string, priority int64) error {
	ctx, cancel := context.WithTimeoutCause(ctx, visibleFor, fmt.Errorf("the change of %s is not visible on %s", name, addr))
	defer cancel()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		records, err := p.records(ctx, addr, "name="+url.QueryEscape(name))
		if err != nil {
			return errors.Join(err, context.Cause(ctx))
		}
		if len(records) == 1 && records[0].Priority >= priority { // or that of a later change
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}
