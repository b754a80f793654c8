package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/dmwm/wmstats/cacheserver/couch"
	"github.com/dmwm/wmstats/cacheserver/follower"
	"github.com/dmwm/wmstats/cacheserver/join"
	"github.com/dmwm/wmstats/cacheserver/legacy"
	"github.com/dmwm/wmstats/cacheserver/legacy/documents"
	"github.com/dmwm/wmstats/cacheserver/store"
)

// newDocuments returns the store of the request documents of the old API; nil
// where that API is not served.
func (a *App) newDocuments() (*documents.Documents, error) {
	if !a.o.Legacy.On {
		return nil, nil
	}
	d, err := documents.New(documents.Options{Statuses: legacy.Statuses(a.o.T0), Log: a.Log})
	if err != nil {
		return nil, fmt.Errorf("set up the old API: %w", err)
	}
	return d, nil
}

// newLegacy returns the old API; nil where it is not served.
func (a *App) newLegacy(source source, registry *prometheus.Registry) (*legacy.Handler, error) {
	if a.documents == nil {
		return nil, nil
	}
	atOnce := a.o.Legacy.Requestcache
	if atOnce == 0 {
		atOnce = -1
	}
	h, err := legacy.New(legacy.Options{
		Documents: a.documents, Store: a.shownStore(), Source: legacySource{source}, Owed: a.owedRequests, SecondHand: a.o.RequestCache != "",
		TierZero: a.o.T0, Statuses: a.o.Statuses, MaxAge: a.o.Legacy.MaxAge, Ignore: a.o.Legacy.Ignore, AtOnce: atOnce,
		Keep: a.o.Demand.Keep, Timeout: a.o.Demand.Timeout, Gate: a.Gate, Cache: a.cache, Version: a.o.Version, Registry: registry, Log: a.Log,
	})
	if err != nil {
		return nil, fmt.Errorf("set up the old API: %w", err)
	}
	return h, nil
}

// besides are the paths of the old API, which stay where they are if the new one has a
// base path: its clients know no other.
func besides(old *legacy.Handler) func(path string) bool {
	if old == nil {
		return nil
	}
	return old.Serves
}

// withLegacy serves the paths of the old API beside those of the new one.
func withLegacy(old *legacy.Handler, rest http.Handler) http.Handler {
	if old == nil {
		return rest
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if old.Serves(r.URL.Path) {
			old.ServeHTTP(w, r)
			return
		}
		rest.ServeHTTP(w, r)
	})
}

// allLoaded is closed when a first read has filled everything.
func (a *App) allLoaded() <-chan struct{} {
	if a.documents != nil {
		return a.documents.Complete()
	}
	return a.records.Wait("")
}

// readWhole starts a full read for the old API after a checkpoint without its
// documents. The first list is served before that read.
func (a *App) readWhole() {
	if a.documents == nil || !a.follower.Loaded() {
		return
	}
	if _, ok := a.documents.Snapshot(); !ok {
		a.Log.Info("the checkpoint has no request documents for the old API; reading everything")
		a.follower.ReadWhole()
	}
}

// feed is the store of the follower that also fills the documents.
func feed(records *store.Store, docs *documents.Documents, log *slog.Logger) follower.Store {
	to := follower.OfStore(records)
	if docs == nil {
		return to
	}
	return documentFeed{to, records, docs, log}
}

// documentFeed passes documents to the store first: lists do not wait for the
// needs of the old API.
type documentFeed struct {
	follower.Store

	records *store.Store
	docs    *documents.Documents
	log     *slog.Logger
}

func (f documentFeed) KnownHash(kind join.Kind, id string) (uint64, bool) {
	return f.records.KnownHash(kind, id)
}

func (f documentFeed) Apply(changes []join.Change) store.Result {
	result := f.Store.Apply(changes)
	if changes := requestsOf(changes); len(changes) > 0 {
		f.docs.Apply(changes)
	}
	return result
}

func (f documentFeed) BeginLoad() follower.Load {
	return &documentLoad{Load: f.Store.BeginLoad(), read: f.docs.BeginRead(), log: f.log}
}

// requestsOf returns the changes of request documents.
func requestsOf(changes []join.Change) (out []documents.Change) {
	for i := range changes {
		if c := &changes[i]; c.Kind == join.Request && (c.Doc != nil || c.Deleted || c.Stands) {
			out = append(out, documents.Change{ID: c.ID, Doc: c.Doc, Deleted: c.Deleted, Stands: c.Stands, Unusable: c.Stands && c.Doc != nil})
		}
	}
	return out
}

// documentLoad is a full read that also fills the documents.
type documentLoad struct {
	follower.Load

	read    *documents.Read
	log     *slog.Logger
	aborted atomic.Bool
}

func (l *documentLoad) Add(changes []join.Change) {
	whole := requestsOf(changes)
	if len(whole) > 0 {
		l.read.Add(whole)
	}
	l.Load.Add(changes)
}

// Commit commits the records, and then the documents if the read is accepted.
func (l *documentLoad) Commit() (store.Result, error) {
	result, err := l.Load.Commit()
	if err != nil {
		return result, err //nolint:wrapcheck // the follower distinguishes them
	}
	var gone []string
	for _, d := range result.Swept {
		if d.Kind == join.Request {
			gone = append(gone, d.ID)
		}
	}
	if err := l.read.Commit(gone, l.aborted.Load); err != nil {
		l.log.Error("the old API has no request documents; it waits for the next full read", "err", err)
	}
	return result, nil
}

// Abort ends the read, even while it is committed.
func (l *documentLoad) Abort() {
	l.aborted.Store(true)
	l.Load.Abort()
}

// legacySource adapts a source to the interface of the old API.
type legacySource struct{ source source }

// whole is a source that serves documents by id.
type whole interface {
	Documents(ctx context.Context, db couch.Database, ids []string, keep func(doc []byte) []byte) ([]couch.Row, error)
}

// jobRows is a source with job documents.
type jobRows interface {
	EachJob(ctx context.Context, workflow string, begin func(), fn func(id string, key []byte) error) error
}

var (
	errNoDocuments = errors.New("the source does not serve single documents")
	errNoJobs      = errors.New("the source has no job documents")
)

func (s legacySource) documents(ctx context.Context, db couch.Database, ids []string, keep func(doc []byte) []byte) ([][]byte, error) {
	from, ok := s.source.(whole)
	if !ok {
		return nil, errNoDocuments
	}
	rows, err := from.Documents(ctx, db, ids, keep)
	if err != nil {
		return nil, err //nolint:wrapcheck // the API adds what it reads
	}
	docs := make([][]byte, len(rows))
	for i, row := range rows {
		if row.Lacking() {
			return nil, fmt.Errorf("the source did not deliver the document %s: %s", couch.Brief(row.ID), row.Error)
		}
		docs[i] = row.Doc
	}
	return docs, nil
}

func (s legacySource) Requests(ctx context.Context, ids []string) ([][]byte, error) {
	return s.documents(ctx, couch.Requests, ids, bytes.Clone)
}

func (s legacySource) Documents(ctx context.Context, ids []string, keep func(doc []byte) []byte) ([][]byte, error) {
	return s.documents(ctx, couch.WMStats, ids, keep)
}

func (s legacySource) EachJob(ctx context.Context, workflow string, begin func(), fn func(id string, key []byte) error) error {
	from, ok := s.source.(jobRows)
	if !ok {
		return errNoJobs
	}
	return from.EachJob(ctx, workflow, begin, fn) //nolint:wrapcheck // the API adds what it reads
}
