package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/dmwm/wmstats/cacheserver/api"
	"github.com/dmwm/wmstats/cacheserver/couch"
	"github.com/dmwm/wmstats/cacheserver/ondemand"
	"github.com/dmwm/wmstats/schema"
)

// details converts the errors of a source to those that the API knows.
type details struct{ source api.Details }

func (d details) Detail(ctx context.Context, request string, agents []string) (schema.Detail, error) {
	detail, err := d.source.Detail(ctx, request, agents)
	if errors.Is(err, couch.ErrNoDatabase) { // nothing is known about the request
		return detail, err //nolint:wrapcheck // the source names the operation
	}
	return detail, absent(err)
}

// jobs does the same for failing jobs and messages.
type jobs struct{ source api.Jobs }

// jobsOf returns nil for a source that has neither job documents nor a log.
func jobsOf(s source) api.Jobs {
	if has, ok := s.(api.Jobs); ok {
		return jobs{has}
	}
	return nil
}

func (j jobs) JobErrors(ctx context.Context, workflow string) ([]schema.JobError, error) {
	groups, err := j.source.JobErrors(ctx, workflow)
	return groups, absent(err)
}

func (j jobs) JobSamples(ctx context.Context, workflow string, match func(schema.JobError) bool, limit int) ([]schema.JobSample, int64, error) {
	samples, total, err := j.source.JobSamples(ctx, workflow, match, limit)
	return samples, total, absent(err)
}

func (j jobs) FailingJobs(ctx context.Context, wanted func(string) bool, fn func(schema.JobError) error) error {
	return absent(j.source.FailingJobs(ctx, wanted, fn))
}

func (j jobs) LogEntries(ctx context.Context, workflow string) ([]schema.LogEntry, error) {
	entries, err := j.source.LogEntries(ctx, workflow)
	return entries, absent(err)
}

func (j jobs) AllLogEntries(ctx context.Context, wanted func(string) bool, fn func([]schema.LogEntry) error) error {
	return absent(j.source.AllLogEntries(ctx, wanted, fn))
}

// absent marks errors that mean that the source answers but does not provide
// the kind: no such document, view or database. All others are failures.
func absent(err error) error {
	for _, kind := range []error{couch.ErrNotFound, couch.ErrGone, couch.ErrNoDatabase} {
		if errors.Is(err, kind) {
			return fmt.Errorf("%w: %w", ondemand.ErrAbsent, err)
		}
	}
	return err
}
