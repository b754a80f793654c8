package couch

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// A complete answer need not contain every document: a server may limit rows, an
// index may lack some, or a proxy may drop some, and the answer is still well
// formed. So each full read is checked against a list of ids from another
// resource of the database; the list is a few hundredths of the documents'
// bytes. Documents that are in the list and not in the read are passed on
// without their content, to be requested by id.

// mostLacking is the maximum number of documents that a read may lack. A read
// that lacks more is abandoned for the next way: requesting each by id would
// cost as much as another read.
const mostLacking = 5000

// Resources that can be checked against one another, as ways to read and as
// lists.
const (
	byView    = "view"
	byQuery   = "query"
	byChanges = "changes"
	byScan    = "scan"
)

// errFewer means that a read returned far fewer documents than exist.
var errFewer = errors.New("fewer documents came than there are")

// idSet is a set of many ids that are all added before the first lookup.
type idSet struct {
	seed   maphash.Seed
	hashes []uint64
	sorted bool
}

func newIDSet() *idSet { return &idSet{seed: maphash.MakeSeed()} }

func (s *idSet) add(id string) {
	s.hashes, s.sorted = append(s.hashes, maphash.String(s.seed, id)), false
}

func (s *idSet) sort() {
	if !s.sorted {
		slices.Sort(s.hashes)
		s.hashes, s.sorted = slices.Compact(s.hashes), true
	}
}

// len returns the number of ids without duplicates.
func (s *idSet) len() int64 {
	s.sort()
	return int64(len(s.hashes))
}

func (s *idSet) has(id string) bool {
	s.sort()
	_, found := slices.BinarySearch(s.hashes, maphash.String(s.seed, id))
	return found
}

// lister lists the ids of the documents of interest from one resource.
type lister struct {
	resource string
	list     func(ctx context.Context, fn func(Row) error) error
}

// listers returns the resources that list the ids of the documents that Read
// should return. None needs a view.
func (c *Client) listers(db Database, statuses []string) []lister {
	selector := ofTypes()
	if db == Requests {
		selector = ofStatuses(statuses)
	}
	return []lister{
		{byChanges, func(ctx context.Context, fn func(Row) error) error {
			return c.selectedChanges(ctx, db, selector, false, fn)
		}},
		{byQuery, func(ctx context.Context, fn func(Row) error) error {
			return c.find(ctx, db, selector, []string{"_id"}, fn)
		}},
	}
}

// hold passes on, without content, the documents that the database has and a
// finished read did not return. errFewer means too many of them. If a list is
// unavailable the next is tried, each twice if it failed; held is false when
// none was available. Any other error is one of the database.
func (c *Client) hold(ctx context.Context, db Database, statuses []string, resource string, came *idSet, fn func(Row) error) (held bool, err error) {
	left := slices.DeleteFunc(c.listers(db, statuses), func(l lister) bool { return l.resource == resource }) // the same resource would leave out the same documents
	for range 2 {
		var failed []lister
		for _, l := range left {
			lacking, err := c.lacking(ctx, l, came)
			switch {
			case err == nil:
				return true, c.passOn(db, lacking, fn)
			case errors.Is(err, errFewer), ctx.Err() != nil, !c.answersFor(ctx, db):
				return false, err
			case !absent(err) && !errors.Is(err, ErrFrozen): // waiting once more for a silent list takes too long
				failed = append(failed, l)
			}
			c.o.Log.Warn("cannot read the list of ids, trying another one", "database", db.String(), "method", l.resource, "err", err)
		}
		left = failed
	}
	c.o.Log.Warn("cannot check whether a read returned all documents", "database", db.String(), "method", resource)
	return false, nil
}

// lacking returns the documents that a list has and a read did not return.
func (c *Client) lacking(ctx context.Context, l lister, came *idSet) (rows []Row, err error) {
	named := map[string]bool{} // of rows
	err = l.list(ctx, func(r Row) error {
		if r.Deleted || strings.HasPrefix(r.ID, designPrefix) || came.has(r.ID) || named[r.ID] {
			return nil
		}
		if len(rows) == mostLacking {
			return &Error{Op: "check a read against the list of documents", Kind: ErrCut, Reason: fmt.Sprintf("more than %d documents are missing", mostLacking), Err: errFewer}
		}
		named[r.ID] = true
		rows = append(rows, Row{ID: r.ID, Rev: r.Rev, Error: "the read left it out, or it was written since"})
		return nil
	})
	return rows, err
}

func (c *Client) passOn(db Database, lacking []Row, fn func(Row) error) error {
	if len(lacking) > 0 {
		c.o.Log.Info("a read left documents out; they are requested by id", "database", db.String(), "documents", len(lacking), "examples", Brief(lacking[0].ID))
	}
	for _, row := range lacking {
		if err := fn(row); err != nil {
			return err
		}
	}
	return nil
}

// selectedChanges reads the documents that match a selector from all changes, or
// only their ids.
func (c *Client) selectedChanges(ctx context.Context, db Database, selector any, docs bool, fn func(Row) error) error {
	op := "read " + db.String() + " by its changes"
	var a asking
	for since := Seq("0"); ; {
		query := url.Values{"feed": {"normal"}, "since": {string(since)}, "filter": {"_selector"}}
		if docs {
			query.Set("include_docs", "true")
		} else {
			query.Set("seq_interval", "1000") // a position of 150 characters in each row would outweigh everything else
		}
		changes := 0
		t, err := c.rowsOf(ctx, op, http.MethodPost, db, "_changes", query, map[string]any{"selector": selector}, func(r Row) error {
			changes++
			return fn(r)
		})
		if err == nil {
			err = t.positioned(op)
		}
		if err != nil {
			return err
		}
		since = seqOf(t.LastSeq)
		if more, err := a.next(ctx, op, changes, t); err != nil || !more {
			return err
		}
	}
}
