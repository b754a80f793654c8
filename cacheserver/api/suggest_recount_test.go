package api_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/join"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

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
