package api_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
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
	"github.com/dmwm/wmstats/cacheserver/join"
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

// plainWorkflow is a record as any client sees it.
type plainWorkflow struct {
	Workflow, Status              string
	Campaigns, Sites              []string
	PrepIDs                       []string
	InputDatasets, OutputDatasets []string
	Failure                       int64
}

// like matches a value with at most one wildcard, at its end.
func like(text, value string) bool {
	if head, wild := strings.CutSuffix(value, "*"); wild {
		return text != "" && strings.HasPrefix(text, head)
	}
	return text != "" && text == value
}

func (w *plainWorkflow) values(param string) []string {
	switch param {
	case "status":
		return []string{w.Status}
	case "campaign":
		return w.Campaigns
	case "site":
		return w.Sites
	}
	return []string{w.Workflow}
}

// matches tests the parameters of the random queries below.
func (w *plainWorkflow) matches(t *testing.T, params url.Values) bool {
	for param, all := range params {
		ok := false
		switch param {
		case "minFailure":
			var least int64
			_, err := fmt.Sscan(all[0], &least)
			require.NoError(t, err)
			ok = w.Failure >= least
		case "q":
			ok = true
			for word := range strings.FieldsSeq(all[0]) {
				ok = ok && slices.ContainsFunc(slices.Concat([]string{w.Workflow}, w.PrepIDs, w.InputDatasets, w.OutputDatasets), func(text string) bool {
					return strings.Contains(strings.ToLower(text), strings.ToLower(word))
				})
			}
		default:
			require.Contains(t, []string{"status", "campaign", "site", "name", "workflow"}, param)
			ok = slices.ContainsFunc(strings.Split(all[0], ","), func(value string) bool {
				return slices.ContainsFunc(w.values(param), func(text string) bool { return like(text, value) })
			})
		}
		if !ok {
			return false
		}
	}
	return true
}

// world is a random small world with names that resemble each other.
type suggestWorld struct {
	t       *testing.T
	rng     *rand.Rand
	records []plainWorkflow
}

func newSuggestWorld(t *testing.T, f *fixture, seed uint64) *suggestWorld {
	w := &suggestWorld{t: t, rng: rand.New(rand.NewPCG(seed, 1))}
	campaigns := []string{"Run3Summer21", "Run3Summer22", "Run3Summer22EE", "Run3Winter25", "RunIISummer20UL16", "run3-summer21", "A", ""}
	sites := []string{"T1_US_FNAL", "T2_US_MIT", "T2_US_UCSD", "T2_UK_London", "T2_CH_CERN", "T2_CH_CERN_HLT", "T2_us_MIT"}
	var all []join.Change
	for i := range 40 + w.rng.IntN(60) {
		campaign := campaigns[w.rng.IntN(len(campaigns))]
		name := fmt.Sprintf("pdmvserv_task_%s-%s-%05d", []string{"EXO", "HIG", "TOP"}[w.rng.IntN(3)], campaign, i*w.rng.IntN(9))
		record := &schema.Workflow{
			Workflow: name, Status: statuses[w.rng.IntN(len(statuses))], StatusKnown: true, StatusTime: 1795000000,
			Campaign: campaign, Campaigns: []string{campaign}, OutputDatasets: []string{"/Prim/" + campaign + "-v1/AODSIM"}, EstimatedJobs: -1,
		}
		report := &schema.AgentReport{Workflow: name, Agent: "vocms1.cern.ch", Time: 1795000000}
		for range w.rng.IntN(3) {
			report.Sites = append(report.Sites, schema.SiteReport{Site: sites[w.rng.IntN(len(sites))], Counts: schema.JobCounts{FailureException: int64(w.rng.IntN(9))}})
		}
		report.Sites = slices.CompactFunc(report.Sites, func(a, b schema.SiteReport) bool { return a.Site == b.Site })
		all = append(all, join.Change{Kind: join.Request, ID: name, Rev: "1", Hash: uint64(i)*2 + 1, Workflow: record},
			join.Change{Kind: join.AgentReport, ID: "r" + name, Rev: "1", Hash: uint64(i)*2 + 2, Time: 1795000000, Report: report})
	}
	f.store.Apply(all)
	require.NoError(t, json.Unmarshal(f.get("/fetch?limit=all").body, &w.records))
	require.NotEmpty(t, w.records)
	return w
}

// mistyped changes some letters of a text.
func (w *suggestWorld) mistyped(text string) string {
	b := []byte(text)
	for range w.rng.IntN(3) {
		if len(b) < 2 {
			break
		}
		at := w.rng.IntN(len(b) - 1)
		switch w.rng.IntN(4) {
		case 0:
			b = slices.Delete(b, at, at+1)
		case 1:
			b = slices.Insert(b, at, "abT2_"[w.rng.IntN(5)])
		case 2:
			b[at], b[at+1] = b[at+1], b[at]
		case 3:
			b = b[:at+1]
		}
	}
	if w.rng.IntN(8) == 0 {
		return strings.ToLower(string(b))
	}
	return string(b)
}

func (w *suggestWorld) query() url.Values {
	v := url.Values{}
	record := w.records[w.rng.IntN(len(w.records))]
	for range 1 + w.rng.IntN(3) {
		param := []string{"status", "campaign", "site", "name", "q", "workflow", "minFailure"}[w.rng.IntN(7)]
		switch param {
		case "minFailure":
			v.Set(param, fmt.Sprint(w.rng.IntN(9)))
		case "q":
			words := strings.Split(record.Workflow, "_")
			v.Set(param, w.mistyped(words[w.rng.IntN(len(words))]))
		default:
			values := record.values(param)
			if len(values) == 0 || values[0] == "" {
				continue
			}
			given := w.mistyped(values[w.rng.IntN(len(values))])
			if w.rng.IntN(4) == 0 {
				given += "," + w.mistyped(w.records[w.rng.IntN(len(w.records))].Status)
			}
			if param != "name" && w.rng.IntN(6) == 0 {
				given += "*"
			}
			v.Set(param, given)
		}
	}
	return v
}

func (w *suggestWorld) count(query string) (n int) {
	params, err := url.ParseQuery(query)
	require.NoError(w.t, err)
	for i := range w.records {
		if w.records[i].matches(w.t, params) {
			n++
		}
	}
	return n
}

// slowDistance is the number of typing mistakes between two texts.
func slowDistance(a, b string) int {
	before, last := []int(nil), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		now := []int{i}
		for j := 1; j <= len(b); j++ {
			cost := last[j-1]
			if a[i-1] != b[j-1] {
				cost++
			}
			cost = min(cost, last[j]+1, now[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				cost = min(cost, before[j-2]+1)
			}
			now = append(now, cost)
		}
		before, last = last, now
	}
	return last[len(b)]
}

var unseparated = strings.NewReplacer("_", "", "-", "", ".", "", "/", "", ":", "", " ", "")

func plainForm(text string) string { return unseparated.Replace(strings.ToLower(text)) }

// nearest returns the values that must be offered for an unknown one without a
// wildcard, in order: all within the allowed mistakes, with their counts by the
// query that count writes. Wildcards that it begins are left out.
func (w *suggestWorld) nearest(param, value string, query func(string) string) []string {
	type offer struct {
		value           string
		distance, count int
	}
	var all []offer
	seen := map[string]bool{}
	want := plainForm(value)
	for i := range w.records {
		for _, text := range w.records[i].values(param) {
			if seen[text] || text == "" {
				continue
			}
			seen[text] = true
			if d := slowDistance(want, plainForm(text)); want != "" && d <= min(4, (len(want)+1)/4) {
				all = append(all, offer{text, d, w.count(query(text))})
			}
		}
	}
	slices.SortFunc(all, func(a, b offer) int {
		return cmp.Or(a.distance-b.distance, b.count-a.count, cmp.Compare(url.QueryEscape(a.value), url.QueryEscape(b.value)))
	})
	var out []string
	for _, o := range all {
		out = append(out, o.value)
	}
	return out
}

// Every count and every replacement is what a recount of all records returns.
func TestSuggestionsEqualBruteForce(t *testing.T) {
	offered := 0
	for seed := range uint64(8) {
		f := newEmptyFixture(t)
		_, err := f.store.BeginLoad().Commit()
		require.NoError(t, err)
		w := newSuggestWorld(t, f, seed)
		for range 40 {
			offered += w.check(f, w.query())
		}
	}
	assert.Greater(t, offered, 100, "queries without typing mistakes prove nothing")
}

func (w *suggestWorld) check(f *fixture, params url.Values) (offered int) {
	t := w.t
	t.Helper()
	query := params.Encode()
	got := f.suggestions("/suggest?" + query)
	require.Equal(t, w.count(query), got.Total, query)
	require.Len(t, got.Conditions, len(params), query)
	for _, c := range got.Conditions {
		require.Equal(t, w.count(c.Condition), c.Alone, "%s: %s", query, c.Condition)
		require.Equal(t, w.count(c.Rest), c.Without, "%s without %s", query, c.Condition)
		alone, err := url.ParseQuery(c.Condition)
		require.NoError(t, err)
		for param, all := range alone {
			if param == "minFailure" {
				require.Empty(t, c.Unknown)
				continue
			}
			values := strings.Split(all[0], ",")
			unknown := slices.DeleteFunc(slices.Clone(values), func(v string) bool { return w.count(url.Values{param: {v}}.Encode()) > 0 })
			require.Len(t, c.Unknown, len(unknown), "%s: %s", query, c.Condition)
			for i, u := range c.Unknown {
				require.Equal(t, unknown[i], u.Value, query)
				require.LessOrEqual(t, len(u.DidYouMean), 3)
				for _, r := range u.DidYouMean {
					require.Equal(t, w.count(r.Query), r.Count, "%s: %s", query, r.Query)
					offered++
				}
				if param != "q" && !strings.HasSuffix(u.Value, "*") {
					w.checkOrder(param, params, values, u)
				}
			}
		}
	}
	return offered
}

// checkOrder compares the values that are offered with those of a recount.
func (w *suggestWorld) checkOrder(param string, params url.Values, values []string, u wire.UnknownValue) {
	t := w.t
	t.Helper()
	others := slices.DeleteFunc(slices.Clone(values), func(v string) bool { return v == u.Value })
	want := w.nearest(param, u.Value, func(text string) string {
		whole := url.Values{}
		for name, all := range params {
			whole[name] = all
		}
		whole.Set(param, strings.Join(append(slices.Clone(others), text), ","))
		return whole.Encode()
	})
	want = slices.DeleteFunc(append([]string{}, want...), func(text string) bool { return slices.Contains(others, text) })
	if w.beginningIsNearer(param, u.Value, want) {
		return // no whole value is expected
	}
	got := []string{}
	for _, r := range u.DidYouMean {
		condition, err := url.ParseQuery(r.Condition)
		require.NoError(t, err)
		value := condition.Get(param)
		// The beginning of others is not among the nearest; it may be offered too.
		if strings.HasSuffix(value, "*") || !slices.Contains(want, value) {
			head := plainForm(strings.TrimSuffix(value, "*"))
			require.True(t, strings.HasPrefix(head, plainForm(u.Value)) || head == plainForm(u.Value), "%s for %s", value, u.Value)
			continue
		}
		got = append(got, value)
	}
	most := min(len(want), len(got))
	require.Equal(t, want[:most], got, "%s in %s", u.Value, params.Encode())
	if len(u.DidYouMean) < 3 {
		require.Len(t, got, len(want), "%s in %s", u.Value, params.Encode())
	}
}

// beginningIsNearer reports whether the beginning of some value has fewer mistakes
// than all whole values, and these have more than one.
func (w *suggestWorld) beginningIsNearer(param, value string, whole []string) bool {
	least := 5
	if len(whole) > 0 {
		least = slowDistance(plainForm(value), plainForm(whole[0]))
	}
	for i := range w.records {
		for _, text := range w.records[i].values(param) {
			for end := range text {
				if least > 1 && slowDistance(strings.ToLower(value), strings.ToLower(text[:end])) < least {
					return true
				}
			}
		}
	}
	return false
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
