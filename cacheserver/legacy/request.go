package legacy

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/cespare/xxhash/v2"

	"github.com/dmwm/wmstats/cacheserver/join"
	"github.com/dmwm/wmstats/cacheserver/legacy/documents"
	"github.com/dmwm/wmstats/cacheserver/legacy/property"
	"github.com/dmwm/wmstats/cacheserver/ondemand"
)

// workflow holds the documents of one workflow in any status.
type workflow struct {
	text    []byte   // the request document; nil: none
	reports [][]byte // agents' reports, unchanged; nil: deleted
}

// workflow reads the workflow that the path names. A current request is in memory,
// so only its agents' reports are read; otherwise the request document is read too.
func (c *call) workflow() (w workflow, err error) {
	c.from = fromSource
	s, ok := c.h.o.Documents.Snapshot()
	if !ok {
		return w, notReady("The first full read of the source has not finished.")
	}
	if source := c.h.o.Store.Source(); source.RequestsAsOf.IsZero() || source.AgentsAsOf.IsZero() {
		return w, notReady("The source has not answered since this server started.")
	}
	if c.name == "" || strings.HasPrefix(c.name, "_") { // design documents are not requests
		return w, nil
	}
	if b, i, ok := s.Find(c.name); !ok || !c.h.joined[b.Mark(i).Status] {
		if err := c.firstHand(); err != nil {
			return w, err
		}
	}
	known, err := textOf(s, c.name)
	if err != nil {
		return w, err
	}
	refs := c.h.o.Store.Reports([]string{c.name})[0]
	if known == nil {
		// The feed does not report changes of requests that are not current, so
		// they are not cached.
		return c.readWorkflow(nil, refs, ondemand.Call{Kind: "legacy_archived", Key: c.name})
	}
	if len(refs) == 0 {
		c.from = fromMemory
		return workflow{text: known}, nil
	}
	return c.readWorkflow(known, refs, ondemand.Call{Kind: "legacy_request", Key: version(c.name, nil, refs), Name: c.name, TTL: c.h.o.Keep})
}

// textOf returns the request document of a current request, nil for others.
func textOf(s *documents.Snapshot, name string) ([]byte, error) {
	b, i, ok := s.Find(name)
	if !ok {
		return nil, nil
	}
	r := s.Reader()
	defer r.Close()
	if err := r.Open(b); err != nil {
		return nil, fmt.Errorf("%w: %w", errMemory, err)
	}
	return bytes.Clone(r.Document(i)), nil
}

// version returns a cache key that changes with the reports of a workflow, so that
// cached older ones are never used.
func version(name string, text []byte, refs []join.ReportRef) string {
	var d xxhash.Digest
	_, _ = d.Write(text) // never fails
	var number [16]byte
	for _, r := range refs {
		_, _ = d.WriteString(r.ID)
		binary.LittleEndian.PutUint64(number[:], r.Hash)
		binary.LittleEndian.PutUint64(number[8:], uint64(r.Time)) //nolint:gosec // any bits will do
		_, _ = d.Write(number[:])
	}
	return fmt.Sprintf("%s/%x", name, d.Sum64())
}

// readWorkflow reads the reports, and the request document unless it is known.
func (c *call) readWorkflow(known []byte, refs []join.ReportRef, read ondemand.Call) (w workflow, err error) {
	name := c.name
	read.Read = func(ctx context.Context) (ondemand.Value, error) {
		w, cost := workflow{text: known}, int64(0)
		if known == nil {
			docs, err := c.h.o.Source.Requests(ctx, []string{name})
			if err != nil {
				return ondemand.Value{}, fmt.Errorf("read a request: %w", err)
			}
			if len(docs) == 0 || docs[0] == nil {
				return ondemand.Value{Data: w}, nil
			}
			w.text = property.Canonical(nil, docs[0])
		}
		ids := make([]string, len(refs))
		for i, r := range refs {
			ids[i] = r.ID
		}
		var err error
		if len(ids) > 0 {
			w.reports, err = c.h.documents(ctx, ids, bytes.Clone)
		}
		for _, doc := range w.reports {
			cost += int64(len(doc))
		}
		return ondemand.Value{Data: w, Cost: cost + int64(len(w.text))}, err
	}
	v, err := c.h.demand.Get(c.r.Context(), read)
	if err != nil {
		return w, fmt.Errorf("read a workflow: %w", err)
	}
	w, _ = v.Data.(workflow)
	if known != nil {
		w.text = known // the cached value may have an older request document
	}
	return w, nil
}

// request handles request/NAME.
func (c *call) request() error {
	w, err := c.workflow()
	if err != nil {
		return err
	}
	row := []byte("{")
	if w.text != nil {
		row = append(property.AppendText(row, c.name), ':')
		row = appendWhole(row, w.text, w.reports)
	}
	a := c.begin(0)
	if err := a.row(append(row, '}')); err != nil {
		return err
	}
	return a.end()
}

// isFinished handles isfinished/NAME.
func (c *call) isFinished() error {
	w, err := c.workflow()
	switch {
	case err != nil:
		return err
	case w.text == nil:
		return errNoWorkflow
	}
	row := "false"
	if finished(w.reports) {
		row = "true"
	}
	a := c.begin(0)
	if err := a.row([]byte(row)); err != nil {
		return err
	}
	return a.end()
}
