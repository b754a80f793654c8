package couch

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseRow(t *testing.T) {
	for name, c := range map[string]struct {
		raw  string
		want Change
		doc  string
	}{
		"view row":           {`{"id":"w1","key":["wf","a"],"value":null,"doc":{"_id":"w1","s":"}"}}`, Change{Row: Row{ID: "w1"}}, `{"_id":"w1","s":"}"}`},
		"all_docs row":       {`{"id":"w1","key":"w1","value":{"rev":"2-ab"},"doc":{"_id":"w1"}}`, Change{Row: Row{ID: "w1", Rev: "2-ab"}}, `{"_id":"w1"}`},
		"deleted by key":     {`{"id":"w2","key":"w2","value":{"rev":"2-b4","deleted":true},"doc":null}`, Change{Row: Row{ID: "w2", Rev: "2-b4", Deleted: true}}, ""},
		"missing key":        {`{"key":"nosuch","error":"not_found"}`, Change{Row: Row{Error: "not_found"}}, ""},
		"whole doc as value": {`{"id":"a","key":"a","value":{"_id":"a","deleted":true},"doc":{"_id":"a"}}`, Change{Row: Row{ID: "a"}}, `{"_id":"a"}`},
		"change":             {`{"seq":"3-g1","id":"w1","changes":[{"rev":"32-6027014210"}],"doc":{"_id":"w1"}}`, Change{Row: Row{ID: "w1", Rev: "32-6027014210"}, Seq: "3-g1"}, `{"_id":"w1"}`},
		"tombstone":          {`{"seq":"4-g1","id":"w2","changes":[{"rev":"2-b4"}],"deleted":true,"doc":{"_id":"w2","_deleted":true}}`, Change{Row: Row{ID: "w2", Rev: "2-b4", Deleted: true}, Seq: "4-g1"}, `{"_id":"w2","_deleted":true}`},
		"another order":      {`{"doc":{"_id":"w1","x":[{}]},"id":"w1","changes":[{"rev":"1-a"}],"seq":12}`, Change{Row: Row{ID: "w1", Rev: "1-a"}, Seq: "12"}, `{"_id":"w1","x":[{}]}`},
		"spaces":             {` { "id" : "w1" , "key":1, "value" : null , "doc" : {"a":1} } `, Change{Row: Row{ID: "w1"}}, `{"a":1}`},
		"escapes in the id":  {`{"id":"w\"\u00e9","key":null,"value":null}`, Change{Row: Row{ID: `w"é`}}, ""},
		"list as seq":        {`{"seq":[3,"x"],"id":"w","changes":[]}`, Change{Row: Row{ID: "w"}, Seq: `[3,"x"]`, none: true}, ""},
		"null document":      {`{"id":"w1","key":"w1","value":{"rev":"2-ab"},"doc":null}`, Change{Row: Row{ID: "w1", Rev: "2-ab"}}, ""},
		"error instead":      {`{"seq":"3-x","id":"w1","changes":[{"rev":"2-ab"}],"error":"timeout"}`, Change{Row: Row{ID: "w1", Rev: "2-ab", Error: "timeout"}, Seq: "3-x"}, ""},
		"error of any form":  {`{"id":"w1","key":1,"value":null,"error":{"a":1}}`, Change{Row: Row{ID: "w1", Error: `{"a":1}`}}, ""},
		"a list":             {`{"id":"w1","key":1,"value":null,"doc":[1,{}]}`, Change{Row: Row{ID: "w1"}}, `[1,{}]`},
		"a text":             {`{"id":"w1","key":1,"value":null,"doc":"{"}`, Change{Row: Row{ID: "w1"}}, `"{"`},
		"after the document": {`{"id":"w1","key":1,"value":null,"doc":{"_id":"w1"},"pos":7}`, Change{Row: Row{ID: "w1"}}, `{"_id":"w1"}`},
		"after no document":  {`{"id":"w1","key":1,"value":null,"doc":null,"x":{}}`, Change{Row: Row{ID: "w1"}}, ""},
		"deleted, spaces":    {`{"id":"w2","key":"w2","value":{"rev": "2-b4", "deleted": true},"doc":null}`, Change{Row: Row{ID: "w2", Rev: "2-b4", Deleted: true}}, ""},
		"a view's deleted":   {`{"id":"w2","key":"w2","value":{"rev":"2-b4","deleted":true,"x":1},"doc":null}`, Change{Row: Row{ID: "w2", Rev: "2-b4"}}, ""},
		"linked":             {`{"id":"w1","key":"w1","value":{"_id":"w9"},"doc":{"_id":"w9"}}`, Change{Row: Row{ID: "w9"}}, `{"_id":"w9"}`},
		"linked to nothing":  {`{"id":"w1","key":"w1","value":{"_id": null },"doc":{"_id":"w1"}}`, Change{Row: Row{ID: "w1"}}, `{"_id":"w1"}`},
		"only a position":    {`{"seq":"9-x","changes":[],"id":null}`, Change{Seq: "9-x", none: true}, ""},
		"no position":        {`{"seq":null,"id":"w1","changes":[{"rev":"1-a"}],"doc":{"_id":"w1"}}`, Change{Row: Row{ID: "w1", Rev: "1-a"}}, `{"_id":"w1"}`},
		"empty":              {`{}`, Change{}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := parseRow([]byte(c.raw))
			require.NoError(t, err)
			assert.JSONEq(t, orNull(c.doc), orNull(string(got.Doc)))
			got.Doc = nil
			assert.Equal(t, c.want, got)
		})
	}
}

func orNull(s string) string {
	if s == "" {
		return "null"
	}
	return s
}

func TestParseRowRefusesOtherForms(t *testing.T) {
	for _, raw := range []string{
		"", "{", "[1]", `"x"`, `{"id"}`, `{"id":}`, `{"id":"a"`, `{"id":"a","doc":{`, `{"id":1}`, `{"id":"a}`, `{"id":"a"}x`,
		`{"id":"w1","key":"w1","value":{"rev":"2-ab`, `{id:1}`, `{"id":"a\`, `{"id":"\ud800`,
	} {
		_, err := parseRow([]byte(raw))
		assert.ErrorIs(t, err, errRowForm, "%q", raw)
	}
}

func TestParseDoc(t *testing.T) {
	row, err := parseDoc([]byte(`{"_id":"w04","_rev":"1-92","type":"x","deep":{"_id":"no"}}`))
	require.NoError(t, err)
	assert.Equal(t, "w04", row.ID)
	assert.Equal(t, "1-92", row.Rev)
}

// FuzzParseRow builds rows in CouchDB's form around any id, seq and document:
// parsing returns the parts. No other input panics.
func FuzzParseRow(f *testing.F) {
	f.Add("w1", "3-g1AAA", `{"_id":"w1","a":[1,2,{"b":"}"}]}`, `{"id":"w`)
	f.Add("w\"\\", "", `{}`, `{"a":{]}`)
	f.Fuzz(func(t *testing.T, id, seq, doc, junk string) {
		_, _ = parseRow([]byte(junk))
		_, _ = parseDoc([]byte(junk))
		var object map[string]json.RawMessage
		if json.Unmarshal([]byte(doc), &object) != nil || object == nil {
			return
		}
		encode := func(v any) string {
			b, err := json.Marshal(v)
			require.NoError(t, err)
			return string(b)
		}
		body := encode(object)
		row := `{"seq":` + encode(seq) + `,"id":` + encode(id) + `,"changes":[{"rev":"1-a"}],"doc":` + body + `}`
		mixed := `{"doc":` + body + `,"id":` + encode(id) + `,"seq":` + encode(seq) + `}`
		var want struct{ ID, Seq string }
		require.NoError(t, json.Unmarshal([]byte(row), &want))
		for _, raw := range []string{row, mixed} {
			got, err := parseRow([]byte(raw))
			require.NoError(t, err, raw)
			assert.Equal(t, want.ID, got.ID)
			assert.Equal(t, Seq(want.Seq), got.Seq)
			assert.Equal(t, body, string(got.Doc))
		}
	})
}
