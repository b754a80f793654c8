package load

import (
	"context"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/web"
)

// MissingOf explains why data read on demand are missing: the data source does not
// have them, they could not be read, or the first read has not finished. again is
// the address that tries again. It returns nil for no error and for other errors.
func MissingOf(what, again string, err error) *web.Missing {
	problem := wire.ProblemOf(err)
	if problem == nil {
		return nil
	}
	switch problem.Slug() {
	case wire.SlugNotInSource:
		return &web.Missing{Title: "This data source does not provide " + what + ".", Text: problem.Detail}
	case wire.SlugSourceFailed:
		return &web.Missing{Title: "Details not read: CouchDB does not answer.", Text: "The " + what + " could not be read from CouchDB: " + problem.Detail, Again: again}
	case wire.SlugNotReady:
		return &web.Missing{Title: "The " + what + " are being read from CouchDB.", Text: problem.Detail, Again: again}
	}
	return nil
}

// MissingPart is MissingOf with a text for other errors as well.
func MissingPart(what, again string, err error) *web.Missing {
	if err == nil {
		return nil
	}
	if m := MissingOf(what, again, err); m != nil {
		return m
	}
	text := err.Error()
	if problem := wire.ProblemOf(err); problem != nil {
		text = problem.Detail
	}
	return &web.Missing{Title: "The " + what + " are unavailable.", Text: text, Again: again}
}

// Detail is everything known about one workflow. If its details could not be read
// it has the list record only, and Missing has the reason.
type Detail struct {
	schema.Detail
	Missing *web.Missing
}

// Workflow requests everything known about one workflow.
func (r Round) Workflow(name string) *Answer[Detail] {
	return ask(r, func(ctx context.Context) (Detail, Meta, error) {
		detail, meta, err := r.loader.Client.Workflow(ctx, name)
		missing := notRead(err)
		if missing == nil {
			return Detail{Detail: detail}, meta, err
		}
		list, lerr := r.loader.Client.Fetch(ctx, wire.Query{Names: []string{name}, Limit: 1})
		if lerr != nil || len(list.Items) == 0 {
			return Detail{}, meta, err // no data yet, or the workflow is gone
		}
		r.loader.Log.Info("details not read", "workflow", name, "err", err)
		detail = schema.Detail{Workflow: list.Items[0], ErrorsState: schema.ErrorsNotLoaded}
		if detail.Holds, _, err = r.loader.Client.Holds(ctx, name); err != nil {
			r.loader.LeftOut("what holds the workflow", err)
		}
		return Detail{detail, missing}, list.Meta, nil
	})
}

// notRead explains why details could not be read; nil for other errors.
func notRead(err error) *web.Missing {
	problem := wire.ProblemOf(err)
	if problem == nil {
		return nil
	}
	m := &web.Missing{Text: "This page shows what the list has of this workflow."}
	switch problem.Slug() {
	case wire.SlugNotReady:
		m.Title = "Details are being read from CouchDB."
	case wire.SlugRateLimited:
		m.Title = "Details not read: too many are being read from CouchDB."
	case wire.SlugSourceFailed:
		m.Title = "Details not read: CouchDB does not answer."
	default:
		return nil
	}
	return m
}

// Changes are the changes since a generation, with the records of the first changed
// workflows.
type Changes struct {
	wire.Change
	Rows Workflows
}

// ChangedSince requests the changes since a generation and the records of the first
// changed workflows. rows gives their number, order and fields.
func (r Round) ChangedSince(since string, rows wire.Query) *Answer[Changes] {
	return ask(r, func(ctx context.Context) (Changes, Meta, error) {
		change, meta, err := r.loader.Client.Changes(ctx, wire.Query{}, since)
		rows.Names = change.Workflows[:min(len(change.Workflows), rows.Limit)]
		if err != nil || change.Event == wire.EventReset || len(rows.Names) == 0 {
			return Changes{Change: change}, meta, err
		}
		list, err := r.loader.Client.Fetch(ctx, rows)
		return Changes{change, list.Envelope}, list.Meta, err
	})
}
