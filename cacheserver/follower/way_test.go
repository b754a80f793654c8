package follower

import (
	"bytes"
	"log/slog"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/mock/couchfake"
	"github.com/dmwm/wmstats/mock/design"
)

// The log names how requests were read: by the view if it exists, otherwise by a
// query, otherwise by a scan; the records are the same.
func TestTheWayOfTheFullReadIsLogged(t *testing.T) {
	for way, prepare := range map[string]func(r *rig){
		"view ReqMgr/bystatus": func(r *rig) {
			docs, err := design.Documents()
			require.NoError(t, err)
			for _, d := range docs {
				if d.DB == requestDB {
					require.NoError(t, r.srv.Put(d.DB, d.JSON))
				}
			}
		},
		"Mango query by status": func(*rig) {},
		"scan of all documents": func(r *rig) {
			r.srv.Misbehave(couchfake.Fault{Match: couchfake.Match{Method: http.MethodPost, Path: "/" + requestDB + "/_find"}, Kind: couchfake.FailStatus, Status: http.StatusMethodNotAllowed})
		},
	} {
		t.Run(way, func(t *testing.T) {
			var log bytes.Buffer // read after the follower has ended
			r := newRigOf(t, couchfake.Options{}, func(o *Options) { o.Log = slog.New(slog.NewTextHandler(&log, nil)) })
			prepare(r)
			r.fill(5)
			r.start()
			r.converges(5)
			r.stop()
			assert.Contains(t, log.String(), `msg=read database=requests method="`+way+`" documents=`)
		})
	}
}

// The workflow is stored under the source's id, so that its archiving removes
// it.
func TestAQueryThatBringsADocumentUnderAnotherName(t *testing.T) {
	r := newRigOf(t, couchfake.Options{})
	r.fill(5)
	fault := r.srv.Misbehave(couchfake.Fault{Match: couchfake.Match{Path: "/" + requestDB + "/_find"}, Kind: couchfake.OtherDoc, IDs: []string{"wf1"}})
	r.start()
	r.converges(5)
	require.Positive(t, fault.Rows(), "requests are read by a query")
	r.put(requestDB, requestDoc("wf1", "normal-archived", 9))
	r.converges(5)
}
