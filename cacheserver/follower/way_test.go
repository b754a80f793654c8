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

// TestTheWayOfTheFirstReadIsSaid: the log names how requests were read: by the
// view when it is there, else by a query, else by a scan; the records are the same.
func TestTheWayOfTheFirstReadIsSaid(t *testing.T) {
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
			var log bytes.Buffer // read when the follower has ended
			r := newRigOf(t, couchfake.Options{}, func(o *Options) { o.Log = slog.New(slog.NewTextHandler(&log, nil)) })
			prepare(r)
			r.fill(5)
			r.start()
			r.converges(5)
			r.stop()
			assert.Contains(t, log.String(), `msg=read database=requests way="`+way+`" documents=`)
		})
	}
}
