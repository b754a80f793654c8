package requestcache

import (
	"context"
	"errors"
	"iter"
	"strings"
	"time"

	"github.com/dmwm/wmstats/cacheserver/couch"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/raw"
)

// beginning is the position before all changes.
const beginning couch.Seq = "0"

// seq returns the position of a database at an answer.
func seq(db couch.Database, version string) couch.Seq {
	return couch.Seq(db.String() + "-" + version)
}

func (s *Source) known(op string, db couch.Database) error {
	if db == couch.Requests || db == couch.WMStats {
		return nil
	}
	return &Error{Op: op, Kind: couch.ErrNoDatabase, Err: errors.New("a requestcache has no " + db.String())}
}

// Position returns the version of the current answer, after checking for a
// newer one if that is due.
func (s *Source) Position(ctx context.Context, db couch.Database) (couch.Position, error) {
	if err := s.known("ask for the position", db); err != nil {
		return couch.Position{}, err
	}
	a, err := s.look(ctx)
	if err != nil {
		return couch.Position{}, err
	}
	defer s.done(a)
	return couch.Position{Seq: seq(db, a.version), Instance: s.instance()}, nil
}

// Read calls fn with every document of the current answer: requests in all
// statuses, or the agent reports.
func (s *Source) Read(ctx context.Context, db couch.Database, _ []string, fn func(couch.Row) error) (way string, err error) {
	const op = "read the documents of a requestcache"
	if err := s.known(op, db); err != nil {
		return "", err
	}
	a, err := s.held(ctx)
	if err != nil {
		return "", err
	}
	defer s.done(a)
	var buf []byte
	for _, p := range a.docs[db] {
		if ctx.Err() != nil {
			return "", &Error{Op: op, Kind: ctx.Err()}
		}
		if buf, err = a.read(p, buf); err != nil {
			return "", err
		}
		if err := fn(couch.Row{ID: p.id, Doc: buf}); err != nil {
			return "", err
		}
	}
	return "requestcache", nil
}

// held returns the current answer, without a check unless there is none.
func (s *Source) held(ctx context.Context) (*answer, error) {
	s.mu.Lock()
	a := s.current
	if a != nil {
		a.retain()
	}
	s.mu.Unlock()
	if a != nil {
		return a, nil
	}
	return s.look(ctx)
}

// done releases an answer.
func (s *Source) done(a *answer) {
	if err := a.release(); err != nil {
		s.o.Log.Warn("could not remove temporary file", "err", err)
	}
}

// Changes yields the differences from the answer of since, and then, unless
// once is set, waits for the next answer. Since answers have no history, since
// must be the current one or the one before it. Any other is
// couch.ErrSeqUnknown, and so is one after which suspiciously many documents
// are gone. The position advances only with the last change of an answer.
func (s *Source) Changes(ctx context.Context, db couch.Database, since couch.Seq, o couch.FeedOptions) iter.Seq2[couch.Change, error] {
	return func(yield func(couch.Change, error) bool) {
		err := s.known("follow a requestcache", db)
		for err == nil {
			var a *answer
			if a, err = s.look(ctx); err != nil {
				break
			}
			if o.Alive != nil {
				o.Alive()
			}
			err = a.pass(ctx, db, since, yield)
			since = seq(db, a.version)
			s.done(a)
			if err == nil && o.Once {
				return
			}
			if err == nil {
				err = s.wait(ctx)
			}
		}
		if !errors.Is(err, errStopped) {
			yield(couch.Change{}, err)
		}
	}
}

// errStopped reports that the caller stops.
var errStopped = errors.New("stopped by the caller")

// wait waits until another check is due.
func (s *Source) wait(ctx context.Context) error {
	s.mu.Lock()
	due := s.due.Sub(s.o.Now())
	s.mu.Unlock()
	timer := time.NewTimer(max(due, time.Millisecond))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return &Error{Op: "follow a requestcache", Kind: ctx.Err()}
	case <-timer.C:
		return nil
	}
}

// pass yields the changes since a position.
func (a *answer) pass(ctx context.Context, db couch.Database, since couch.Seq, yield func(couch.Change, error) bool) error {
	const op = "follow a requestcache"
	c := a.diff[db]
	switch {
	case since == seq(db, a.version):
		return nil
	case since == "" || since == beginning:
		since, c = beginning, change{changed: make([]int, len(a.docs[db]))}
		for i := range c.changed {
			c.changed[i] = i
		}
	case a.from == "" || since != seq(db, a.from):
		return &Error{Op: op, Kind: couch.ErrSeqUnknown, Public: "the requestcache has changed more than once since; reading everything again"}
	case c.tooMany:
		return &Error{Op: op, Kind: couch.ErrSeqUnknown, Public: "many documents are gone from the requestcache; reading everything again"}
	}
	var buf []byte
	var err error
	for _, i := range c.changed {
		if ctx.Err() != nil {
			return &Error{Op: op, Kind: ctx.Err()}
		}
		p := a.docs[db][i]
		if buf, err = a.read(p, buf); err != nil {
			return err
		}
		head, _ := raw.Peek(buf) // an unreadable document has no revision
		if !yield(couch.Change{Row: couch.Row{ID: p.id, Rev: head.Rev, Doc: buf}, Seq: since}, nil) {
			return errStopped
		}
	}
	for _, id := range c.gone {
		if !yield(couch.Change{Row: couch.Row{ID: id, Deleted: true}, Seq: since}, nil) {
			return errStopped
		}
	}
	if !yield(couch.Change{Seq: seq(db, a.version), End: true}, nil) {
		return errStopped
	}
	return nil
}

// Detail returns everything that the current answer has about one workflow:
// its request document and the agents' documents of the given ids; missing
// ones are left out. An unknown workflow is couch.ErrNotFound. Job errors are
// never available, and ErrorsState says so.
func (s *Source) Detail(ctx context.Context, request string, agents []string) (schema.Detail, error) {
	const op = "read a workflow of a requestcache"
	a, err := s.held(ctx)
	if err != nil {
		return schema.Detail{}, err
	}
	defer s.done(a)
	i, ok := a.index[couch.Requests][request]
	if !ok {
		return schema.Detail{}, &Error{Op: op, Kind: couch.ErrNotFound, Public: "the workflow is not in the requestcache"}
	}
	text, err := a.read(a.docs[couch.Requests][i], nil)
	if err != nil {
		return schema.Detail{}, err
	}
	req, err := raw.DecodeReqMgr(text)
	if err != nil {
		return schema.Detail{}, &Error{Op: op, Kind: couch.ErrForm, Err: err, Public: "the request document is invalid"}
	}
	var parts []*raw.ReportDoc
	for _, id := range agents {
		i, ok := a.index[couch.WMStats][id]
		if !ok {
			continue
		}
		if text, err = a.read(a.docs[couch.WMStats][i], nil); err != nil {
			return schema.Detail{}, err
		}
		doc, err := raw.DecodeReport(text)
		if err != nil {
			s.o.Log.Warn("agent document skipped in details", "id", strings.ToValidUTF8(id, "?"), "err", err)
			continue
		}
		parts = append(parts, doc)
	}
	detail := raw.Flatten(req, parts)
	detail.SetErrors(nil, schema.ErrorsNotLoaded)
	return detail, nil
}

// Documents are those of the current answer of these ids, in their order. One that
// is not there is missing. keep copies a document, as bytes.Clone does.
func (s *Source) Documents(ctx context.Context, db couch.Database, ids []string, keep func(doc []byte) []byte) ([]couch.Row, error) {
	if err := s.known("read documents of a requestcache", db); err != nil {
		return nil, err
	}
	a, err := s.held(ctx)
	if err != nil {
		return nil, err
	}
	defer s.done(a)
	rows := make([]couch.Row, len(ids))
	var text []byte
	for n, id := range ids {
		rows[n] = couch.Row{ID: id, Missing: true}
		if i, ok := a.index[db][id]; ok {
			if text, err = a.read(a.docs[db][i], text); err != nil {
				return nil, err
			}
			rows[n] = couch.Row{ID: id, Doc: keep(text)}
		}
	}
	return rows, nil
}
