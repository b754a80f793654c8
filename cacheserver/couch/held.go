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

// An answer that ends well need not have all that there is: a server with a limit
// on rows, an index that lacks some, or something before the server that leaves
// them out, sends one that is whole in its form. So each read of everything is
// held to a list of what there is that another resource of the database gives:
// ids alone, selected by the server, a few hundredths of the documents' bytes.
// What the list names and the read did not bring is passed on without its
// document, to be asked for by its id.

// mostLacking is how many documents a read may lack. One that lacks more is given
// up for the next way: to ask for each by its id would be a read of its own.
const mostLacking = 5000

// Resources that can be held to one another, as ways to read and as lists.
const (
	byView    = "view"
	byQuery   = "query"
	byChanges = "changes"
	byScan    = "scan"
)

// errFewer says that a read brought far fewer documents than there are.
var errFewer = errors.New("fewer documents came than there are")

// idSet is a set of many ids that are all added before the first is looked for.
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

// len counts the ids, without those that came again.
func (s *idSet) len() int64 {
	s.sort()
	return int64(len(s.hashes))
}

func (s *idSet) has(id string) bool {
	s.sort()
	_, found := slices.BinarySearch(s.hashes, maphash.String(s.seed, id))
	return found
}

// lister names the documents of interest by one resource.
type lister struct {
	resource string
	list     func(ctx context.Context, fn func(Row) error) error
}

// listers are the ways to name the documents that Read is to bring. Neither
// needs a view.
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

// hold passes on, without their documents, those that a read which has ended did
// not bring though the database has them. errFewer: there are too many. A list
// that can't be had leads to the next one, and each is asked for twice where it
// failed; held is false when none could be had. Any other error is the database's.
func (c *Client) hold(ctx context.Context, db Database, statuses []string, resource string, came *idSet, fn func(Row) error) (held bool, err error) {
	left := slices.DeleteFunc(c.listers(db, statuses), func(l lister) bool { return l.resource == resource }) // it would leave out the same
	for range 2 {
		var failed []lister
		for _, l := range left {
			lacking, err := c.lacking(ctx, l, came)
			switch {
			case err == nil:
				return true, c.passOn(db, lacking, fn)
			case errors.Is(err, errFewer), ctx.Err() != nil, !c.answersFor(ctx, db):
				return false, err
			case !absent(err) && !errors.Is(err, ErrFrozen): // to wait for a silent one once more is too long
				failed = append(failed, l)
			}
			c.o.Log.Warn("cannot read the list of ids, trying another one", "database", db.String(), "method", l.resource, "err", err)
		}
		left = failed
	}
	c.o.Log.Warn("cannot check whether a read returned all documents", "database", db.String(), "method", resource)
	return false, nil
}

// lacking are the documents that a list names and a read did not bring.
func (c *Client) lacking(ctx context.Context, l lister, came *idSet) (rows []Row, err error) {
	named := map[string]bool{} // of rows
	err = l.list(ctx, func(r Row) error {
		if r.Deleted || strings.HasPrefix(r.ID, designPrefix) || came.has(r.ID) || named[r.ID] {
			return nil
		}
		if len(rows) == mostLacking {
			return &Error{Op: "hold a read to the list of its documents", Kind: ErrCut, Reason: fmt.Sprintf("more than %d did not come", mostLacking), Err: errFewer}
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

// selectedChanges reads the documents that a selector picks from all changes, or
// only names them.
func (c *Client) selectedChanges(ctx context.Context, db Database, selector any, docs bool, fn func(Row) error) error {
	op := "read " + db.String() + " by its changes"
	var a asking
	for since := Seq("0"); ; {
		query := url.Values{"feed": {"normal"}, "since": {string(since)}, "filter": {"_selector"}}
		if docs {
			query.Set("include_docs", "true")
		} else {
			query.Set("seq_interval", "1000") // a position of 150 characters in each row would be more than all else
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
