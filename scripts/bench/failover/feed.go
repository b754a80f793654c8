package failover

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/dmwm/wmstats/schema/wire"
)

// feed is a client that keeps a copy of the list up to date by /changes.
type feed struct {
	l    *load
	kind string // normal, longpoll or sse

	since   string
	records map[string]string // the records as they came, by name
}

const pollEvery = 500 * time.Millisecond

// readList reads the whole list of a server: of a generation, or of its newest one.
func (l *load) readList(ctx context.Context, server, generation string) (since string, records map[string]string, err error) {
	address := server + "/fetch?limit=all&format=ndjson"
	if generation != "" {
		address += "&gen=" + generation
	}
	a, err := l.get(ctx, address)
	if err != nil {
		return "", nil, err
	}
	if a.status != http.StatusOK {
		return "", nil, fmt.Errorf("%w %d: %.200s", errStatus, a.status, a.body)
	}
	records = map[string]string{}
	for line := range bytes.Lines(a.body) {
		if err := put(records, line); err != nil {
			return "", nil, err
		}
	}
	return a.header.Get("X-Generation"), records, nil
}

// put stores a record.
func put(records map[string]string, record []byte) error {
	var w struct{ Workflow string }
	if err := json.Unmarshal(record, &w); err != nil {
		return fmt.Errorf("read a record: %w", err)
	}
	records[w.Workflow] = string(bytes.TrimSpace(record))
	return nil
}

// follow reads the list if needed, and one answer or stream of changes.
func (f *feed) follow(ctx context.Context) {
	if f.records == nil {
		var err error
		if f.since, f.records, err = f.l.readList(ctx, f.l.api, ""); err != nil {
			f.records = nil
			f.l.fault(ctx, "list for a feed: %v", err)
			_ = pause(ctx, pollEvery) // its error ends the loop around this
			return
		}
	}
	address := f.l.api + "/changes?include=records&feed=" + f.kind + "&since=" + f.since
	if f.kind == "sse" {
		f.stream(ctx, address)
		return
	}
	if f.kind == "normal" {
		_ = pause(ctx, pollEvery) // as above
	} else {
		address += "&timeout=20s"
	}
	f.poll(ctx, address)
}

// poll reads one answer.
func (f *feed) poll(ctx context.Context, address string) {
	resp, err := f.l.send(ctx, address)
	if err != nil {
		f.l.fault(ctx, "%s: %v", address, err)
		return
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	var change wire.Change
	if err == nil && resp.StatusCode == http.StatusOK {
		err = json.Unmarshal(body, &change)
	}
	if resp.StatusCode != http.StatusOK || err != nil {
		f.l.fault(ctx, "%s: %d %v %.300s", address, resp.StatusCode, err, body)
		_ = pause(ctx, pollEvery) // as above
		return
	}
	f.apply(ctx, change)
}

// stream reads events until the stream ends. That is not an error: the next request
// continues after the last event.
func (f *feed) stream(ctx context.Context, address string) {
	resp, err := f.l.send(ctx, address, "Last-Event-ID", f.since)
	if err != nil {
		f.l.fault(ctx, "%s: %v", address, err)
		return
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		f.l.fault(ctx, "%s: %d", address, resp.StatusCode)
		_ = pause(ctx, pollEvery) // as above
		return
	}
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			continue
		}
		var change wire.Change
		if err := json.Unmarshal([]byte(data), &change); err != nil {
			f.l.fault(ctx, "event: %v", err)
			return
		}
		if change.Event == "end" {
			return
		}
		f.apply(ctx, change)
		if f.records == nil {
			return
		}
	}
}

// apply puts a change into the copy.
func (f *feed) apply(ctx context.Context, change wire.Change) {
	if change.Event == "reset" {
		crossed := f.l.twoVersions && otherGroup(f.since, change.Generation)
		f.l.note(func(c *Counts) {
			if crossed {
				c.Changed++
				return
			}
			c.Resets++
			if len(c.First) < mostFirst {
				c.First = append(c.First, fmt.Sprintf("%s feed: reset from %s to %s", f.kind, f.since, change.Generation))
			}
		})
		f.records = nil
		return
	}
	if change.Truncated {
		f.records = nil
		return
	}
	for _, record := range change.Records {
		if err := put(f.records, record); err != nil {
			f.l.fault(ctx, "%v", err)
		}
	}
	for _, name := range change.Gone {
		delete(f.records, name)
	}
	f.since = change.Generation
}

// compareFeeds compares the copies with the list of their generation at each cache
// server, after the clients have ended.
func (l *load) compareFeeds(ctx context.Context, servers []string) error {
	for _, f := range l.feeds {
		if f.records == nil {
			continue
		}
		compared := false
		for _, server := range servers {
			_, records, err := l.readList(ctx, server, f.since)
			if err != nil {
				// Its generation may be that of a version that has gone, or older than
				// those that a server has that was started a moment ago.
				if !strings.Contains(err.Error(), "410") {
					return fmt.Errorf("list of a feed's generation: %w", err)
				}
				continue
			}
			compared = true
			for _, what := range differences(f.records, records) {
				l.missed("%s feed at %s, server %s: %s", f.kind, f.since, server, what)
			}
		}
		if !compared {
			l.counts.First = append(l.counts.First, fmt.Sprintf("%s feed at %s: no server has this generation", f.kind, f.since))
		}
	}
	return nil
}

// missed counts a record that a client does not have as it should.
func (l *load) missed(format string, args ...any) {
	l.note(func(c *Counts) {
		c.Missed++
		if len(c.First) < mostFirst {
			c.First = append(c.First, fmt.Sprintf(format, args...))
		}
	})
}

// differences describes the records that are not the same in a copy and in a list.
func differences(copied, list map[string]string) (found []string) {
	for name, record := range list {
		if had, ok := copied[name]; !ok {
			found = append(found, name+" is missing")
		} else if had != record {
			found = append(found, name+" differs: "+fieldsOf(had, record))
		}
	}
	for name := range copied {
		if _, ok := list[name]; !ok {
			found = append(found, name+" is no longer listed")
		}
	}
	return found
}

// fieldsOf describes the fields that differ.
func fieldsOf(a, b string) string {
	var had, is map[string]json.RawMessage
	if err := errors.Join(json.Unmarshal([]byte(a), &had), json.Unmarshal([]byte(b), &is)); err != nil {
		return err.Error()
	}
	var fields []string
	for name := range is {
		if string(had[name]) != string(is[name]) {
			fields = append(fields, fmt.Sprintf("%s %.60s instead of %.60s", name, had[name], is[name]))
		}
	}
	slices.Sort(fields)
	return strings.Join(fields, ", ")
}
