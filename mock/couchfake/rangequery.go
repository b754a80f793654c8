package couchfake

import (
	"fmt"
	"strconv"

	"github.com/tidwall/gjson"
)

// rangeQuery holds the parameters of a request to _all_docs or to a view.
type rangeQuery struct {
	start, end     *gjson.Result // nil: open
	startID, endID string        // among equal keys
	keys           []gjson.Result
	hasKeys        bool
	exclusiveEnd   bool
	descending     bool
	includeDocs    bool
	limit          int // -1: none
	skip           int
	updateSeq      bool
	update         string // "true", "false" or "lazy": whether the index is brought up to date
	reduce         *bool  // nil: as the view says
	group          bool
	groupLevel     int // 0: one group; -1: whole keys
	groupSet       bool
	conflicts      bool
}

// readRangeQuery reads the parameters of a POST body, and those of the URL,
// which override them.
func (c *call) readRangeQuery() (rangeQuery, error) {
	q := rangeQuery{limit: -1, update: "true"}
	if !c.reading() {
		body, err := c.jsonBody()
		if err != nil {
			return q, err
		}
		if body.Exists() && !body.IsObject() {
			return q, badRequest("Request body must be a JSON object")
		}
		var failed error
		body.ForEach(func(name, value gjson.Result) bool {
			failed = q.set(name.String(), value.String(), value)
			return failed == nil
		})
		if failed != nil {
			return q, failed
		}
	}
	for name, values := range c.query {
		var value gjson.Result
		if takesJSON(name) {
			if !gjson.Valid(values[0]) {
				return q, invalidJSON()
			}
			value = gjson.Parse(values[0])
		}
		if err := q.set(name, values[0], value); err != nil {
			return q, err
		}
	}
	return q, nil
}

// takesJSON names the parameters whose text is JSON.
func takesJSON(name string) bool {
	switch name {
	case "key", "keys", "startkey", "start_key", "endkey", "end_key":
		return true
	}
	return false
}

// set sets one parameter from its text or its JSON value. Unknown ones are
// ignored, as on the real server.
func (q *rangeQuery) set(name, text string, value gjson.Result) (err error) {
	switch name {
	case "key":
		q.start, q.end = &value, &value
	case "startkey", "start_key":
		q.start = &value
	case "endkey", "end_key":
		q.end = &value
	case "keys":
		if !value.IsArray() {
			return badRequest("`keys` parameter must be an array.")
		}
		q.keys, q.hasKeys = value.Array(), true
	case "startkey_docid", "start_key_doc_id":
		q.startID = text
	case "endkey_docid", "end_key_doc_id":
		q.endID = text
	case "limit":
		q.limit, err = wholeNumber(text)
	case "skip":
		q.skip, err = wholeNumber(text)
	case "group_level":
		q.groupLevel, err = wholeNumber(text)
		q.groupSet = true
	case "stale":
		return q.setStale(text)
	case "update":
		if text != "true" && text != "false" && text != "lazy" {
			return queryError("Invalid value for `update`.")
		}
		q.update = text
	case "queries":
		return notBuilt("several queries in one request")
	default:
		return q.setFlag(name, text)
	}
	return err
}

func (q *rangeQuery) setFlag(name, text string) (err error) {
	switch name {
	case "inclusive_end":
		var inclusive bool
		inclusive, err = truth(text)
		q.exclusiveEnd = !inclusive
	case "descending":
		q.descending, err = truth(text)
	case "include_docs":
		q.includeDocs, err = truth(text)
	case "update_seq":
		q.updateSeq, err = truth(text)
	case "conflicts":
		q.conflicts, err = truth(text)
	case "reduce":
		var reduce bool
		reduce, err = truth(text)
		q.reduce = &reduce
	case "group":
		q.group, err = truth(text)
		if q.group {
			q.groupLevel = -1
		}
		q.groupSet = true
	}
	return err
}

func (q *rangeQuery) setStale(text string) error {
	switch text {
	case "ok":
		q.update = "false"
	case "update_after":
		q.update = "lazy"
	case "false":
	default:
		return queryError("Invalid value for `stale`.")
	}
	return nil
}

func truth(text string) (bool, error) {
	switch text {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, queryError(fmt.Sprintf("Invalid boolean parameter: %q", text))
}

func wholeNumber(text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, queryError(fmt.Sprintf("Invalid value for integer: %q", text))
	}
	if n < 0 {
		return 0, queryError(fmt.Sprintf("Invalid value for positive integer: %q", text))
	}
	return n, nil
}

// emptyRange is the answer to a range that begins after its end.
func emptyRange(descending bool) error {
	return queryError(fmt.Sprintf("No rows can match your key range, reverse your "+
		"start_key and end_key or set descending=%t", !descending))
}
