package couchfake_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tidwall/gjson"

	"github.com/dmwm/wmstats/mock/couchfake"
)

// TestSelectors lists what Mango matches. The documents are those of docs; the
// matching ids are listed.
func TestSelectors(t *testing.T) {
	s := start(t, couchfake.Options{})
	s.put("db",
		`{"_id":"a","type":"x","n":1,"s":{"t":5,"a.b":1},"l":[1,2,3],"o":[{"k":1,"v":2},{"k":2,"v":9}]}`,
		`{"_id":"b","type":"y","n":2.5,"s":{"t":"five"},"l":[],"nul":null}`,
		`{"_id":"c","type":"z","n":"text","b":true}`,
		`{"_id":"_design/d","type":"x"}`)
	for _, tc := range []struct{ selector, ids string }{
		{`{}`, `abc`},
		{`{"type":"x"}`, `a`},
		{`{"type":"x","n":2}`, ``},
		{`{"s.t":5}`, `a`},
		{`{"s":{"t":5}}`, `a`},
		{`{"s.a\\.b":1}`, `a`},
		{`{"type":{"$in":["x","z"]}}`, `ac`},
		{`{"type":{"$nin":["x","z"]}}`, `b`},
		{`{"l":{"$in":[3]}}`, `a`},
		{`{"$or":[{"type":"x"},{"n":"text"}]}`, `ac`},
		{`{"$nor":[{"type":"x"},{"n":"text"}]}`, `b`},
		{`{"$and":[{"type":{"$gte":"y"}},{"b":true}]}`, `c`},
		{`{"n":{"$gt":1}}`, `bc`},
		{`{"n":{"$gt":1,"$lt":"a"}}`, `b`},
		{`{"n":{"$lte":1}}`, `a`},
		{`{"b":{"$exists":true}}`, `c`},
		{`{"b":{"$exists":false}}`, `ab`},
		{`{"$not":{"b":{"$exists":true}}}`, `ab`},
		{`{"nul":null}`, `b`},
		{`{"nul":{"$type":"null"}}`, `b`},
		{`{"n":{"$type":"string"}}`, `c`},
		{`{"s":{"$type":"object"}}`, `ab`},
		{`{"b":{"$ne":true}}`, ``},
		{`{"$not":{"b":true}}`, ``},
		{`{"$not":{"type":"x"}}`, `bc`},
		{`{"type":{"$not":{"$regex":"^[xy]$"}}}`, `c`},
		{`{"type":{"$regex":"^[xy]$"}}`, `ab`},
		{`{"type":{"$beginsWith":"z"}}`, `c`},
		{`{"l":{"$size":0}}`, `b`},
		{`{"l":{"$all":[1,3]}}`, `a`},
		{`{"l":{"$elemMatch":{"$gt":2}}}`, `a`},
		{`{"l":{"$allMatch":{"$gt":2}}}`, ``},
		{`{"o":{"$elemMatch":{"k":2,"v":9}}}`, `a`},
		{`{"o":{"$elemMatch":{"k":1,"v":9}}}`, ``},
		{`{"o.1.v":9}`, `a`},
		{`{"n":{"$mod":[2,1]}}`, `a`},
		{`{"_id":{"$gt":"a"}}`, `bc`},
		{`{"n":{"$or":[{"$eq":1},{"$eq":"text"}]}}`, `ac`},
	} {
		t.Run(tc.selector, func(t *testing.T) {
			got := ""
			for _, id := range texts(s.post("/db/_find", `{"selector":`+tc.selector+`}`).Get("docs.#._id")) {
				got += id
			}
			assert.Equal(t, tc.ids, got)
		})
	}
	for _, bad := range []string{`{"a":{"$in":1}}`, `{"$and":{}}`, `{"a":{"$regex":"("}}`, `{"a":{"$size":"x"}}`,
		`{"a":{"$mod":[0,1]}}`, `{"a":{"$exists":1}}`, `{"a":{"$elemMatch":1}}`, `{"$not":1}`, `{"a":{"$what":1}}`, `[]`} {
		status, body := s.do("POST", "/db/_find", `{"selector":`+bad+`}`)
		assert.Equal(t, 400, status, "%s: %s", bad, body)
	}
}

func TestFindPages(t *testing.T) {
	s := start(t, couchfake.Options{})
	s.put("db", numbered(60)...)
	for _, query := range []string{
		`"selector":{"type":"t1"},"fields":["_id","n"],"limit":7`,
		`"selector":{"n":{"$gte":0},"type":"t1"},"sort":[{"n":"desc"}],"fields":["_id","n"],"limit":7`,
	} {
		if gjson.Get("{"+query+"}", "sort").Exists() {
			status, body := s.do("POST", "/db/_find", "{"+query+"}")
			require.Equal(t, 400, status)
			require.Contains(t, body, "no_usable_index")
			assert.Equal(t, "created", s.post("/db/_index", `{"index":{"fields":["n"]},"name":"by-n"}`).Get("result").String())
			assert.Equal(t, "exists", s.post("/db/_index", `{"index":{"fields":[{"n":"asc"}]},"name":"by-n"}`).Get("result").String())
			assert.EqualValues(t, 2, s.get("/db/_index").Get("total_rows").Int())
		}
		seen := map[string]bool{}
		bookmark, last := "", int64(-1)
		for page := 0; ; page++ {
			got := s.post("/db/_find", fmt.Sprintf(`{%s,"bookmark":%q}`, query, bookmark))
			docs := got.Get("docs").Array()
			for _, d := range docs {
				assert.False(t, seen[d.Get("_id").String()], "twice")
				seen[d.Get("_id").String()] = true
				assert.Len(t, d.Map(), 2, "only the requested fields")
				if last >= 0 {
					assert.NotEqual(t, last, d.Get("n").Int())
				}
				last = d.Get("n").Int()
			}
			if bookmark = got.Get("bookmark").String(); len(docs) == 0 {
				break
			}
			require.Less(t, page, 10)
		}
		assert.Len(t, seen, 30)
	}
	status, _ := s.do("POST", "/db/_find", `{"selector":{},"bookmark":"bogus"}`)
	assert.Equal(t, 400, status)
	assert.False(t, s.post("/db/_find", `{"selector":{"n":3}}`).Get("warning").Exists(), "the index fits")
	assert.Len(t, s.post("/db/_find", `{"selector":{}}`).Get("docs").Array(), 25)
}

// FuzzSelector: any selector is compiled or refused, and matching never fails.
func FuzzSelector(f *testing.F) {
	for _, seed := range []string{`{"a":1}`, `{"$not":{"a":{"$in":[1]}}}`, `{"a":{"$elemMatch":{"$gt":1}}}`, `{"a.b":{"$or":[{"$mod":[2,0]}]}}`} {
		f.Add(seed, `{"a":[1,{"b":2}]}`)
	}
	f.Fuzz(func(t *testing.T, sel, doc string) {
		if !gjson.Valid(sel) || !gjson.Valid(doc) {
			t.Skip("a server accepts JSON only")
		}
		fake := couchfake.New(couchfake.Options{})
		matched, err := couchfake.MatchSelector(fake, sel, doc)
		if err != nil {
			assert.False(t, matched)
			return
		}
		again, err := couchfake.MatchSelector(fake, sel, doc)
		require.NoError(t, err)
		assert.Equal(t, matched, again)
	})
}

// FuzzDocument: a document is stored as it was sent, as JSON, or it is refused.
func FuzzDocument(f *testing.F) {
	for _, seed := range []string{`{"a":1}`, `{ "_id":"other", "x":[1, 2], "x":3}`, `{"_deleted":true}`, `{"\u005frev":"1-a"}`, `{"_revisions":{"start":2,"ids":["b","a"]}}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, doc string) {
		fake := couchfake.New(couchfake.Options{})
		if fake.Put("db", []byte(doc)) != nil {
			return
		}
		id := gjson.Get(doc, "_id").String()
		kept, ok := fake.Doc("db", id)
		if !ok {
			assert.True(t, gjson.Get(doc, "_deleted").Bool())
			return
		}
		require.True(t, gjson.ValidBytes(kept), "%q became %q", doc, kept)
		gjson.Parse(doc).ForEach(func(key, value gjson.Result) bool {
			if name := key.String(); name != "" && name[0] != '_' {
				assert.Contains(t, string(kept), key.Raw)
			}
			return true
		})
	})
}
