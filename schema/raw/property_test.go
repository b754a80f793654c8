package raw

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/schema"
)

// object is a JSON object under construction.
type object = map[string]any

// counters are pointers to all counters, in the order of the struct.
func counters(c *schema.JobCounts) (list []*int64) {
	for _, field := range reflect.ValueOf(c).Elem().Fields() {
		list = append(list, field.Addr().Interface().(*int64))
	}
	return list
}

// randomCounts returns a counter object with a random part of its keys.
func randomCounts(rnd *rand.Rand) (object, schema.JobCounts) {
	var c schema.JobCounts
	o := object{}
	groups := map[string]object{}
	for i, path := range counterPaths {
		if rnd.IntN(3) > 0 {
			continue
		}
		n := rnd.Int64N(1000)
		*counters(&c)[i] = n
		group, key, nested := strings.Cut(path, ".")
		if !nested {
			o[group] = n
			continue
		}
		if groups[group] == nil {
			groups[group] = object{}
			o[group] = groups[group]
		}
		groups[group][key] = n
	}
	return o, c
}

// counterPaths are the keys of a counter object in the order of JobCounts.
var counterPaths = []string{
	"success", "canceled", "transition", "queued.first", "queued.retry",
	"submitted.first", "submitted.retry", "submitted.pending", "submitted.running",
	"failure.create", "failure.submit", "failure.exception",
	"cooloff.create", "cooloff.submit", "cooloff.job",
	"paused.create", "paused.submit", "paused.job",
}

// randomKey returns a name as it may come from data, odd ones included.
func randomKey(rnd *rand.Rand) string {
	odd := []string{"", "unknown", "NA", "T2_CH_CERN", "Success", "Workflow", "/wf1/A", "é<b>", "a.b", "\"", "Sites"}
	if rnd.IntN(3) == 0 {
		return odd[rnd.IntN(len(odd))]
	}
	return fmt.Sprintf("name%d", rnd.IntN(50))
}

// randomReport returns an agent_request document of wf1 that is consistent: the
// status is the sum of the sites and of jobs without a site.
func randomReport(rnd *rand.Rand, agent string) []byte {
	placed := schema.JobCounts{}
	sites := object{}
	for range rnd.IntN(6) {
		name := randomKey(rnd)
		if _, there := sites[name]; there {
			continue
		}
		o, c := randomCounts(rnd)
		sites[name] = o
		placed.Add(&c)
	}
	_, unplaced := randomCounts(rnd)
	placed.Add(&unplaced)
	status := object{"inWMBS": rnd.IntN(1000), "inQueue": rnd.IntN(1000)}
	for i, path := range counterPaths {
		group, key, nested := strings.Cut(path, ".")
		switch {
		case !nested:
			status[group] = *counters(&placed)[i]
		case status[group] == nil:
			status[group] = object{key: *counters(&placed)[i]}
		default:
			status[group].(object)[key] = *counters(&placed)[i]
		}
	}
	tasks := object{}
	for range rnd.IntN(4) {
		taskSites := object{}
		for range rnd.IntN(4) {
			o, _ := randomCounts(rnd)
			datasets := object{}
			for range rnd.IntN(3) {
				datasets[randomKey(rnd)] = object{"events": rnd.IntN(1e6), "totalLumis": rnd.IntN(1e4), "size": rnd.IntN(1e12)}
			}
			o["dataset"], o["inputEvents"], o["wrappedTotalJobTime"] = datasets, rnd.IntN(1e6), rnd.Float64()*1e6
			taskSites[randomKey(rnd)] = o
		}
		counts, _ := randomCounts(rnd)
		tasks["/wf1/"+randomKey(rnd)] = object{
			"jobtype": "Merge", "status": counts, "sites": taskSites,
			"skipped":             object{randomKey(rnd): object{"skippedFile": rnd.IntN(9)}},
			"subscription_status": object{"finished": 1, "open": rnd.IntN(4), "total": 5, "updated": 1000},
		}
	}
	raw, err := json.Marshal(object{
		"_id": agent + "-wf1", "type": "agent_request", "workflow": "wf1", "agent_url": agent,
		"timestamp": rnd.IntN(100), "skipped": rnd.IntN(2) == 0, "status": status, "sites": sites, "tasks": tasks,
	})
	if err != nil {
		panic(err) // maps of numbers can be marshalled
	}
	return raw
}

func randomDocs(t testing.TB, rnd *rand.Rand) (*ReqMgrDoc, []*ReportDoc) {
	r := request(t, fmt.Sprintf(`"RequestStatus":"running-open","TotalInputEvents":%d,"TotalInputLumis":%d,"TotalEstimatedJobs":%d,
		"OutputDatasets":["name1","name2","é<b>"],"RequestTransition":[{"Status":"running-open","UpdateTime":5}],"StepChain":1,"Step1":{"StepName":"A"}`,
		rnd.IntN(1e6), rnd.IntN(1e4), rnd.IntN(1e4)))
	var agents []*ReportDoc
	for range rnd.IntN(6) {
		a, err := DecodeReport(randomReport(rnd, fmt.Sprintf("agent%d:9999", rnd.IntN(4))))
		require.NoError(t, err)
		require.Empty(t, a.Flaws)
		agents = append(agents, a)
	}
	return r, agents
}

func TestFlattenProperties(t *testing.T) {
	for seed := range uint64(300) {
		rnd := rand.New(rand.NewPCG(seed, 7))
		req, agents := randomDocs(t, rnd)
		d := Flatten(req, agents)

		require.Equal(t, d, Flatten(req, agents), "twice is equal")
		shuffled := slices.Clone(agents)
		rnd.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		require.Equal(t, d, Flatten(req, shuffled), "the order of agents does not matter")

		w := d.Workflow
		var reports []schema.AgentReport
		for _, a := range agents {
			reports = append(reports, a.Report())
		}
		schema.Join(&w, reports)
		require.Equal(t, d.Workflow, w, "joining again changes nothing")
		fresh := req.Record()
		schema.Join(&fresh, reports)
		require.Equal(t, d.Workflow, fresh, "the lists and the detail have the same record")

		sumsAreEqual(t, &d)
		var keys map[string]any
		require.NoError(t, json.Unmarshal(schema.AppendDetail(nil, &d), &keys))
		noForeignKeys(t, keys)
	}
}

func sumsAreEqual(t *testing.T, d *schema.Detail) {
	t.Helper()
	sum := func(n int, counts func(i int) schema.JobCounts) (c schema.JobCounts) {
		for i := range n {
			more := counts(i)
			c.Add(&more)
		}
		return c
	}
	total := d.JobCounts
	require.Equal(t, total, sum(len(d.Agents), func(i int) schema.JobCounts { return d.Agents[i].JobCounts }), "agents")
	require.Equal(t, total, sum(len(d.Sites), func(i int) schema.JobCounts { return d.Sites[i].JobCounts }), "sites add up, with (none)")
	require.Equal(t, total, sum(len(d.SiteTotals), func(i int) schema.JobCounts { return d.SiteTotals[i].JobCounts }), "site totals")
	require.Equal(t, sum(len(d.Tasks), func(i int) schema.JobCounts { return d.Tasks[i].JobCounts }),
		sum(len(d.TaskTotals), func(i int) schema.JobCounts { return d.TaskTotals[i].JobCounts }), "task totals")
	require.Equal(t, total.Derive(), d.Counters, "totals of the sum")
	var jobs, events, written int64
	for _, a := range d.Agents {
		jobs += a.TotalJobs
	}
	require.Equal(t, jobs, d.TotalJobs, "sum of totals = totals of sum")
	for _, o := range d.Outputs {
		events += o.Events
	}
	for _, p := range d.Datasets {
		written += p.Events
	}
	require.Equal(t, events, d.OutputEvents)
	require.Equal(t, events, written)
}

// noForeignKeys checks that all keys at all depths are described, that none
// comes from data, and that no value is null.
func noForeignKeys(t *testing.T, v any) {
	t.Helper()
	switch v := v.(type) {
	case nil:
		require.Fail(t, "null in a record")
	case []any:
		for _, e := range v {
			noForeignKeys(t, e)
		}
	case object:
		for key, e := range v {
			require.True(t, described[key], "key %q", key)
			noForeignKeys(t, e)
		}
	}
}

var described = func() map[string]bool {
	keys := map[string]bool{}
	for _, f := range slices.Concat(schema.Describe[schema.Detail](), schema.Describe[schema.AgentDetail]()) {
		keys[f.Key] = true
	}
	for _, k := range schema.Kinds() {
		for _, f := range k.Fields {
			keys[f.Key] = true
		}
	}
	return keys
}()

func TestReportIsTheSameFromBothDecoders(t *testing.T) {
	for seed := range uint64(200) {
		raw := randomReport(rand.New(rand.NewPCG(seed, 9)), "a.cern.ch")
		a, err := DecodeReport(raw)
		require.NoError(t, err)
		part, flaws, err := DecodeAgentReport(raw)
		require.NoError(t, err)
		require.Empty(t, flaws)
		require.Equal(t, a.Report(), part)
	}
	raw := []byte(`{"workflow":"w","agent_url":"a","tasks":{"/w/A":{"sites":{"X":{"dataset":{"/a":{"events":1}}},"X":{"success":1}}}}}`)
	part, _, err := DecodeAgentReport(raw)
	require.NoError(t, err)
	require.Empty(t, part.Outputs, "the last of equal keys, which wrote nothing")
}

func TestAddAndSubAreInverse(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 1))
	for range 100 {
		_, a := randomCounts(rnd)
		_, b := randomCounts(rnd)
		sum := a
		sum.Add(&b)
		for i := range counterPaths {
			assert.Equal(t, *counters(&a)[i]+*counters(&b)[i], *counters(&sum)[i], counterPaths[i])
		}
		assert.Equal(t, a.Derive().TotalJobs+b.Derive().TotalJobs, sum.Derive().TotalJobs)
		sum.Sub(&b)
		assert.Equal(t, a, sum)
	}
}

func TestContentHash(t *testing.T) {
	base := `{"_id":"a-wf1","_rev":"1-2","timestamp":5,"status":{"success":1},"nested":{"timestamp":1,"_rev":"x"}}`
	for name, same := range map[string]string{
		"other rev":       `{"_id":"a-wf1","_rev":"32-6027014210","timestamp":5,"status":{"success":1},"nested":{"timestamp":1,"_rev":"x"}}`,
		"other time":      `{"_id":"a-wf1","_rev":"1-2","timestamp":"6","status":{"success":1},"nested":{"timestamp":1,"_rev":"x"}}`,
		"without either":  `{"_id":"a-wf1","status":{"success":1},"nested":{"timestamp":1,"_rev":"x"}}`,
		"elsewhere":       `{"timestamp":7,"_id":"a-wf1","status":{"success":1},"nested":{"timestamp":1,"_rev":"x"},"_rev":null}`,
		"key with escape": `{"_id":"a-wf1","\u005frev":"7","status":{"success":1},"nested":{"timestamp":1,"_rev":"x"}}`,
	} {
		assert.Equal(t, ContentHash([]byte(base)), ContentHash([]byte(same)), name)
	}
	for name, other := range map[string]string{
		"counter":     strings.Replace(base, `"success":1`, `"success":2`, 1),
		"key":         strings.Replace(base, `"success"`, `"canceled"`, 1),
		"nested time": strings.Replace(base, `"timestamp":1,`, `"timestamp":2,`, 1),
		"nested rev":  strings.Replace(base, `"_rev":"x"`, `"_rev":"y"`, 1),
		"id":          strings.Replace(base, `a-wf1`, `b-wf1`, 1),
		"more":        strings.Replace(base, `"nested"`, `"new":1,"nested"`, 1),
		"not JSON":    base[1:],
	} {
		assert.NotEqual(t, ContentHash([]byte(base)), ContentHash([]byte(other)), name)
	}
	assert.Equal(t, uint64(0xdfa5c2db257f0d33), ContentHash([]byte(base)), "the same in every process, for checkpoints")
}

func TestPeek(t *testing.T) {
	h, err := Peek([]byte(`{"_id":"x","_rev":"32-6027014210","type":"agent_request","timestamp":"12","_deleted":true}`))
	require.NoError(t, err)
	assert.Equal(t, Head{ID: "x", Rev: "32-6027014210", Type: "agent_request", Deleted: true, Time: 12}, h)
}
