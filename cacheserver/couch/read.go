package couch

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// Types of documents in the WMStats database that are read in bulk; those of
// type jobsummary (millions) are never transferred.
const (
	typeAgentRequest = "agent_request"
	typeAgentInfo    = "agent_info"
)

// designPrefix begins the ids of design documents.
const designPrefix = "_design/"

// way is one way to read a database; the ways of a database are tried in order
// until the server supports one.
type way struct {
	name     string
	resource string // what it reads; the same view under another name is the same resource
	read     func(ctx context.Context, fn func(Row) error) error
	count    counter // of the documents that the resource reports; nil: it reports none
}

// Read calls fn with every document of db that may be of interest: request
// documents in one of the statuses, or agent_request and agent_info documents.
// It may deliver a document twice, and others that the caller must skip. A row
// may lack its document (Row.Lacking), which ByID may then return; so does the
// row of a document that is missing from the answers and is in a list of all
// ids. used names the way that was used, for the log. Rows are valid inside fn
// only. An error of fn ends the read and is returned unchanged.
func (c *Client) Read(ctx context.Context, db Database, statuses []string, fn func(Row) error) (used string, err error) {
	ways := c.requestWays(statuses)
	if db == WMStats {
		ways = c.agentWays()
	}
	came := newIDSet()
	deliver := func(r Row) error {
		if r.Deleted || strings.HasPrefix(r.ID, designPrefix) {
			return nil // deleted since the index was read, or a design document
		}
		came.add(r.ID)
		return fn(r)
	}
	whole := func(w way) error {
		if err := w.read(ctx, deliver); err != nil {
			return err
		}
		if held, err := c.hold(ctx, db, statuses, w.resource, came, fn); held || err != nil || w.count == nil {
			return err
		}
		return reaches(ctx, "check a read against the number of rows of its view", came.len(), w.count)
	}
	defer c.endIndex(db)
	failed := false // an existing view
	for i, w := range ways {
		isView := w.resource == byView
		if isView && failed {
			continue
		}
		if i == len(ways)-1 {
			return w.name, whole(w)
		}
		err = c.twice(ctx, db, func() error { return whole(w) })
		if !absent(err) && !tooSlow(err) && !errors.Is(err, errFewer) || !c.answersFor(ctx, db) {
			return w.name, err
		}
		failed = failed || isView && !absent(err)
		c.o.Log.Warn("read method failed; trying the next one", "database", db.String(), "method", w.name, "err", err)
	}
	return "", err
}

// twice repeats once what the server failed to do while the database itself
// answers. One failure may be an accident; a second of the same kind is not.
func (c *Client) twice(ctx context.Context, db Database, read func() error) error {
	err := read()
	if absent(err) || !tooSlow(err) || errors.Is(err, ErrFrozen) || !c.answersFor(ctx, db) {
		return err
	}
	c.o.Log.Info("CouchDB failed; retrying once", "database", db.String(), "err", err)
	return read()
}

// absent reports whether the server does not offer what was requested, so that
// another way may work: it does not exist, was deleted, is forbidden, has
// another form, or is empty. This includes errors of the server's JavaScript
// process: a document that takes it too long (7.5 MB did) fails the view each
// time, and only the view.
func absent(err error) bool {
	var e *Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Code {
	case "unknown_query_language", "query_parse_error", "compilation_error", "not_implemented", "os_process_error":
		return true
	}
	switch {
	case e.Status == http.StatusNotImplemented, errors.Is(err, errEmpty):
		return true
	case errors.Is(err, ErrForm), errors.Is(err, ErrUnauthorized), errors.Is(err, ErrForbidden), errors.Is(err, ErrNoDatabase):
		return true
	}
	return errors.Is(err, ErrNotFound) || errors.Is(err, ErrGone) || errors.Is(err, ErrRefused) && e.Status != 0
}

// tooSlow reports whether the server failed or gave up: by its own timeout or a
// proxy's, or because an index is broken. The other ways cost the server more,
// so this counts only while the database itself answers.
func tooSlow(err error) bool {
	var e *Error
	if !errors.As(err, &e) || e.Status == http.StatusTooManyRequests {
		return false
	}
	return errors.Is(err, ErrServer) || errors.Is(err, ErrRow) || errors.Is(err, ErrFrozen)
}

// answersFor reports whether the database answers with this login: then a
// failure concerns only the requested resource.
func (c *Client) answersFor(ctx context.Context, db Database) bool {
	_, err := c.databaseInfo(ctx, "check that "+db.String()+" exists", db)
	return err == nil
}

// errEmpty means that a view has no rows although the database has documents.
var errEmpty = errors.New("the view is empty, the database is not")

// notEmptyFor returns the error of a view without rows in a database that has
// documents: its index is broken, or its definition has changed.
func (c *Client) notEmptyFor(ctx context.Context, op string, db Database) error {
	var answer struct {
		Rows []struct {
			ID string `json:"id"`
		} `json:"rows"`
	}
	for _, from := range []string{`""`, `"_design0"`} { // before and after the design documents
		query := url.Values{"limit": {"1"}, "startkey": {from}}
		if err := c.small(ctx, op, db, "_all_docs", query, &answer); err != nil {
			return err
		}
		if len(answer.Rows) > 0 && !strings.HasPrefix(answer.Rows[0].ID, designPrefix) {
			return &Error{Op: op, Kind: errEmpty}
		}
	}
	return nil
}

// requestWays returns the ways to read request documents of some statuses.
func (c *Client) requestWays(statuses []string) []way {
	return []way{
		{"view " + c.o.Design + "/bystatus", byView, func(ctx context.Context, fn func(Row) error) error {
			return c.view(ctx, Requests, c.o.Design, "bystatus", statuses, fn)
		}, c.rowsOfKeys(Requests, viewPath(c.o.Design, "bystatus"), statuses)},
		{"Mango query by status", byQuery, func(ctx context.Context, fn func(Row) error) error {
			return c.query(ctx, ofStatuses(statuses), fn)
		}, nil},
		{"scan of all documents", byScan, func(ctx context.Context, fn func(Row) error) error {
			return c.allDocs(ctx, Requests, fn)
		}, nil},
	}
}

// agentWays returns the ways to read agent_request and agent_info documents. The
// views have design documents of their own on the server; behind the front end
// they are named WMStats.
func (c *Client) agentWays() []way {
	var ways []way
	for _, design := range []string{"WMStatsErl7", "WMStats"} {
		ways = append(ways, way{"views " + design + "/latestRequest and agentInfo", byView, func(ctx context.Context, fn func(Row) error) error {
			if err := c.view(ctx, WMStats, design, "latestRequest", nil, fn); err != nil {
				return err
			}
			return c.view(ctx, WMStats, design, "agentInfo", nil, fn)
		}, c.rowsOfViews(WMStats, viewPath(design, "latestRequest"), viewPath(design, "agentInfo"))})
	}
	return append(ways,
		way{"changes from the beginning, selected by type", byChanges, func(ctx context.Context, fn func(Row) error) error {
			return c.selectedChanges(ctx, WMStats, ofTypes(), true, fn)
		}, nil},
		way{"scan of all documents", byScan, func(ctx context.Context, fn func(Row) error) error {
			return c.allDocs(ctx, WMStats, fn)
		}, nil},
	)
}

// ofTypes returns the selector of the documents that are read in bulk.
func ofTypes() map[string]any {
	return map[string]any{"type": map[string]any{"$in": []string{typeAgentRequest, typeAgentInfo}}}
}

// ofStatuses returns the selector of the requests in some statuses.
func ofStatuses(statuses []string) map[string]any {
	return map[string]any{"RequestStatus": map[string]any{"$in": statuses}}
}

// view reads the documents of a view, of some keys or (nil) of all.
func (c *Client) view(ctx context.Context, db Database, design, name string, keys []string, fn func(Row) error) error {
	op := fmt.Sprintf("read %s by view %s/%s", db, design, name)
	total, err := c.buildIndex(ctx, db, design, name)
	if err != nil {
		return err
	}
	if total == 0 {
		return c.notEmptyFor(ctx, op, db)
	}
	path := viewPath(design, name)
	query := url.Values{"include_docs": {"true"}, "reduce": {"false"}}
	if keys == nil {
		return c.bulk(ctx, op, http.MethodGet, db, path, query, nil, fn)
	}
	return c.bulk(ctx, op, http.MethodPost, db, path, query, map[string]any{"keys": keys}, fn)
}

// allDocs reads all documents. It is the last way: an answer with fewer rows
// than the server reports is a failure, since no other way would return the
// rest.
func (c *Client) allDocs(ctx context.Context, db Database, fn func(Row) error) error {
	op := "scan " + db.String()
	t, err := c.rowsOf(ctx, op, http.MethodGet, db, "_all_docs", url.Values{"include_docs": {"true"}}, nil, fn)
	if err != nil {
		return err
	}
	if total, err := strconv.ParseInt(string(t.Total), 10, 64); err == nil && t.rows < total {
		return &Error{Op: op, Kind: ErrCut, Reason: fmt.Sprintf("%d of %d rows came", t.rows, total)}
	}
	return nil
}

// find reads the documents that match a selector, or some of their fields (nil:
// all), page by page until one is empty: the end of an answer proves nothing.
func (c *Client) find(ctx context.Context, db Database, selector any, fields []string, fn func(Row) error) error {
	op := "query " + db.String()
	body := map[string]any{
		"selector": selector,
		"limit":    1<<31 - 1, // the default is 25
	}
	if fields != nil {
		body["fields"] = fields
	}
	for page := ""; ; body["bookmark"] = page {
		t, err := c.findPage(ctx, op, db, body, fn)
		if err != nil || t.rows == 0 {
			return err
		}
		next, err := text(t.Bookmark)
		if err != nil || next == "" || next == "nil" || next == page {
			return nil //nolint:nilerr // a server without bookmarks
		}
		page = next
	}
}

// findPage reads one answer to a query.
func (c *Client) findPage(ctx context.Context, op string, db Database, body map[string]any, fn func(Row) error) (tail, error) {
	s, err := c.open(ctx, op, http.MethodPost, db, "_find", nil, body, c.o.ReadIdle)
	if err != nil {
		return tail{}, err
	}
	defer s.close()
	return s.rows(func(raw []byte) error {
		row, err := parseDoc(raw)
		if err != nil {
			return &Error{Op: op, Kind: ErrForm, Err: err}
		}
		return identified(op, Change{Row: row}, fn)
	}, func() {})
}

// bulk reads an answer whose rows carry documents.
func (c *Client) bulk(ctx context.Context, op, method string, db Database, path string, query url.Values, body any, fn func(Row) error) error {
	_, err := c.rowsOf(ctx, op, method, db, path, query, body, fn)
	return err
}

// rowsOf is bulk that also returns what followed the rows.
func (c *Client) rowsOf(ctx context.Context, op, method string, db Database, path string, query url.Values, body any, fn func(Row) error) (tail, error) {
	s, err := c.open(ctx, op, method, db, path, query, body, c.o.ReadIdle)
	if err != nil {
		return tail{}, err
	}
	defer s.close()
	return s.rows(func(raw []byte) error {
		row, err := parseRow(raw)
		if err != nil {
			return &Error{Op: op, Kind: ErrForm, Err: err}
		}
		return identified(op, row, fn)
	}, func() {})
}

// identified calls fn with a row of a document. A row without an id is a
// failure, because nobody could request its document, unless it states that
// there is no document.
func identified(op string, row Change, fn func(Row) error) error {
	switch {
	case row.ID != "":
		return fn(row.Row)
	case row.none && len(row.Doc) == 0:
		return nil
	}
	return &Error{Op: op, Kind: ErrRow, Code: row.Error, Reason: "a row without an id"}
}
