package load

import (
	"context"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/web"
)

// MissingOf says why something that is read on demand is not there: the source
// has none of it, it could not be read, or the first read goes on. again is the
// address that tries again. nil when the error is of another kind, or there is
// none.
func MissingOf(what, again string, err error) *web.Missing {
	problem := wire.ProblemOf(err)
	if problem == nil {
		return nil
	}
	switch problem.Slug() {
	case wire.SlugNotInSource:
		return &web.Missing{Title: "This source has no " + what + ".", Text: problem.Detail}
	case wire.SlugSourceFailed:
		return &web.Missing{Title: "Details not read: the source does not answer.", Text: "The " + what + " could not be read from the source: " + problem.Detail, Again: again}
	case wire.SlugNotReady:
		return &web.Missing{Title: "The " + what + " are being read from the source.", Text: problem.Detail, Again: again}
	}
	return nil
}

// MissingPart is MissingOf with a text for errors of any other kind too.
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
	return &web.Missing{Title: "The " + what + " could not be had.", Text: text, Again: again}
}

// Detail is all that is known of one workflow. When the source does not give its
// details it is the list record alone, and Missing says so.
type Detail struct {
	schema.Detail
	Missing *web.Missing
}

// Workflow asks for all that is known of one workflow.
func (r Round) Workflow(name string) *Answer[Detail] {
	return ask(r, func(ctx context.Context) (Detail, Meta, error) {
		detail, meta, err := r.loader.Client.Workflow(ctx, name)
		missing := notRead(err)
		if missing == nil {
			return Detail{Detail: detail}, meta, err
		}
		list, lerr := r.loader.Client.Fetch(ctx, wire.Query{Names: []string{name}, Limit: 1})
		if lerr != nil || len(list.Items) == 0 {
			return Detail{}, meta, err // nothing is there yet, or no such workflow any more
		}
		r.loader.Log.Info("details not read", "workflow", name, "err", err)
		return Detail{schema.Detail{Workflow: list.Items[0], ErrorsState: schema.ErrorsNotLoaded}, missing}, list.Meta, nil
	})
}

// notRead says in a few words why the source did not give details; nil for an
// error of another kind.
func notRead(err error) *web.Missing {
	problem := wire.ProblemOf(err)
	if problem == nil {
		return nil
	}
	m := &web.Missing{Text: "Shown is what the list knows of this workflow."}
	switch problem.Slug() {
	case wire.SlugNotReady:
		m.Title = "Details are being read from the source."
	case wire.SlugRateLimited:
		m.Title = "Details not read: too many are being read from the source."
	case wire.SlugSourceFailed:
		m.Title = "Details not read: the source does not answer."
	default:
		return nil
	}
	return m
}

// Changes are what was done since a generation, with the records of the first of
// those.
type Changes struct {
	wire.Change
	Rows Workflows
}

// ChangedSince asks what was done since a generation, and for the records of the
// first workflows of those; rows says how many, in which order and with which
// fields.
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
