package couch

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/mock/couchfake"
	"github.com/dmwm/wmstats/mock/design"
	"github.com/dmwm/wmstats/schema"
)

// onDemand returns a stand-in with failing jobs and log entries of three
// workflows.
func onDemand(t *testing.T) (*shortened, *Client) {
	t.Helper()
	srv := couchfake.New(couchfake.Options{BuiltinViews: true})
	short := &shortened{srv, func(*http.Request) bool { return false }, 0}
	client := inMemory(t, short, nil)
	for i := range 12 {
		require.NoError(t, srv.Put(wmstatsDB, fmt.Appendf(nil,
			`{"_id":"j%d","type":"jobsummary","workflow":"r%d","task":"/r/T","state":"jobfailed","exitcode":%d,"site":"T2_X","acdc_url":"u","agent_name":"a1","errors":{"cmsRun1":[{"type":"A"}]}}`, i, 1+i%3, i)))
		require.NoError(t, srv.Put(design.LogDB, fmt.Appendf(nil,
			`{"_id":"l%d","request":"r%d","identifier":"a1","thr":"T","type":"info","messages":[{"ts":%d,"msg":"m"},{"ts":%d,"msg":"n"}]}`, i, 1+i%3, 1000+i, 2000+i)))
	}
	return short, client
}

// Groups of failing jobs in a well-formed answer that are fewer than exist. The
// result is never taken for complete.
func TestGroupsThatEndEarly(t *testing.T) {
	for rows := range 6 {
		t.Run(fmt.Sprint(rows, " rows"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				short, c := onDemand(t)
				short.rows = rows
				short.meets = func(r *http.Request) bool { return r.URL.Query().Has("group_level") }
				groups, err := c.JobErrors(t.Context(), "r2")
				if rows < 4 {
					require.ErrorIs(t, err, ErrCut)
					assert.ErrorContains(t, err, fmt.Sprintf("groups of %d of 4 jobs came", rows))
				} else {
					require.NoError(t, err)
					assert.Len(t, groups, 4)
				}
				err = c.FailingJobs(t.Context(), func(string) bool { return false }, func(schema.JobError) error { return nil })
				require.ErrorIs(t, err, ErrCut)
				_, _, err = c.JobSamples(t.Context(), "r2", func(schema.JobError) bool { return true }, 10)
				assert.Equal(t, rows < 4, err != nil)
			})
		})
	}
}

// Jobs that are deleted meanwhile are not missing groups.
func TestJobsThatGoMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		short, c := onDemand(t)
		short.rows = 100
		short.meets = func(r *http.Request) bool {
			if r.URL.Query().Has("group_level") {
				short.Delete(wmstatsDB, "j1")
				short.Delete(wmstatsDB, "j4")
			}
			return false
		}
		groups, err := c.JobErrors(t.Context(), "r2")
		require.NoError(t, err)
		assert.Len(t, groups, 2)
	})
}

// The same for log entries by the view: too few rows mean that the answer was
// cut, and entries that others write meanwhile do not.
func TestLogEntriesThatEndEarly(t *testing.T) {
	for rows := range 10 {
		t.Run(fmt.Sprint(rows, " rows"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				short, c := onDemand(t)
				short.rows = rows
				short.meets = func(r *http.Request) bool { return r.URL.Query().Get("include_docs") == "true" }
				for _, workflow := range []string{"r1", "r2", "r3"} {
					entries, err := c.LogEntries(t.Context(), workflow)
					if rows < 8 {
						require.ErrorIs(t, err, ErrCut)
						assert.ErrorContains(t, err, fmt.Sprintf("%d of 8 rows came", rows))
						continue
					}
					require.NoError(t, err)
					assert.Len(t, entries, 8)
				}
				entries, err := c.LogEntries(t.Context(), "nosuch")
				require.NoError(t, err)
				assert.Empty(t, entries)
			})
		})
	}
	t.Run("others write", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			short, c := onDemand(t)
			n := 0
			short.meets = func(r *http.Request) bool {
				if strings.Contains(r.URL.RawQuery, "startkey_docid") && n < 2 {
					n++
					require.NoError(t, short.Put(design.LogDB, fmt.Appendf(nil, `{"_id":"n%d","request":"r1","messages":[{"ts":1,"msg":"m"}]}`, n)))
				}
				return false
			}
			entries, err := c.LogEntries(t.Context(), "r2")
			require.NoError(t, err)
			assert.Len(t, entries, 8)
		})
	})
}
