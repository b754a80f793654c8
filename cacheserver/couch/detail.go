package couch

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/dmwm/wmstats/schema"
	"github.com/go-kivik/kivik/v4"
	"golang.org/x/sync/errgroup"
)

// The values of schema.Detail.ErrorsState.
const (
	errorsLoaded    = "loaded"     // there are some
	errorsNone      = "none"       // the source says that there are none
	errorsNotLoaded = "not_loaded" // the source has no view that tells
	errorsFailed    = "failed"     // the source could not answer
)

// unknownSite stands for a job that has no site.
const unknownSite = "(unknown)"

// Detail reads one workflow: its request document, the agent_request documents
// of the given ids, and its job errors. A request document that was deleted is
// ErrGone, one that never was ErrNotFound; an agent document that is gone is
// left out. Job errors that can't be had do not fail the call: ErrorsState
// says so.
func (c *Client) Detail(ctx context.Context, request string, agents []string) (schema.Detail, error) {
	ctx, cancel := context.WithTimeout(ctx, c.o.CallTimeout)
	defer cancel()
	var (
		req    *schema.ReqMgrDoc
		parts  []*schema.AgentDoc
		jobs   []schema.JobError
		jobErr error
	)
	group, inner := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		req, err = c.request(inner, request)
		return err
	})
	group.Go(func() (err error) {
		parts, err = c.agentDocs(inner, agents)
		return err
	})
	group.Go(func() error {
		// Asked for by the document's id, which is the workflow's name: there is
		// no need to wait for the document. It gets half of the time, so that an
		// index under construction does not take the whole answer with it.
		errCtx, cancel := context.WithTimeout(inner, c.o.CallTimeout/2)
		defer cancel()
		jobs, jobErr = c.JobErrors(errCtx, request)
		return nil
	})
	if err := group.Wait(); err != nil {
		return schema.Detail{}, err
	}
	detail := schema.Flatten(req, parts)
	detail.Errors = jobs
	switch {
	case errors.Is(jobErr, ErrNotFound):
		detail.ErrorsState = errorsNotLoaded
	case jobErr != nil:
		detail.ErrorsState = errorsFailed
	case len(jobs) == 0:
		detail.ErrorsState = errorsNone
	default:
		detail.ErrorsState = errorsLoaded
	}
	if jobErr != nil {
		c.o.Log.Warn("job errors not read", "workflow", request, "err", jobErr)
	}
	if detail.Errors == nil {
		detail.Errors = []schema.JobError{}
	}
	return detail, nil
}

// request reads and decodes a request document.
func (c *Client) request(ctx context.Context, id string) (*schema.ReqMgrDoc, error) {
	const op = "read a request document"
	if id == "" {
		return nil, &Error{Op: op, Kind: ErrNotFound, Reason: "without an id"}
	}
	var raw json.RawMessage
	if err := c.kivik.DB(c.o.RequestDB).Get(ctx, id).ScanDoc(&raw); err != nil {
		return nil, fromKivik(ctx, op, err)
	}
	doc, err := schema.DecodeReqMgr(raw)
	if err != nil {
		return nil, &Error{Op: op, Kind: ErrForm, Err: err}
	}
	return doc, nil
}

// agentDocs reads and decodes agent_request documents. One that can't be used
// is left out, as it is from the lists.
func (c *Client) agentDocs(ctx context.Context, ids []string) ([]*schema.AgentDoc, error) {
	rows, err := c.Documents(ctx, WMStats, ids)
	if err != nil {
		return nil, err
	}
	docs := make([]*schema.AgentDoc, 0, len(rows))
	for _, row := range rows {
		if row.Doc == nil {
			continue
		}
		doc, err := schema.DecodeAgent(row.Doc)
		if err != nil {
			c.o.Log.Warn("agent document left out of a detail", "id", row.ID, "rev", row.Rev, "err", err)
			continue
		}
		docs = append(docs, doc)
	}
	return docs, nil
}

// JobErrors reads the groups of failing jobs of one workflow, most jobs first.
// A source without the view is ErrNotFound.
func (c *Client) JobErrors(ctx context.Context, workflow string) (groups []schema.JobError, err error) {
	for _, design := range []string{"WMStatsErl3", "WMStats"} {
		groups, err = c.jobErrors(ctx, design, workflow)
		if !errors.Is(err, ErrNotFound) {
			break
		}
	}
	return groups, err
}

func (c *Client) jobErrors(ctx context.Context, design, workflow string) ([]schema.JobError, error) {
	const op = "read job errors"
	groups := []schema.JobError{}
	err := c.query(ctx, op, WMStats, design, "jobsByStatusWorkflow", kivik.Params(map[string]any{
		"startkey":    []any{workflow},
		"endkey":      []any{workflow, map[string]any{}},
		"group_level": 8,
	}), func(rows *kivik.ResultSet) error {
		var key []json.RawMessage
		var count json.Number
		if err := rows.ScanKey(&key); err != nil {
			return &Error{Op: op, Kind: ErrRow, Err: err}
		}
		if err := rows.ScanValue(&count); err != nil {
			return &Error{Op: op, Kind: ErrRow, Err: err}
		}
		groups = append(groups, jobError(key, count))
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(groups, func(a, b schema.JobError) int { return cmp.Compare(b.Count, a.Count) })
	return groups, nil
}

// jobError makes a record of one row: the key is [workflow, task, state, exit
// code, site, ACDC URL, agent, error types] (domain page, 2.1).
func jobError(key []json.RawMessage, count json.Number) schema.JobError {
	at := func(i int) json.RawMessage {
		if i < len(key) {
			return key[i]
		}
		return nil
	}
	var types []string
	if json.Unmarshal(at(7), &types) != nil {
		types = []string{textOr(at(7), "")}
	}
	slices.Sort(types)
	site := textOr(at(4), unknownSite)
	if site == "" || site == "unknown" || site == "NA" {
		site = unknownSite
	}
	return schema.JobError{
		Workflow:   textOr(at(0), ""),
		Task:       textOr(at(1), ""),
		State:      textOr(at(2), ""),
		ExitCode:   number(at(3)),
		Site:       site,
		Agent:      textOr(at(6), ""),
		ErrorTypes: strings.Join(types, ";"),
		Count:      number(json.RawMessage(count)),
	}
}

// textOr reads a text; null, objects and the like are the other value.
func textOr(raw json.RawMessage, other string) string {
	var s *string
	if json.Unmarshal(raw, &s) != nil || s == nil {
		return other
	}
	return *s
}

// number reads a whole number, also from a text or with a fraction, else 0.
func number(raw json.RawMessage) int64 {
	s := strings.Trim(string(raw), `" `)
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n
	}
	if f, err := strconv.ParseFloat(s, 64); err == nil && math.Abs(f) < 1<<62 {
		return int64(f)
	}
	return 0
}

// LogEntry is one message about a workflow in the log database.
type LogEntry struct {
	Workflow string // request name
	Agent    string // host or service that wrote it
	Thread   string
	Type     string // info, error, warning, comment, with agent- before those of agents
	Time     int64  // Unix s
	Message  string
}

// LogEntries reads the messages about one workflow, newest first.
func (c *Client) LogEntries(ctx context.Context, workflow string) ([]LogEntry, error) {
	const op = "read log entries"
	ctx, cancel := context.WithTimeout(ctx, c.o.CallTimeout)
	defer cancel()
	entries := []LogEntry{}
	seen := map[string]bool{} // the view has a row for each message, each with the whole document
	err := c.query(ctx, op, LogDB, "LogDB", "logByRequest", kivik.Params(map[string]any{
		"key": workflow, "reduce": false, "include_docs": true,
	}), func(rows *kivik.ResultSet) error {
		id, err := rows.ID()
		if err != nil || id == "" {
			return &Error{Op: op, Kind: ErrRow, Err: err}
		}
		if seen[id] {
			return nil
		}
		seen[id] = true
		var doc struct {
			Identifier, Thr, Type string
			Messages              []struct {
				TS  float64 `json:"ts"`
				Msg string  `json:"msg"`
			}
		}
		if err := rows.ScanDoc(&doc); err != nil {
			c.o.Log.Warn("log document left out", "id", id, "err", err)
			return nil
		}
		for _, m := range doc.Messages {
			entries = append(entries, LogEntry{Workflow: workflow, Agent: doc.Identifier, Thread: doc.Thr, Type: doc.Type, Time: int64(m.TS), Message: m.Msg})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(entries, func(a, b LogEntry) int { return cmp.Compare(b.Time, a.Time) })
	return entries, nil
}

// query calls fn on each row of a small view answer.
func (c *Client) query(ctx context.Context, op string, db Database, design, view string, options kivik.Option, fn func(*kivik.ResultSet) error) (err error) {
	rows := c.kivik.DB(c.DatabaseName(db)).Query(ctx, design, view, options)
	defer func() {
		if cerr := rows.Close(); err == nil && cerr != nil {
			err = fromKivik(ctx, op, cerr)
		}
	}()
	for rows.Next() {
		if err := fn(rows); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fromKivik(ctx, op, err)
	}
	return nil
}
