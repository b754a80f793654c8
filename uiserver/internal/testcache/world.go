// Package testcache runs the cache server for tests of the UI server: the real one,
// on a fake CouchDB with mock data, shared by all tests of a package. Each test uses
// its own front, a proxy that records requests and can inject failures.
package testcache

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/app"
	"github.com/dmwm/wmstats/mock/couchfake"
	"github.com/dmwm/wmstats/mock/gen"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/uiserver/cacheclient"
)

// World is a cache server with its data. They no longer change when a test gets
// them: the documents are so old that no alert becomes due.
type World struct {
	URL        string
	Generation string
	Older      string // an earlier generation: since then Today was added, one workflow changed, and Gone was removed
	Workflows  []schema.Workflow
	Campaigns  []schema.Campaign
	Releases   []schema.Release
	Sites      []schema.Site
	Agents     []schema.AgentDetail
}

// Names of workflows with handwritten documents.
const (
	Gone  = "gone_workflow"
	Today = "entered_today" // entered its status when the world was created

	Archived = "task_archived_251001_101112_7" // in CouchDB, and in no list
)

// Hostile returns names that must be shown as text, with working links. Each is the
// name of a workflow, its campaign and its PrepID; the first is also a site and an
// agent.
func Hostile() []string {
	return []string{
		`<script>alert("x")</script>`,
		`a"b'c&d<i>e`,
		`slash/in%2Fthe name?x=1#y`,
		"\u202eright-to-left \u05d0\u05d1\u05d2",
		strings.Repeat("long_name_", 50),
		`{{template}} ${x} ` + "`tick`",
		`.hidden`,
	}
}

// shared is started by the first test that needs it, and runs until the test
// program ends.
var shared = sync.OnceValues(func() (*World, error) { return start(small) })

// Shared returns the world shared by all tests of a package.
func Shared(t testing.TB) *World {
	t.Helper()
	w, err := shared()
	require.NoError(t, err)
	return w
}

// Large starts a separate world, large enough for full pages of every table.
func Large(t testing.TB) *World {
	t.Helper()
	w, err := start(large)
	require.NoError(t, err)
	return w
}

const (
	small    = 160 // workflows
	large    = 300
	patience = 5 * time.Minute // to start the world; it only limits how late a failure is reported
)

func start(workflows int) (*World, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	couch, err := fill(workflows)
	if err != nil {
		return nil, err
	}
	endpoint, err := couchfake.Listen("127.0.0.1:0", couch)
	if err != nil {
		return nil, err
	}
	o := app.Defaults()
	o.Listen, o.CouchURL, o.Log = "127.0.0.1:0", endpoint.URL(), slog.New(slog.DiscardHandler)
	server, err := app.New(context.Background(), o)
	if err != nil {
		return nil, err
	}
	if err := server.Start(context.Background()); err != nil {
		return nil, err
	}
	w := &World{URL: "http://" + server.Addr()}
	client, err := cacheclient.New(cacheclient.Options{BaseURL: w.URL})
	if err != nil {
		return nil, err
	}
	loaded := func() bool {
		info, err := client.Pulse(ctx, 0)
		w.Older = info.Generation
		return err == nil && w.Older != ""
	}
	if err := until(ctx, loaded); err != nil {
		return nil, fmt.Errorf("first full read: %w", err)
	}
	if err := errors.Join(change(couch), until(ctx, func() bool { return changed(ctx, client) })); err != nil {
		return nil, fmt.Errorf("changes: %w", err)
	}
	return w, w.read(ctx, client)
}

// until polls a condition until it holds.
func until(ctx context.Context, holds func() bool) error {
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for !holds() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
	return nil
}

// fill returns a fake CouchDB with the documents of the world.
func fill(workflows int) (*couchfake.Server, error) {
	world, err := gen.New(gen.Options{Seed: 3, Workflows: workflows, JobSummaries: 8, Storable: true, NoEdges: true})
	if err != nil {
		return nil, err
	}
	couch := couchfake.New(couchfake.Options{BuiltinViews: true})
	defaults := app.Defaults()
	for _, db := range []string{defaults.RequestDB, defaults.WMStatsDB, defaults.LogDB} {
		if err := couch.Create(db); err != nil {
			return nil, err
		}
	}
	for doc := range world.AllParallel() {
		if err := couch.Put(doc.DB, doc.JSON); err != nil {
			return nil, err
		}
	}
	for _, name := range Hostile() {
		if err := errors.Join(put(couch, defaults.RequestDB, request(name, "running-open", gen.DefaultNow)), put(couch, defaults.WMStatsDB, report(name))); err != nil {
			return nil, err
		}
	}
	return couch, errors.Join(put(couch, defaults.RequestDB, request(Archived, "normal-archived", gen.DefaultNow-86400)), put(couch, defaults.RequestDB, request(Gone, "acquired", gen.DefaultNow)), put(couch, defaults.RequestDB, request("changes_1", "acquired", gen.DefaultNow)))
}

func put(couch *couchfake.Server, db string, doc map[string]any) error {
	text, err := json.Marshal(doc)
	if err != nil {
		return err
	}
	return couch.Put(db, text)
}

// request returns a request document that uses one name for all its names.
func request(name, status string, since int64) map[string]any {
	return map[string]any{
		"_id": name, "RequestName": name, "RequestType": "TaskChain", "RequestStatus": status, "RequestPriority": 7, "Campaign": name, "PrepID": name,
		"Requestor": name, "Team": name, "RequestTransition": []any{map[string]any{"Status": status, "UpdateTime": since}},
	}
}

// report returns an agent report on a workflow. Agent and site have the first of
// the hostile names.
func report(name string) map[string]any {
	counts := map[string]any{"success": 5, "failure": map[string]any{"exception": 2}}
	return map[string]any{
		"_id": "agent-" + name, "type": "agent_request", "workflow": name, "agent_url": Hostile()[0], "agent": "WMAgent", "timestamp": gen.DefaultNow,
		"status": counts, "sites": map[string]any{Hostile()[0]: counts}, "tasks": map[string]any{},
	}
}

// change writes the documents of the second generation.
func change(couch *couchfake.Server) error {
	db := app.Defaults().RequestDB
	couch.Delete(db, Gone)
	return errors.Join(
		put(couch, db, request(Today, "acquired", time.Now().Unix())),
		put(couch, db, request("changes_1", "running-open", gen.DefaultNow)),
	)
}

// changed reports whether all of change has arrived.
func changed(ctx context.Context, client *cacheclient.Client) bool {
	for name, want := range map[string]string{Gone: "", Today: "acquired", "changes_1": "running-open"} {
		list, err := client.Fetch(ctx, wire.Query{Names: []string{name}})
		if err != nil || len(list.Items) == 0 && want != "" || len(list.Items) > 0 && list.Items[0].Status != want {
			return false
		}
	}
	return true
}

// read stores the records of the cache server.
func (w *World) read(ctx context.Context, client *cacheclient.Client) (err error) {
	for workflow, ferr := range client.Workflows(ctx, wire.Query{}) {
		if ferr != nil {
			return ferr
		}
		w.Workflows = append(w.Workflows, workflow)
	}
	var meta cacheclient.Meta
	var errs [4]error
	w.Campaigns, meta, errs[0] = client.CampaignPage(ctx, wire.Query{})
	w.Releases, _, errs[1] = client.ReleasePage(ctx, wire.Query{})
	w.Sites, _, errs[2] = client.Sites(ctx)
	w.Agents, _, errs[3] = client.Agents(ctx)
	w.Generation = meta.Generation
	return errors.Join(errs[:]...)
}
