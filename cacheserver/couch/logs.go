package couch

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/raw"
)

// LogEntries reads the messages about one workflow, newest first: from the view
// or, if that does not answer, by a query. Without either the error is
// ErrNotFound, ErrGone or ErrNoDatabase.
func (c *Client) LogEntries(ctx context.Context, workflow string) ([]schema.LogEntry, error) {
	ctx, cancel := context.WithTimeout(ctx, c.o.CallTimeout)
	defer cancel()
	var entries []schema.LogEntry
	var seen map[string]bool // the view has a row per message, each with the whole document
	begin := func() { entries, seen = []schema.LogEntry{}, map[string]bool{} }
	take := func(r Row) error {
		if seen[r.ID] {
			return nil
		}
		seen[r.ID] = true
		doc, err := raw.DecodeLog(r.Doc)
		if err != nil {
			c.o.Log.Warn("log document skipped", "id", Brief(r.ID), "err", err)
			return nil
		}
		entries = append(entries, doc.Entries()...)
		return nil
	}
	begin()
	// The view gets half of the time, so that the rest is left for the query.
	half, cancelHalf := context.WithTimeout(ctx, c.o.CallTimeout/2)
	defer cancelHalf()
	err := c.logByView(half, workflow, take)
	if err == nil && len(seen) == 0 {
		err = c.logViewIsEmpty(half)
	}
	late := errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil
	if (absent(err) || tooSlow(err) || late) && c.answersFor(ctx, LogDB) {
		c.o.Log.Info("view of log entries failed; using a query", "workflow", workflow, "err", err)
		begin()
		err = c.find(ctx, LogDB, map[string]any{"request": workflow}, nil, faultless("query log entries", take))
	}
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(entries, func(a, b schema.LogEntry) int { return cmp.Compare(b.Time, a.Time) })
	return entries, nil
}

// AllLogEntries calls fn with the messages of each document about a selected
// workflow, in the order of the documents' ids. It reads the whole log database
// as a stream: its view has a row for each message, each with the whole
// document. Only the caller's context limits its time. Without the database the
// error is ErrNoDatabase.
func (c *Client) AllLogEntries(ctx context.Context, wanted func(workflow string) bool, fn func([]schema.LogEntry) error) error {
	return c.allDocs(ctx, LogDB, func(r Row) error {
		if r.Deleted || strings.HasPrefix(r.ID, designPrefix) {
			return nil
		}
		if r.Lacking() || r.Fault() != "" {
			return notHad("read all log entries", r)
		}
		doc, err := raw.DecodeLog(r.Doc)
		if err != nil {
			c.o.Log.Warn("log document skipped", "id", Brief(r.ID), "err", err)
			return nil
		}
		entries := doc.Entries()
		if len(entries) == 0 || !wanted(entries[0].Workflow) {
			return nil
		}
		return fn(entries)
	})
}

// logView returns the path of the view of log entries.
func logView() string { return viewPath("LogDB", "logByRequest") }

func (c *Client) logByView(ctx context.Context, workflow string, fn func(Row) error) error {
	const op = "read log entries"
	key, err := json.Marshal(workflow)
	if err != nil {
		return &Error{Op: op, Kind: ErrRefused, Err: err}
	}
	query := url.Values{"key": {string(key)}, "reduce": {"false"}, "include_docs": {"true"}}
	t, err := c.whole(ctx, op, http.MethodGet, LogDB, logView(), query, nil, fn, func(r Row) error { return notHad(op, r) })
	if err != nil {
		return err
	}
	return reaches(ctx, op, t.rows, c.rowsOfKeys(LogDB, logView(), []string{workflow}))
}

// logViewIsEmpty returns the error of a view of log entries that has no rows at
// all although the database has documents.
func (c *Client) logViewIsEmpty(ctx context.Context) error {
	const op = "check whether the view of log entries is empty"
	var answer struct {
		Total *int64 `json:"total_rows"`
	}
	if err := c.small(ctx, op, LogDB, logView(), url.Values{"limit": {"0"}, "reduce": {"false"}}, &answer); err != nil {
		return err
	}
	if answer.Total == nil || *answer.Total > 0 {
		return nil
	}
	return c.notEmptyFor(ctx, op, LogDB)
}
