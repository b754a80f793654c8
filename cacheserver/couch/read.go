package couch

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// The types of documents in the WMStats database that are read in bulk; those
// of type jobsummary (millions) never travel.
const (
	typeAgentRequest = "agent_request"
	typeAgentInfo    = "agent_info"
)

// way is one way to read a database; the ways of a database are tried in order
// until the server takes one.
type way struct {
	name string
	read func(ctx context.Context, fn func(Row) error) error
}

// Read calls fn with every document of db that may be of interest: request
// documents in one of the statuses, or agent_request and agent_info documents.
// It may deliver a document twice, and others that the caller has to leave
// out; a row may lack its document (Row.Lacking), which ByID may have. used names the way that was taken, for the log. Rows are valid inside
// fn only; an error of fn ends the read and is returned as it is.
func (c *Client) Read(ctx context.Context, db Database, statuses []string, fn func(Row) error) (used string, err error) {
	ways := c.requestWays(statuses)
	if db == WMStats {
		ways = c.agentWays()
	}
	deliver := func(r Row) error {
		if r.Deleted || strings.HasPrefix(r.ID, "_design/") {
			return nil // deleted since the index was read, or code
		}
		return fn(r)
	}
	for i, w := range ways {
		err = w.read(ctx, deliver)
		if i == len(ways)-1 || !tryNext(err) {
			return w.name, err
		}
		c.o.Log.Info("this way to read is not open", "database", db.String(), "way", w.name, "err", err)
	}
	return "", err
}

// tryNext tells whether the server does not offer what was asked for, so that
// another way may do. A failure of the server is no reason: the other ways
// cost it far more. One that concerns its JavaScript process is: a document that
// this can't take in its time (7.5 MB were seen to do it) fails the view each
// time, and only the view.
func tryNext(err error) bool {
	var e *Error
	if !errors.As(err, &e) || e.Status == 0 {
		return false
	}
	switch e.Code {
	case "unknown_query_language", "query_parse_error", "compilation_error", "not_implemented", "os_process_error":
		return true
	}
	return errors.Is(err, ErrNotFound) || errors.Is(err, ErrRefused) || e.Status == http.StatusNotImplemented
}

// requestWays are the ways to read request documents of some statuses.
func (c *Client) requestWays(statuses []string) []way {
	wanted := map[string]any{"RequestStatus": map[string]any{"$in": statuses}}
	return []way{
		{"view " + c.o.Design + "/bystatus", func(ctx context.Context, fn func(Row) error) error {
			return c.view(ctx, Requests, c.o.Design, "bystatus", statuses, fn)
		}},
		{"Mango query by status", func(ctx context.Context, fn func(Row) error) error {
			return c.find(ctx, Requests, wanted, fn)
		}},
		{"scan of all documents", func(ctx context.Context, fn func(Row) error) error {
			return c.allDocs(ctx, Requests, fn)
		}},
	}
}

// agentWays are the ways to read agent_request and agent_info documents. The
// views have design documents of their own on the server itself; behind the
// front end they go by the name WMStats.
func (c *Client) agentWays() []way {
	var ways []way
	for _, design := range []string{"WMStatsErl7", "WMStats"} {
		ways = append(ways, way{"views " + design + "/latestRequest and agentInfo", func(ctx context.Context, fn func(Row) error) error {
			if err := c.view(ctx, WMStats, design, "latestRequest", nil, fn); err != nil {
				return err
			}
			return c.view(ctx, WMStats, design, "agentInfo", nil, fn)
		}})
	}
	return append(ways,
		way{"changes from the beginning, selected by type", func(ctx context.Context, fn func(Row) error) error {
			query := url.Values{"feed": {"normal"}, "include_docs": {"true"}, "since": {"0"}, "filter": {"_selector"}}
			body := map[string]any{"selector": ofTypes()}
			return c.bulk(ctx, "read wmstats by its changes", http.MethodPost, WMStats, "_changes", query, body, fn)
		}},
		way{"scan of all documents", func(ctx context.Context, fn func(Row) error) error {
			return c.allDocs(ctx, WMStats, fn)
		}},
	)
}

// ofTypes is the selector of the documents that are read in bulk.
func ofTypes() map[string]any {
	return map[string]any{"type": map[string]any{"$in": []string{typeAgentRequest, typeAgentInfo}}}
}

// view reads the documents of a view, of some keys or (nil) of all.
func (c *Client) view(ctx context.Context, db Database, design, name string, keys []string, fn func(Row) error) error {
	op := fmt.Sprintf("read %s by view %s/%s", db, design, name)
	path := "_design/" + url.PathEscape(design) + "/_view/" + url.PathEscape(name)
	query := url.Values{"include_docs": {"true"}, "reduce": {"false"}}
	if keys == nil {
		return c.bulk(ctx, op, http.MethodGet, db, path, query, nil, fn)
	}
	return c.bulk(ctx, op, http.MethodPost, db, path, query, map[string]any{"keys": keys}, fn)
}

// allDocs reads all documents.
func (c *Client) allDocs(ctx context.Context, db Database, fn func(Row) error) error {
	query := url.Values{"include_docs": {"true"}}
	return c.bulk(ctx, "scan "+db.String(), http.MethodGet, db, "_all_docs", query, nil, fn)
}

// find reads the documents that a selector picks.
func (c *Client) find(ctx context.Context, db Database, selector any, fn func(Row) error) error {
	op := "query " + db.String()
	s, err := c.open(ctx, op, http.MethodPost, db, "_find", nil, map[string]any{
		"selector": selector,
		"limit":    1<<31 - 1, // the default is 25
	}, c.o.ReadIdle)
	if err != nil {
		return err
	}
	defer s.close()
	_, err = s.rows(func(raw []byte) error {
		row, err := parseDoc(raw)
		if err != nil {
			return &Error{Op: op, Kind: ErrForm, Err: err}
		}
		return identified(op, Change{Row: row}, fn)
	}, func() {})
	return err
}

// bulk reads an answer whose rows carry documents.
func (c *Client) bulk(ctx context.Context, op, method string, db Database, path string, query url.Values, body any, fn func(Row) error) error {
	s, err := c.open(ctx, op, method, db, path, query, body, c.o.ReadIdle)
	if err != nil {
		return err
	}
	defer s.close()
	_, err = s.rows(func(raw []byte) error {
		row, err := parseRow(raw)
		if err != nil {
			return &Error{Op: op, Kind: ErrForm, Err: err}
		}
		return identified(op, row, fn)
	}, func() {})
	return err
}

// identified calls fn with a row of a document. One that does not say of which
// is a failure, unless it says that it is of none: nobody could ask for it again.
func identified(op string, row Change, fn func(Row) error) error {
	switch {
	case row.ID != "":
		return fn(row.Row)
	case row.none && len(row.Doc) == 0:
		return nil
	}
	return &Error{Op: op, Kind: ErrRow, Code: row.Error, Reason: "a row without an id"}
}
