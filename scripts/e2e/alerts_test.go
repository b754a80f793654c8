package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/api/attention"
	cacheapp "github.com/dmwm/wmstats/cacheserver/app"
	"github.com/dmwm/wmstats/mock/gen"
	"github.com/dmwm/wmstats/program/tlsclient/testca"
)

// postedAlert is an alert as Alertmanager receives it.
type postedAlert struct {
	Labels, Annotations map[string]string
	GeneratorURL        string
}

// alertInbox is an Alertmanager that keeps the alerts that it received.
type alertInbox struct {
	url string

	mu    sync.Mutex
	links map[string]postedAlert // by link and question, one for each
	rules map[string]bool
}

func newAlertInbox(t *testing.T) *alertInbox {
	t.Helper()
	in := &alertInbox{links: map[string]postedAlert{}, rules: map[string]bool{}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var alerts []postedAlert
		if err := json.NewDecoder(r.Body).Decode(&alerts); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		in.mu.Lock()
		defer in.mu.Unlock()
		for _, a := range alerts {
			in.links[a.GeneratorURL+" "+a.Annotations["query"]] = a
			in.rules[a.Labels["rule"]] = true
		}
	}))
	t.Cleanup(server.Close)
	in.url = server.URL
	return in
}

// has reports whether there was an alert of a rule.
func (in *alertInbox) has(rule string) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.rules[rule]
}

// TestLinksOfAlerts: the page and the question of every alert that is posted to
// Alertmanager open at the dashboard, whether or not it stands below a path.
// The alerts are those of all rules, of an own rule, of workflows with odd
// names, of agents, of a whole rule and of old data.
func TestLinksOfAlerts(t *testing.T) {
	s := newCouch(t, gen.Options{Seed: 13, Workflows: 60, Lean: true})
	for i := range 2001 { // more than fit into a post
		name := fmt.Sprintf("too_many_%d", i)
		require.NoError(t, s.couch.Put(requestDB, []byte(strings.ReplaceAll(plainRequest(name, ""), "running-open", "failed"))))
	}
	for _, name := range []string{`a/b?c=d&e#f`, `100% "é" <b>`} {
		require.NoError(t, s.couch.Put(requestDB, []byte(plainRequest(name, ""))))
	}
	// Jobs of a request that nobody knows.
	require.NoError(t, s.couch.Put(wmstatsDB, []byte(strings.Replace(plainWork("unknown_request", ""), `"success":5`, `"submitted":{"running":3}`, 1))))
	rules := "rules:\n"
	for _, rule := range attention.RuleNames() {
		rules += fmt.Sprintf("  %s: {on: true, notify: true}\n", rule)
	}
	rules = strings.Replace(rules, "  old_data: {", "  old_data: {after: 5s, ", 1)
	rules += "own: [{name: odd, title: Odd names, query: \"status=new,assignment-approved,assigned,staging,staged,acquired,running-open,running-closed,completed,closed-out\", notify: true}]\n"
	alerts := testca.File(t, rules)

	type dashboard struct {
		name, public, base string
		in                 *alertInbox
		ui                 string // without the path
	}
	boards := []*dashboard{
		{name: "without a path", public: "https://wmstats.example.org"},
		{name: "with a path", public: "https://example.org" + basePath + "/", base: basePath},
	}
	for _, d := range boards {
		d.in = newAlertInbox(t)
		s.tune = func(o *cacheapp.Options) {
			o.Alerts, o.Alertmanager.URLs, o.Alertmanager.PublicURL, o.Alertmanager.Every = alerts, []string{d.in.url}, d.public, time.Second
		}
		d.ui = startUI(t, s.startCache(t).url, "--base-path", d.base)
	}
	for _, d := range boards { // alerts of the data, before the source fails
		eventually(t, func() bool { return d.in.has("failed") && d.in.has("odd") }, "alerts are posted")
	}
	require.NoError(t, s.endpoint.Refuse())
	for _, d := range boards {
		t.Run(d.name, func(t *testing.T) {
			eventually(t, func() bool { return d.in.has(attention.OldData) }, "old data are reported")
			d.in.mu.Lock()
			defer d.in.mu.Unlock()
			addresses, odd, agents := map[string]string{}, 0, 0 // to what the page is about; "": any
			for _, a := range d.in.links {
				addresses[a.Annotations["query"]] = ""
				switch workflow, agent := a.Labels["workflow"], a.Labels["agent"]; {
				case workflow == "unknown_request":
					addresses[a.GeneratorURL] = ""
				case workflow != "":
					addresses[a.GeneratorURL] = workflow
					if !plainName.MatchString(workflow) {
						odd++
					}
				case agent != "":
					addresses[a.GeneratorURL] = agent
					agents++
				default:
					addresses[a.GeneratorURL] = ""
				}
			}
			assert.Positive(t, odd)
			assert.Positive(t, agents)
			public := strings.TrimSuffix(d.public, "/")
			assert.Contains(t, addresses, public+"/attention", "of a whole rule")
			assert.Contains(t, addresses, public+"/about", "of old data")
			for at, about := range addresses {
				path, below := strings.CutPrefix(at, public)
				require.True(t, below && strings.HasPrefix(path, "/"), at)
				a := get(t, d.ui+d.base+path)
				assert.Equal(t, http.StatusOK, a.status, "%s: %.200s", at, a.body)
				if about != "" {
					doc, err := goquery.NewDocumentFromReader(bytes.NewReader(a.body))
					require.NoError(t, err)
					assert.Contains(t, doc.Find("h1").Text(), about, at)
				}
			}
			t.Logf("%d addresses of %v", len(addresses), d.in.rules)
		})
	}
}
