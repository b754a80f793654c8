package couchfake_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tidwall/gjson"

	"github.com/dmwm/wmstats/mock/couchfake"
)

// waysOfRows are requests that answer with rows of documents.
var waysOfRows = map[string]struct{ method, path, body string }{
	"changes":    {"GET", "/db/_changes?include_docs=true", ""},
	"continuous": {"GET", "/db/_changes?include_docs=true&feed=continuous&timeout=0", ""},
	"selected":   {"POST", "/db/_changes?include_docs=true&filter=_selector", `{"selector":{"type":"agent_request"}}`},
	"view":       {"GET", "/db/_design/WMStatsErl7/_view/latestRequest?include_docs=true", ""},
	"all":        {"GET", "/db/_all_docs?include_docs=true", ""},
	"keys":       {"POST", "/db/_all_docs?include_docs=true", `{"keys":["w0","w1","w2"]}`},
	"find":       {"POST", "/db/_find", `{"selector":{"type":"agent_request"},"limit":100}`},
}

// salted matches the part of a seq that differs in each answer.
var salted = regexp.MustCompile(`"seq":"(\d+)-[^"]*"`)

// rowsOf splits an answer into its rows.
func rowsOf(t *testing.T, body string) (rows []string) {
	t.Helper()
	body = salted.ReplaceAllString(body, `"seq":"$1"`)
	if !strings.HasPrefix(body, `{"results"`) && strings.HasPrefix(body, `{"seq"`) {
		for _, line := range strings.Split(strings.TrimSpace(body), "\n") {
			if !strings.HasPrefix(line, `{"last_seq"`) {
				rows = append(rows, line)
			}
		}
		return rows
	}
	require.Contains(t, body, ":[")
	for _, line := range strings.Split(body, "\n")[1:] {
		if line = strings.TrimRight(line, ",\r"); strings.HasPrefix(line, "]") {
			return rows
		} else if line != "" {
			rows = append(rows, line)
		}
	}
	return rows
}

// TestFaultsOfRows: each kind of row, each way of reading; the rows of other
// documents are unchanged.
func TestFaultsOfRows(t *testing.T) {
	for _, c := range []struct {
		kind         couchfake.Kind
		text         string
		row, find    string // parts that the row of w1 then has
		without      string // a part that it does not have
		rows, inFeed int    // how many there are, of 3
	}{
		{couchfake.NullDoc, "", `"doc":null`, "null", `"_id"`, 3, 3},
		{couchfake.NoDoc, "", `}`, "{}", `"doc"`, 3, 3},
		{couchfake.DocError, "", `,"error":"timeout"}`, `"error":"timeout"}`, `"doc"`, 3, 3},
		{couchfake.OddDoc, "", `"doc":[]`, "[]", `"_id"`, 3, 3},
		{couchfake.OddDoc, `"text"`, `"doc":"text"`, `"text"`, `"_id"`, 3, 3},
		{couchfake.BrokenDoc, "", `:nought}`, `:nought}`, `"workflow"`, 3, 3},
		{couchfake.OtherDoc, "", `"_id":"other-w1"`, `"_id":"other-w1"`, `"_id":"w1"`, 3, 3},
		{couchfake.DeletedDoc, "", `"doc":{"_deleted":true,"_id":"w1"`, `{"_deleted":true,"_id":"w1"`, `"deleted":true}`, 3, 3},
		{couchfake.TwiceRow, "", `"_id":"w1"`, `"_id":"w1"`, "_deleted", 4, 4},
		{couchfake.OmitRow, "", "", "", "", 2, 2},
		{couchfake.NullID, "", `"_id":"w1"`, `"_id":"w1"`, "_deleted", 3, 4},
		{couchfake.NullSeq, "", "", "", "", 3, 3},
	} {
		for way, request := range waysOfRows {
			t.Run(fmt.Sprint(c.kind, c.text, " ", way), func(t *testing.T) {
				s := start(t, couchfake.Options{BuiltinViews: true})
				for i := range 3 {
					s.put("db", fmt.Sprintf(`{"_id":"w%d","type":"agent_request","workflow":"w%d","agent_url":"a"}`, i, i))
				}
				_, whole := s.do(request.method, request.path, request.body)
				before := rowsOf(t, whole)
				require.Len(t, before, 3)
				fault := s.Misbehave(couchfake.Fault{Kind: c.kind, Text: c.text, IDs: []string{"w1"}})
				_, body := s.do(request.method, request.path, request.body)
				after := rowsOf(t, body)
				feed := strings.Contains(request.path, "_changes")
				if feed {
					require.Len(t, after, c.inFeed, body)
				} else {
					require.Len(t, after, c.rows, body)
				}
				assert.Equal(t, before[0], after[0])
				assert.Equal(t, before[2], after[len(after)-1])
				part := c.row
				if way == "find" {
					part = c.find
				}
				switch {
				case c.kind == couchfake.OmitRow:
				case c.kind == couchfake.NullID && feed:
					assert.Equal(t, "[]null", gjson.Get(after[1], "changes").Raw+gjson.Get(after[1], "id").Raw)
					assert.Equal(t, before[1], after[2])
				case c.kind == couchfake.NullSeq && feed:
					assert.Contains(t, after[1], `{"seq":null,"id":"w1"`)
				case c.kind == couchfake.NullID, c.kind == couchfake.NullSeq:
					assert.Equal(t, before, after, "only feeds have these")
					assert.Zero(t, fault.Rows())
					return
				default:
					assert.Contains(t, after[1], part)
					assert.NotContains(t, after[1], c.without)
					assert.Equal(t, c.kind != couchfake.BrokenDoc, gjson.Valid(after[1]))
				}
				assert.Equal(t, 1, fault.Rows())
				fault.Clear()
				_, body = s.do(request.method, request.path, request.body)
				assert.Equal(t, before, rowsOf(t, body))
			})
		}
	}
}

// TestFaultsOfRowsLeaveTombstones: a deleted document, or a row without a
// document, has nothing that could be taken away.
func TestFaultsOfRowsLeaveTombstones(t *testing.T) {
	s := start(t, couchfake.Options{})
	s.put("db", `{"_id":"w0"}`, `{"_id":"w1"}`)
	require.True(t, s.Delete("db", "w1"))
	_, changes := s.do("GET", "/db/_changes?include_docs=true", "")
	_, keys := s.do("POST", "/db/_all_docs?include_docs=true", `{"keys":["w1","nosuch"]}`)
	_, bare := s.do("GET", "/db/_all_docs", "")
	for _, kind := range []couchfake.Kind{couchfake.NullDoc, couchfake.NoDoc, couchfake.DocError, couchfake.BrokenDoc} {
		fault := s.Misbehave(couchfake.Fault{Kind: kind, IDs: []string{"w1", "nosuch"}})
		_, body := s.do("GET", "/db/_changes?include_docs=true", "")
		assert.Equal(t, rowsOf(t, changes), rowsOf(t, body))
		_, body = s.do("POST", "/db/_all_docs?include_docs=true", `{"keys":["w1","nosuch"]}`)
		assert.Equal(t, keys, body)
		fault.Clear()
		fault = s.Misbehave(couchfake.Fault{Kind: kind})
		_, body = s.do("GET", "/db/_all_docs", "")
		assert.Equal(t, bare, body)
		fault.Clear()
	}
}

// TestRowsTurned: the last row comes first; several faults of rows add up.
func TestRowsTurned(t *testing.T) {
	s := start(t, couchfake.Options{})
	s.put("db", `{"_id":"w0"}`, `{"_id":"w1"}`, `{"_id":"w2"}`)
	s.Misbehave(couchfake.Fault{Kind: couchfake.TurnRows})
	s.Misbehave(couchfake.Fault{Kind: couchfake.NullDoc, IDs: []string{"w0"}})
	s.Misbehave(couchfake.Fault{Kind: couchfake.TwiceRow, IDs: []string{"w2", "w0"}})
	_, body := s.do("GET", "/db/_all_docs?include_docs=true", "")
	ids := []string{}
	for _, row := range rowsOf(t, body) {
		ids = append(ids, gjson.Get(row, "id").Str+gjson.Get(row, "doc").Type.String())
	}
	assert.Equal(t, []string{"w2JSON", "w2JSON", "w1JSON", "w0Null"}, ids)

	s.Misbehave(couchfake.Fault{Kind: couchfake.OddDoc, Text: "{"})
	status, body := s.do("GET", "/db/_all_docs", "")
	assert.Equal(t, 500, status)
	assert.Contains(t, body, "Text must be JSON")
}
