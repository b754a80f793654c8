package couch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/raw"
	"golang.org/x/sync/errgroup"
)

// Detail reads one workflow: its request document, the agent_request documents
// of the given ids, and its job errors. A deleted request document is ErrGone,
// one that never existed ErrNotFound. A deleted agent document is left out.
// Unavailable job errors do not fail the call: ErrorsState reports it.
func (c *Client) Detail(ctx context.Context, request string, agents []string) (schema.Detail, error) {
	ctx, cancel := context.WithTimeout(ctx, c.o.CallTimeout)
	defer cancel()
	var (
		req    *raw.ReqMgrDoc
		parts  []*raw.ReportDoc
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
		// The document's id is the workflow's name, so the job errors can be
		// read at the same time. They get half of the time, so that an index
		// under construction does not fail the whole call.
		errCtx, cancel := context.WithTimeout(inner, c.o.CallTimeout/2)
		defer cancel()
		jobs, jobErr = c.JobErrors(errCtx, request)
		return nil
	})
	if err := group.Wait(); err != nil {
		return schema.Detail{}, err
	}
	detail := raw.Flatten(req, parts)
	switch {
	case errors.Is(jobErr, ErrNotFound), errors.Is(jobErr, ErrNoDatabase):
		detail.SetErrors(nil, schema.ErrorsNotLoaded)
	case jobErr != nil:
		detail.SetErrors(nil, schema.ErrorsFailed)
	default:
		detail.SetErrors(jobs, "")
	}
	if jobErr != nil {
		c.o.Log.Warn("could not read job errors", "workflow", request, "err", jobErr)
	}
	return detail, nil
}

// request reads and decodes a request document.
func (c *Client) request(ctx context.Context, id string) (*raw.ReqMgrDoc, error) {
	const op = "read a request document"
	if id == "" {
		return nil, &Error{Op: op, Kind: ErrNotFound, Reason: "no id given"}
	}
	var body json.RawMessage
	err := viaKivik(ctx, op, func() error { return c.kivik.DB(c.o.RequestDB).Get(ctx, id).ScanDoc(&body) })
	if err != nil {
		return nil, err
	}
	if fault := (Row{ID: id, Doc: body}).Fault(); fault != "" {
		return nil, &Error{Op: op, Kind: ErrForm, Reason: fault}
	}
	doc, err := raw.DecodeReqMgr(body)
	if err != nil {
		return nil, &Error{Op: op, Kind: ErrForm, Err: err}
	}
	return doc, nil
}

// agentDocs reads and decodes agent_request documents. One that is deleted or
// unusable is left out, as in the lists. One that exists and does not come fails
// the call: sums without it would be wrong.
func (c *Client) agentDocs(ctx context.Context, ids []string) ([]*raw.ReportDoc, error) {
	const op = "read agent documents"
	rows, err := c.Documents(ctx, WMStats, ids, bytes.Clone)
	if err != nil {
		return nil, err
	}
	docs := make([]*raw.ReportDoc, 0, len(rows))
	for _, row := range rows {
		switch {
		case row.Lacking():
			return nil, notHad(op, row)
		case row.Doc == nil:
			continue
		}
		doc, err := raw.DecodeReport(row.Doc)
		if err != nil {
			c.o.Log.Warn("agent document skipped in details", "id", Brief(row.ID), "rev", row.Rev, "err", err)
			continue
		}
		docs = append(docs, doc)
	}
	return docs, nil
}
