package legacy

import (
	"context"
	"fmt"
	"slices"

	"github.com/dmwm/wmstats/cacheserver/join"
	"github.com/dmwm/wmstats/cacheserver/legacy/documents"
	"github.com/dmwm/wmstats/cacheserver/legacy/property"
)

const (
	batchReports = 200     // documents per read of the source
	batchText    = 1 << 20 // bytes of request documents that wait for one read
	batchesAhead = 2       // concurrent reads for one answer
)

// withReports answers with rows that contain agents' reports: whole documents, or
// masks with AgentJobInfo.
func (c *call) withReports(s *documents.Snapshot, q *question, about int64) error {
	if q.masks != nil {
		about = 0 // unknown, but nearly all such queries match one request
	}
	release, err := c.turn(c.h.joins) // before the header is sent
	if err != nil {
		return err
	}
	defer release()
	a := c.begin(about)
	if a.only() {
		return nil
	}
	var of property.Document
	var row []byte
	err = c.eachJoined(s, q, func(w joined) error {
		if q.masks == nil {
			row = appendWhole(row[:0], w.text, w.reports)
		} else {
			of.Reset(w.text)
			row = q.appendRow(row[:0], &of, w.reports)
		}
		return a.row(row)
	}, a.now)
	if err != nil {
		return err
	}
	return a.end()
}

// requestcache handles requestcache: one row, an object with all requests by name.
func (c *call) requestcache() error {
	c.from = fromSource
	s, err := c.snapshot(true)
	if err != nil {
		return err
	}
	if err := c.allRead(func(uint8) bool { return true }); err != nil {
		return err
	}
	release, err := c.turn(c.h.turns)
	if err != nil {
		return err
	}
	defer release()
	q := question{}
	picked := q.picker(s)
	a := c.begin(c.about(s, &picked))
	if a.only() {
		return nil
	}
	a.separate()
	text, first := []byte{'{'}, true // and the memory for all members
	err = c.eachJoined(s, &q, func(w joined) error {
		if !first {
			text = append(text[:0], ',')
		}
		first = false
		text = append(property.AppendText(text, w.id), ':')
		text = appendWhole(text, w.text, w.reports)
		return a.write(text)
	}, a.now)
	if err != nil {
		return err
	}
	if first {
		err = a.write([]byte("{}\n"))
	} else {
		err = a.write([]byte("}\n"))
	}
	if err != nil {
		return err
	}
	return a.end()
}

// appendWhole appends a request document with its AgentJobInfo, if there is one.
func appendWhole(dst, text []byte, reports [][]byte) []byte {
	if !hasReports(reports) {
		return append(dst, text...)
	}
	dst = append(dst, text[:len(text)-1]...)
	if len(text) > len("{}") {
		dst = append(dst, ',')
	}
	dst = append(dst, `"AgentJobInfo":`...)
	return append(appendReports(dst, reports), '}')
}

// joined is a request with the agents' reports on it.
type joined struct {
	id      string
	text    []byte // the request document
	refs    []join.ReportRef
	reports [][]byte // documents of refs; nil for a deleted one
}

// batch holds requests whose reports are read together. A call reuses its batches:
// it needs two, however long the answer is.
type batch struct {
	list []joined
	ids  []string // of the reports to read
	text int      // bytes of request documents
	room arena    // holds the documents
	done chan error
}

// add adds a request, and copies its text.
func (b *batch) add(w joined) {
	w.text = b.room.keep(w.text)
	b.text += len(w.text)
	b.list = append(b.list, w)
	for _, r := range w.refs {
		b.ids = append(b.ids, r.ID)
	}
}

// empty makes room for other requests.
func (b *batch) empty() {
	clear(b.list)
	b.list, b.ids, b.text = b.list[:0], b.ids[:0], 0
	b.room.empty()
}

// eachJoined calls fn with all matching requests in the order of their names.
// Reports are read in batches, some of them concurrently. now is called after each
// batch.
func (c *call) eachJoined(s *documents.Snapshot, q *question, fn func(joined) error, now func() error) (err error) {
	ctx, cancel := context.WithCancel(c.r.Context())
	defer cancel()
	var ahead []*batch
	var spare []*batch // have been written
	fill := &batch{}
	defer func() {
		cancel()
		for _, b := range ahead { // no goroutine outlives the answer
			<-b.done //nolint:errcheck // the answer has failed already
		}
	}()
	finish := func() error {
		b := ahead[0]
		ahead = ahead[1:]
		if err := <-b.done; err != nil {
			return err
		}
		for _, w := range b.list {
			if err := fn(w); err != nil {
				return err
			}
		}
		b.empty()
		spare = append(spare, b)
		return now()
	}
	start := func() error {
		if len(fill.list) == 0 {
			return nil
		}
		b := fill
		b.done = make(chan error, 1)
		ahead = append(ahead, b)
		go func() { b.done <- guarded(func() error { return c.read(ctx, b) }) }()
		if len(ahead) == batchesAhead {
			if err := finish(); err != nil {
				return err
			}
		}
		if fill = (&batch{}); len(spare) > 0 {
			fill, spare = spare[0], spare[1:]
		}
		return nil
	}
	scan := scan{s: s, q: q, picked: q.picker(s), reader: s.Reader()}
	defer scan.reader.Close()
	for _, b := range s.Blocks {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("answer: %w", context.Cause(ctx))
		}
		list, err := c.joinedOf(&scan, b)
		if err != nil {
			return err
		}
		for _, w := range list {
			fill.add(w)
			if len(fill.ids) >= batchReports || fill.text >= batchText {
				if err := start(); err != nil {
					return err
				}
			}
		}
	}
	if err := start(); err != nil {
		return err
	}
	for len(ahead) > 0 {
		if err := finish(); err != nil {
			return err
		}
	}
	return nil
}

// joinedOf returns the matching requests of a block, without their reports. Their
// texts are valid until the next block is opened.
func (c *call) joinedOf(s *scan, b *documents.Block) (list []joined, err error) {
	var all []match
	if err := s.matches(b, func(m match) { all = append(all, m) }); err != nil {
		return nil, err
	}
	var ids []string
	for _, m := range all {
		if c.h.joined[m.mark.Status] || s.q.cleaned {
			ids = append(ids, m.id)
		}
	}
	refs := map[string][]join.ReportRef{}
	if len(ids) > 0 {
		for i, found := range c.h.o.Store.Reports(ids) {
			refs[ids[i]] = found
		}
	}
	for _, m := range all {
		w := joined{id: m.id, text: m.text}
		if s.q.cleaned && slices.ContainsFunc(refs[m.id], func(r join.ReportRef) bool { return !r.Idle }) {
			continue
		}
		if c.h.joined[m.mark.Status] {
			w.refs = refs[m.id]
		}
		list = append(list, w)
	}
	return list, nil
}

// guarded converts a panic to an error. Nothing else recovers in the goroutine.
func guarded(read func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &panicError{value: p}
		}
	}()
	return read()
}

// read reads the reports of a batch.
func (c *call) read(ctx context.Context, b *batch) error {
	if len(b.ids) == 0 {
		return nil
	}
	docs, err := c.h.documents(ctx, b.ids, b.room.keep)
	if err != nil {
		return err
	}
	for i := range b.list {
		w := &b.list[i]
		w.reports, docs = docs[:len(w.refs)], docs[len(w.refs):]
	}
	return nil
}

// documents reads agents' reports or job documents in batches.
func (h *Handler) documents(ctx context.Context, ids []string, keep func(doc []byte) []byte) (docs [][]byte, err error) {
	for some := range slices.Chunk(ids, batchReports) {
		select {
		case h.reads <- struct{}{}:
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for a turn: %w", context.Cause(ctx))
		}
		found, err := h.readSome(ctx, some, keep)
		<-h.reads
		if err != nil {
			return nil, err
		}
		docs = append(docs, found...)
	}
	return docs, nil
}

func (h *Handler) readSome(ctx context.Context, ids []string, keep func(doc []byte) []byte) ([][]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, h.o.Timeout)
	defer cancel()
	docs, err := h.o.Source.Documents(ctx, ids, keep)
	if err == nil && len(docs) != len(ids) {
		err = fmt.Errorf("%d documents came, want %d", len(docs), len(ids))
	}
	if err != nil {
		return nil, fmt.Errorf("read documents: %w", err)
	}
	return docs, nil
}

// hasReports reports whether there is a report. Deleted ones are nil.
func hasReports(docs [][]byte) bool {
	return slices.ContainsFunc(docs, func(doc []byte) bool { return doc != nil })
}

// appendReports appends the AgentJobInfo of some reports. Deleted ones are left
// out.
func appendReports(dst []byte, docs [][]byte) []byte {
	var of property.Document
	dst = append(dst, '{')
	first := true
	for _, doc := range docs {
		if doc == nil {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		of.Reset(doc)
		agent, ok := of.Text("agent_url")
		if !ok {
			agent = nothing
		}
		dst = append(property.AppendText(dst, agent), ':')
		dst = property.ASCII(dst, doc)
	}
	return append(dst, '}')
}
