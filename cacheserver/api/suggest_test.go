package api_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/api"
	"github.com/dmwm/wmstats/cacheserver/store"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

func (f *fixture) suggestions(path string) wire.Suggestions {
	f.t.Helper()
	a := f.get(path)
	require.Equal(f.t, http.StatusOK, a.StatusCode, "%s: %s", path, a.body)
	return decode[wire.Suggestions](f.t, a.body)
}

// meantBy returns what an answer offers for unknown values, as condition and count.
func meantBy(s wire.Suggestions) []string {
	out := []string{}
	for _, c := range s.Conditions {
		for _, u := range c.Unknown {
			for _, r := range u.DidYouMean {
				condition, _ := url.QueryUnescape(r.Condition)
				out = append(out, fmt.Sprintf("%s: %s (%d)", u.Value, condition, r.Count))
			}
		}
	}
	return out
}

// mistyped is a status with a letter missing.
const mistyped = "run" + "ing-open"

// The fixture has 120 workflows: 24 of each of five statuses, 30 of each of three
// campaigns and 30 without, all at T1_US_FNAL and half of them at each of two more sites.
func TestSuggestions(t *testing.T) {
	f := newFixture(t, 120)
	for _, c := range []struct {
		query string
		want  []string
	}{
		{"status=" + mistyped, []string{mistyped + ": status=running-open (24)"}},
		{"status=Running-Open", []string{"Running-Open: status=running-open (24)", "Running-Open: status=running-closed (24)"}[:1]},
		{"status=running", []string{"running: status=running-* (48)"}},
		{"site=T2_CH", []string{"T2_CH: site=T2_CH_* (120)"}},
		{"site=t2ch&status=completed", []string{"t2ch: site=T2_CH_* (24)"}},
		{"site=T2_CH_CREN_1", []string{"T2_CH_CREN_1: site=T2_CH_CERN_1 (60)", "T2_CH_CREN_1: site=T2_CH_CERN_0 (60)"}},
		{"site=T2_CH_CREN_1&name=" + workflowName(1), []string{"T2_CH_CREN_1: site=T2_CH_CERN_1 (1)", "T2_CH_CREN_1: site=T2_CH_CERN_0 (0)"}},
		{"status=completed," + mistyped + "&site=T2_CH_CERN_0", []string{mistyped + ": status=running-open (24)"}},
		{"site=T2_CHH_*", []string{"T2_CHH_*: site=T2_CH_* (120)"}},
		{"campaign=Run3Sumer01", []string{"Run3Sumer01: campaign=Run3Summer01 (30)", "Run3Sumer01: campaign=Run3Summer00 (30)", "Run3Sumer01: campaign=Run3Summer02 (30)"}},
		{"q=failure>3", []string{"failure>3: minFailure=4 (24)"}},
		{"q=" + url.QueryEscape("failure:>=3"), []string{"failure:>=3: minFailure=3 (48)"}},
		{"q=prio<1000", []string{"prio<1000: maxPriority=999 (8)"}},
		{"q=status=completed", []string{"status=completed: status=completed (24)"}},
		{"q=T1_US_FNAL", []string{"T1_US_FNAL: site=T1_US_FNAL (120)"}},
		{"q=vocms1.cren.ch", []string{"vocms1.cren.ch: agent=vocms1.cern.ch (40)", "vocms1.cren.ch: agent=vocms0.cern.ch (40)", "vocms1.cren.ch: agent=vocms2.cern.ch (40)"}},
		{"q=pdmvsrev_000", []string{"pdmvsrev_000: q=pdmvserv_000 (1)"}},
		{"priority=999999", []string{"999999: priority=16001 (7)", "999999: priority=15001 (7)", "999999: priority=14001 (7)"}},
		{"name=" + strings.Replace(workflowName(7), "wf", "fw", 1), []string{strings.Replace(workflowName(7), "wf", "fw", 1) + ": name=" + workflowName(7) + " (1)"}},
		{"site=!T2_USA_*", []string{}}, // an exclusion keeps no record away
		{"site=nothing-near", []string{}},
		{"q=%22", nil},
	} {
		if c.want == nil {
			assert.Equal(t, http.StatusBadRequest, f.get("/suggest?"+c.query).StatusCode, c.query)
			continue
		}
		got := meantBy(f.suggestions("/suggest?" + c.query))
		if len(got) > len(c.want) && len(c.want) > 0 {
			got = got[:len(c.want)]
		}
		assert.Equal(t, c.want, got, c.query)
	}
}

// Two conditions that both have workflows, but none in common: the counts without
// each say which one to remove.
func TestConditionsWithoutCommonWorkflows(t *testing.T) {
	f := newFixture(t, 120)
	got := f.suggestions("/v1/suggest?campaign=Run3Summer01&maxPriority=1&status=running-closed")
	assert.Equal(t, 0, got.Total)
	assert.Equal(t, []wire.ConditionCounts{
		{Condition: "status=running-closed", Rest: "campaign=Run3Summer01&maxPriority=1", Alone: 24, Without: 2, Unknown: []wire.UnknownValue{}},
		{Condition: "maxPriority=1", Rest: "campaign=Run3Summer01&status=running-closed", Alone: 8, Without: 6, Unknown: []wire.UnknownValue{}},
		{Condition: "campaign=Run3Summer01", Rest: "maxPriority=1&status=running-closed", Alone: 30, Without: 1, Unknown: []wire.UnknownValue{}},
	}, sortedConditions(got.Conditions, "status", "max", "campaign"))
	assert.Equal(t, wire.Suggestions{Generation: got.Generation, Time: got.Time, Total: 120, Conditions: []wire.ConditionCounts{}}, f.suggestions("/suggest"))
}

func sortedConditions(list []wire.ConditionCounts, order ...string) []wire.ConditionCounts {
	at := func(c wire.ConditionCounts) int {
		return slices.IndexFunc(order, func(start string) bool { return strings.HasPrefix(c.Condition, start) })
	}
	slices.SortFunc(list, func(a, b wire.ConditionCounts) int { return at(a) - at(b) })
	return list
}

func TestSuggestionsOfGroups(t *testing.T) {
	f := newFixture(t, 120)
	for _, c := range []struct {
		path string
		want []string
	}{
		{"/suggest/campaign?q=Run3Sumer01", []string{"Run3Sumer01: q=Run3Summer01 (1)"}},
		{"/suggest/campaign?campaign=run3summer", []string{"run3summer: campaign=Run3Summer* (3)"}},
		{"/suggest/sites?q=T2_CH_CREN", []string{"T2_CH_CREN: q=T2_CH_CERN (2)"}},
		{"/suggest/release?release=CMSSW_14", []string{"CMSSW_14: release=CMSSW_14_* (3)"}},
		{"/suggest/agent?q=vcoms1", []string{"vcoms1: q=vocms1 (1)"}},
		{"/suggest/agent?q=vocms1&kind=service", []string{}},
	} {
		got := meantBy(f.suggestions(c.path))
		assert.Equal(t, c.want, got[:min(len(got), max(1, len(c.want)))], c.path)
	}
	for _, path := range []string{"/suggest/campaign?limit=3", "/suggest?after=a", "/suggest/sites?sites=", "/suggest?status=", "/suggest/nothing"} {
		assert.GreaterOrEqual(t, f.get(path).problem(t).Status, 400, path)
	}
	assert.Equal(t, http.StatusNotAcceptable, f.get("/suggest", "Accept: text/csv").StatusCode)
}

// Whatever is asked, the answer is a problem or counts that /fetch confirms.
func FuzzSuggest(f *testing.F) {
	records, err := store.New(store.Options{Process: "t", Limits: schema.DefaultLimits()})
	require.NoError(f, err)
	load := records.BeginLoad()
	load.Add(changes(0, 200, 1))
	_, err = load.Commit()
	require.NoError(f, err)
	a, err := api.New(api.Options{Store: records, Log: slog.New(slog.DiscardHandler)})
	require.NoError(f, err)
	for _, seed := range []string{
		"status=" + mistyped, "q=failure>3&site=T2_CH", "site=T2_*_x,!T1_*&name=a,b", "q=%22a b%22 c&minAge=2d", "workflow=\\\\,*&has=!agent", "priority=7&maxPriority=9",
	} {
		f.Add(seed)
	}
	ask := func(path string) *httptest.ResponseRecorder {
		r := httptest.NewRecorder()
		a.Handler().ServeHTTP(r, httptest.NewRequest(http.MethodGet, path, http.NoBody))
		return r
	}
	f.Fuzz(func(t *testing.T, query string) {
		params, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		total := func(query string) int {
			r := ask("/fetch?limit=1&" + query)
			require.Equal(t, http.StatusOK, r.Code, "%s: %s", query, r.Body)
			n, err := strconv.Atoi(r.Header().Get("X-Total-Count"))
			require.NoError(t, err)
			return n
		}
		r := ask("/suggest?" + params.Encode())
		if r.Code != http.StatusOK {
			require.Less(t, r.Code, http.StatusInternalServerError, r.Body.String())
			require.Equal(t, wire.MediaProblem, r.Header().Get("Content-Type"))
			return
		}
		for _, c := range decode[wire.Suggestions](t, r.Body.Bytes()).Conditions {
			require.Equal(t, total(c.Rest), c.Without, c.Rest)
			require.Equal(t, total(c.Condition), c.Alone, c.Condition)
			for _, u := range c.Unknown {
				for _, r := range u.DidYouMean {
					require.Equal(t, total(r.Query), r.Count, r.Query)
				}
			}
		}
	})
}
