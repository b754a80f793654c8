// Package load writes raw documents into a CouchDB: it waits for the server,
// creates databases and design documents, and writes in bulks. An existing
// document is updated; one that has an invented revision and does not exist yet
// keeps it (new_edits=false, as the agents write). Documents that a server
// refuses are counted and named, and never prevent the others.
//
// It generates no documents (mock/gen does) and reads none back.
package load

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dmwm/wmstats/mock/gen"
)

// Options say where documents come from and where they go.
type Options struct {
	URL            string // of the CouchDB, http or https
	User, Password string // basic authentication; none when both are empty
	Docs           iter.Seq2[gen.Doc, error]
	Create         bool          // also create databases that neither exist nor belong to WMStats; otherwise their documents fail
	Near           Near          // finds similar database names for the text of such a failure; nil: all names are listed
	Progress       io.Writer     // about one line a second; nil: none
	Wait           time.Duration // how long requests to an absent or busy server are retried; 0: 60 s
	Client         *http.Client  // nil: one of its own
}

// Near returns the names that resemble name, nearest first.
type Near func(name string, names []string) []string

// Limits of one bulk.
const (
	bulkDocs  = 500
	bulkBytes = 6 << 20
	inFlight  = 3
)

// maxNamed is how many failures a Summary names; all are counted.
const maxNamed = 20

// Failure is one document or input line that could not be written.
type Failure struct {
	DB, ID string // empty for a line of input
	Reason string
}

func (f Failure) String() string {
	if f.ID == "" {
		return f.Reason
	}
	return f.DB + "/" + f.ID + ": " + f.Reason
}

// Summary is the result of a run.
type Summary struct {
	Created, Updated, Deleted int
	Stubs                     int // documents without their attachment stubs: the input does not have the bytes
	Failed                    int
	Failures                  []Failure // the first ones
	Bytes                     int64
	Took                      time.Duration
}

func (s Summary) String() string {
	text := fmt.Sprintf("%d documents created, %d updated, %d deleted, %.1f MB in %.1f s",
		s.Created, s.Updated, s.Deleted, float64(s.Bytes)/1e6, s.Took.Seconds())
	if s.Stubs > 0 {
		text += fmt.Sprintf("; %d without their attachments", s.Stubs)
	}
	if s.Failed > 0 {
		text += fmt.Sprintf("; %d failed", s.Failed)
	}
	return text
}

// loader is one run.
type loader struct {
	opts  Options
	couch *client
	start time.Time

	mu       sync.Mutex
	sum      Summary
	shown    time.Time
	existing map[string]bool // databases that existed before, whose documents may exist
	unknown  map[string]*UnknownDatabaseError
}

// Run loads all documents. It returns an error when it could not continue, together
// with the result until then; documents that failed are in the summary only.
func Run(ctx context.Context, opts Options) (Summary, error) {
	if err := opts.validate(); err != nil {
		return Summary{}, err
	}
	if opts.Wait == 0 {
		opts.Wait = 60 * time.Second
	}
	if opts.Client == nil {
		opts.Client = &http.Client{Transport: http.DefaultTransport.(*http.Transport).Clone()}
		defer opts.Client.CloseIdleConnections()
	}
	couch, err := newClient(opts)
	if err != nil {
		return Summary{}, err
	}
	l := &loader{opts: opts, couch: couch, start: time.Now(), existing: map[string]bool{}, unknown: map[string]*UnknownDatabaseError{}}
	err = l.prepare(ctx)
	if err == nil {
		err = l.write(ctx)
	}
	l.sum.Took = time.Since(l.start)
	return l.sum, err
}

func (o Options) validate() (err error) {
	err = CheckURL(o.URL)
	if o.Docs == nil {
		err = errors.Join(err, errors.New("no documents to load"))
	}
	if o.Wait < 0 {
		err = errors.Join(err, fmt.Errorf("wait %s: must not be negative", o.Wait))
	}
	return err
}

// CheckURL reports an invalid URL of a CouchDB. It does not repeat
// the URL, which may contain a password.
func CheckURL(text string) error {
	if u, err := url.Parse(text); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return errors.New("the CouchDB URL can't be used: want http://host:port")
	}
	return nil
}

// write sends the documents in bulks, a few at once.
func (l *loader) write(outer context.Context) error {
	group, ctx := errgroup.WithContext(outer)
	group.SetLimit(inFlight)
	batches := map[string]*batch{}
	send := func(db string) {
		b := batches[db]
		delete(batches, db)
		group.Go(func() error { return l.send(ctx, b) })
	}
	for doc, err := range l.opts.Docs {
		if ctx.Err() != nil {
			break
		}
		if err != nil {
			l.fail(Failure{Reason: err.Error()})
			continue
		}
		var unknown *UnknownDatabaseError
		if err := l.ensure(ctx, doc.DB); errors.As(err, &unknown) {
			l.fail(Failure{doc.DB, doc.ID, unknown.Error()})
			continue
		} else if err != nil {
			return errors.Join(err, group.Wait())
		}
		b := batches[doc.DB]
		if b == nil {
			b = &batch{db: doc.DB}
			batches[doc.DB] = b
		}
		l.add(b, doc)
		if len(b.items) >= bulkDocs || b.bytes >= bulkBytes {
			send(doc.DB)
		}
	}
	for db := range batches {
		send(db)
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return context.Cause(outer)
}

func (l *loader) add(b *batch, doc gen.Doc) {
	it, err := newItem(doc)
	if err != nil {
		l.fail(Failure{doc.DB, doc.ID, err.Error()})
		return
	}
	if it.stubs {
		l.mu.Lock()
		l.sum.Stubs++
		l.mu.Unlock()
	}
	b.bytes += len(it.json)
	if k, twice := b.at[it.id]; twice { // the later one counts, as on the server
		b.items[k] = it
		l.done(0, 1, 0, len(it.json))
		return
	}
	if b.at == nil {
		b.at = map[string]int{}
	}
	b.at[it.id] = len(b.items)
	b.items = append(b.items, it)
}

func (l *loader) fail(f Failure) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sum.Failed++
	if len(l.sum.Failures) < maxNamed {
		l.sum.Failures = append(l.sum.Failures, f)
	}
}

// done counts the results of one bulk and shows the progress.
func (l *loader) done(created, updated, deleted, bytes int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sum.Created += created
	l.sum.Updated += updated
	l.sum.Deleted += deleted
	l.sum.Bytes += int64(bytes)
	if now := time.Now(); l.opts.Progress != nil && now.Sub(l.shown) > time.Second {
		l.shown = now
		took := now.Sub(l.start).Seconds()
		fmt.Fprintf(l.opts.Progress, "%d documents, %.0f MB, %.1f MB/s, %d failed\n",
			l.sum.Created+l.sum.Updated+l.sum.Deleted, float64(l.sum.Bytes)/1e6, float64(l.sum.Bytes)/1e6/took, l.sum.Failed)
	}
}
