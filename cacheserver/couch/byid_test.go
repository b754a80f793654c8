package couch

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/mock/couchfake"
	"github.com/dmwm/wmstats/schema"
)

// Answers are matched by id and not by position, and a row that another one
// contradicts is ignored.
func TestAnswersAreTakenByTheirIDs(t *testing.T) {
	doc := func(id string) string {
		return fmt.Sprintf(`{"id":%q,"key":%q,"value":{"rev":"2-a"},"doc":{"_id":%q,"_rev":"2-a"}}`, id, id, id)
	}
	gone := func(id string) string { return fmt.Sprintf(`{"key":%q,"error":"not_found"}`, id) }
	deleted := func(id string) string {
		return fmt.Sprintf(`{"id":%q,"key":%q,"value":{"rev":"3-a","deleted":true},"doc":null}`, id, id)
	}
	null := func(id string) string {
		return fmt.Sprintf(`{"id":%q,"key":%q,"value":{"rev":"2-a"},"doc":null}`, id, id)
	}
	for name, c := range map[string]struct {
		rows []string
		want string // of a and b: document, deleted, missing or lacking
	}{
		"in order":                  {[]string{doc("a"), gone("b")}, "document missing"},
		"reversed":                  {[]string{gone("b"), doc("a")}, "document missing"},
		"one row":                   {[]string{doc("b")}, "lacking document"},
		"none":                      {nil, "lacking lacking"},
		"others":                    {[]string{doc("c"), gone("d")}, "lacking lacking"},
		"twice":                     {[]string{doc("a"), doc("a"), doc("b")}, "document document"},
		"gone and present":          {[]string{gone("a"), doc("a"), deleted("b"), doc("b")}, "document document"},
		"present and gone":          {[]string{doc("a"), gone("a"), doc("b"), deleted("b")}, "document document"},
		"gone and lacking":          {[]string{gone("a"), null("a"), null("b"), deleted("b")}, "lacking lacking"},
		"deleted":                   {[]string{deleted("a"), deleted("b")}, "deleted deleted"},
		"deleted, but present":      {[]string{strings.Replace(doc("a"), `"2-a"}`, `"2-a","deleted":true}`, 1), doc("b")}, "document document"},
		"not found beside an id":    {[]string{`{"id":"a","key":"a","value":{"rev":"2-a"},"error":"not_found"}`, `{"id":"b","key":"b","error":"not_found"}`}, "lacking lacking"},
		"another error":             {[]string{`{"key":"a","error":"timeout"}`, `{"key":"b","error":{"x":1}}`}, "lacking lacking"},
		"without key":               {[]string{`{"id":null,"error":"not_found"}`, `{"id":null,"error":null}`}, "lacking lacking"},
		"keys that are not strings": {[]string{`{"key":["a"],"error":"not_found"}`, `{"key":1,"error":"not_found"}`}, "lacking lacking"},
		"another document":          {[]string{strings.Replace(doc("a"), `"_id":"a"`, `"_id":"b"`, 1), doc("b")}, "lacking document"},
		"says deleted":              {[]string{strings.Replace(doc("a"), `"_rev"`, `"_deleted":true,"_rev"`, 1), doc("b")}, "lacking document"},
		"only an error":             {[]string{`{"id":"a","key":"a","value":{"rev":"1-a"},"doc":{"_id":"a","error":"timeout"}}`, doc("b")}, "lacking document"},
		"not an object":             {[]string{`{"id":"a","key":"a","value":{"rev":"1-a"},"doc":[]}`, `{"id":"b","key":"b","value":{"rev":"1-a"},"doc":"b"}`}, "lacking lacking"},
		"something after the docs":  {[]string{strings.Replace(doc("a"), `"2-a"}}`, `"2-a"},"x":{}}`, 1), doc("b")}, "document document"},
	} {
		t.Run(name, func(t *testing.T) {
			client := says(t, 200, "{\"total_rows\":9,\"offset\":null,\"rows\":[\r\n"+strings.Join(c.rows, ",\r\n")+"\r\n]}\n")
			got := map[string]string{}
			require.NoError(t, client.ByID(t.Context(), Requests, []string{"a", "b"}, func(r Row) error {
				require.NotContains(t, got, r.ID)
				switch {
				case r.Doc != nil:
					got[r.ID] = "document"
					require.Empty(t, r.Fault())
					require.False(t, r.Deleted || r.Missing)
				case r.Deleted:
					got[r.ID] = "deleted"
				case r.Missing:
					got[r.ID] = "missing"
				case r.Lacking():
					got[r.ID] = "lacking"
					require.NotContains(t, r.Error, "\n")
				}
				return nil
			}))
			assert.Equal(t, c.want, got["a"]+" "+got["b"])
			assert.Len(t, got, 2)
		})
	}
	c := says(t, 404, `{"error":"not_found","reason":"Database does not exist."}`)
	require.ErrorIs(t, c.ByID(t.Context(), Requests, []string{"a"}, func(Row) error { t.Error("called"); return nil }), ErrNoDatabase)
	c = says(t, 200, "{\"rows\":[\r\n"+doc("a"))
	require.ErrorIs(t, c.ByID(t.Context(), Requests, []string{"a", "b"}, func(r Row) error { t.Error(r.ID); return nil }), ErrCut)
}

// Rows without their documents are requested again; if a document does not come
// then either, the read fails.
func TestReadsOnDemandLackNothing(t *testing.T) {
	for _, kind := range []couchfake.Kind{couchfake.NullDoc, couchfake.NoDoc, couchfake.DocError, couchfake.OddDoc, couchfake.BrokenDoc, couchfake.OtherDoc, couchfake.DeletedDoc} {
		t.Run(string(kind), func(t *testing.T) {
			srv, c := standIn(t, couchfake.Options{BuiltinViews: true})
			fill(t, srv)
			put(t, srv, "wmstats_logdb",
				`{"_id":"l1","request":"r2","identifier":"a1","thr":"t","type":"info","messages":[{"ts":10,"msg":"one"}]}`,
				`{"_id":"l2","request":"r2","identifier":"a1","thr":"t","type":"info","messages":[{"ts":20,"msg":"two"}]}`)
			put(t, srv, wmstatsDB, strings.Replace(jobOfR2, "job-1", "job-2", 1))
			srv.Misbehave(couchfake.Fault{Match: couchfake.Match{Path: "/wmstats_logdb/_design"}, Kind: kind, IDs: []string{"l1"}})
			srv.Misbehave(couchfake.Fault{Match: couchfake.Match{Path: "/" + wmstatsDB + "/_design"}, Kind: kind, IDs: []string{"job-1"}})
			all := func(schema.JobError) bool { return true }

			entries, err := c.LogEntries(t.Context(), "r2")
			require.NoError(t, err)
			assert.Len(t, entries, 2)
			samples, _, err := c.JobSamples(t.Context(), "r2", all, 10)
			require.NoError(t, err)
			assert.Len(t, samples, 2)
			d, err := c.Detail(t.Context(), "r2", []string{"a1-r2"})
			require.NoError(t, err)
			assert.Len(t, d.Agents, 1)

			srv.Misbehave(couchfake.Fault{Match: couchfake.Match{Path: "/wmstats_logdb/_all_docs"}, Kind: kind})
			srv.Misbehave(couchfake.Fault{Match: couchfake.Match{Path: "/" + wmstatsDB + "/_all_docs"}, Kind: kind})
			entries, err = c.LogEntries(t.Context(), "r2")
			require.NoError(t, err)
			assert.Len(t, entries, 2, "read by a query")
			srv.Misbehave(couchfake.Fault{Match: couchfake.Match{Path: "/wmstats_logdb/_find"}, Kind: kind, IDs: []string{"l2"}})
			_, err = c.LogEntries(t.Context(), "r2")
			if kind != couchfake.OtherDoc { // a query can't detect it
				require.Error(t, err)
			}
			_, err = c.Detail(t.Context(), "r2", []string{"a1-r2"})
			require.ErrorIs(t, err, ErrRow)
			samples, total, err := c.JobSamples(t.Context(), "r2", all, 10)
			require.NoError(t, err, "samples need not be complete")
			assert.Len(t, samples, 1)
			assert.EqualValues(t, 2, total)
		})
	}
}

const jobOfR2 = `{"_id":"job-1","type":"jobsummary","workflow":"r2","task":"/r2/T","state":"jobfailed","exitcode":8021,"site":"T2_X","acdc_url":"u","agent_name":"a1","errors":{"cmsRun1":[{"type":"B"},{"type":"A"}]}}`

// An answer that is not the request document is not taken for a request without
// a status.
func TestAnAnswerThatIsNotTheRequestDocument(t *testing.T) {
	for name, body := range map[string]string{
		"null": "null", "list": "[]", "another": `{"_id":"r9","_rev":"1-a"}`, "error": `{"_id":"r2","error":"timeout"}`,
		"empty": "{}", "deleted": `{"_id":"r2","_rev":"1-a","_deleted":true}`,
	} {
		t.Run(name, func(t *testing.T) {
			c := answers(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				w.Header().Set("ETag", `"1-a"`)
				_, _ = fmt.Fprint(w, body)
			})
			_, err := c.Detail(t.Context(), "r2", nil)
			require.ErrorIs(t, err, ErrForm)
		})
	}
}

// An error beside the key of a group is not a group of 0.
func TestGroupsWithoutACount(t *testing.T) {
	for _, row := range []string{
		`{"key":["r2","/r2/T","jobfailed",1,"T2_X","u","a1",["A"]],"error":"timeout"}`,
		`{"key":["r2","/r2/T","jobfailed",1,"T2_X","u","a1",["A"]],"value":null}`,
		`{"key":["r2","/r2/T","jobfailed",1,"T2_X","u","a1",["A"]]}`,
	} {
		_, err := says(t, 200, "{\"rows\":[\r\n"+row+"\r\n]}\n").JobErrors(t.Context(), "r2")
		assert.ErrorIs(t, err, ErrRow, row)
	}
}
