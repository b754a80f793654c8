package gen_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/mock/gen"
)

// mark is a text, or a rule, by which an edge case is recognised in the bytes
// of one of its documents.
type mark func(doc []byte) bool

func has(parts ...string) mark {
	return func(doc []byte) bool {
		for _, p := range parts {
			if !bytes.Contains(doc, []byte(p)) {
				return false
			}
		}
		return true
	}
}

func without(key string, parts ...string) mark {
	return func(doc []byte) bool { return has(parts...)(doc) && !bytes.Contains(doc, []byte(key)) }
}

func marks() map[string]mark {
	return map[string]mark{
		"fields missing":                     without(`"Team"`, `"RequestStatus"`),
		"fields null":                        has(`"TotalInputEvents":null`, `"PrepID":null`),
		"priority as text":                   has(`"InitialPriority":"high"`, `"RequestPriority":"`),
		"text for list":                      has(`"ScramArch":"slc6`, `"SiteWhitelist":"[`),
		"list for text":                      has(`"Teams":["testbed-dev"]`, `"RequestNumEvents":[`),
		"object for text":                    has(`"AcquisitionEra":{"GEN":"EraOne"`),
		"float for integer":                  has(`"TotalEstimatedJobs":500.0`),
		"unknown status and type":            has(`"testing-approved"`, `"MonteCarloFromGEN"`),
		"status differs from history":        has(`"RequestStatus":"closed-out"`),
		"history empty":                      has(`"RequestTransition":[]`),
		"history out of order and repeated":  historyOutOfOrder,
		"times in the future":                has(`"type":"agent_request"`),
		"totals zero":                        has(`"TotalEstimatedJobs":0`),
		"progress over 100":                  has(`"TotalInputLumis":1,`),
		"names with special characters":      has(`<script>`, `#1/2`),
		"names of 500 characters":            has(strings.Repeat("VeryLongName_", 30)),
		"large document":                     func(doc []byte) bool { return len(doc) > 1<<20 },
		"recovery of a request that is gone": has(`"OriginalRequestName":"pdmvserv_Run2016B_Nobody`),
		"broken request":                     without(`"RequestName"`, `"RequestStatus":["assignment-approved"]`),
		"cooloff as a number":                has(`"cooloff":7`),
		"counters as text and null":          has(`"success":"381"`, `"exception":null`),
		"sizes as float and text":            has(`"size":1.06698406915e11`),
		"huge sizes":                         has(`"size":12345678901234567`),
		"more jobs at sites than in all":     has(`"T1_US_FNAL":{"success":1000}`),
		"no status and tasks":                without(`"status"`, `"agent_request"`),
		"all empty":                          has(`"status":{}`, `"tasks":{}`, `"sites":{}`),
		"counters of other types":            has(`"queued":[]`, `"submitted":null`),
		"odd site names":                     has(`"":{`, `"unknown":{`, `"NA":{`, `"Agent":{`, `"NoPossibleSite":{`, `"{}":{`),
		"processing and storage names":       has(`"T2_CH_CERN_HLT":{`, `"T1_US_FNAL_Disk":{`),
		"agent with port":                    has(`:9999","agent_version"`),
		"several agents":                     has(`"agent_request"`),
		"stale agent":                        has(`"agent_request"`),
		"odd task paths":                     has(`"/another_workflow_200101_000000_1/Elsewhere"`, strings.Repeat("/DeeplyNestedTask", 40)),
		"broken agent document":              without(`"workflow"`, `"status":"oops"`),
		"two documents for one pair":         func(doc []byte) bool { return has(`"success":1,`)(doc) || has(`"success":1}`)(doc) },
		"document of an unknown workflow":    has(`"workflow":"forgotten_`),
		"redeployed agent":                   has(`"agent_url":"vocms0999.cern.ch"`),
		"site as an object":                  has(`"site":{}`),
		"bad bytes and duplicate keys":       func(doc []byte) bool { return !utf8.Valid(doc) },
		"long and hostile error text":        func(doc []byte) bool { return len(doc) > 200_000 && has("<script>")(doc) },
		"deleted document":                   has(`"_deleted":true`),
	}
}

func historyOutOfOrder(doc []byte) bool {
	var r requestDoc
	if json.Unmarshal(doc, &r) != nil || len(r.RequestTransition) < 3 {
		return false
	}
	return r.RequestTransition[0].UpdateTime > r.RequestTransition[len(r.RequestTransition)-1].UpdateTime ||
		r.RequestTransition[0].Status == r.RequestTransition[len(r.RequestTransition)-1].Status
}

// TestEveryEdgeCaseIsThere looks for each edge case among the first thousand
// workflows, in its place and in the stream.
func TestEveryEdgeCaseIsThere(t *testing.T) {
	for _, seed := range []uint64{1, 5, 1<<63 + 12} {
		w := world(t, gen.Options{Seed: seed, Workflows: 1000})
		known := marks()
		for _, e := range gen.EdgeCases() {
			require.Contains(t, known, e.Name)
			docs := w.EdgeDocs(e.Name)
			require.NotEmpty(t, docs, e.Name)
			found := false
			for _, d := range docs {
				found = found || known[e.Name](d.JSON)
			}
			assert.True(t, found, "%s (seed %d) has none of its marks in %s", e.Name, seed, docs[0].ID)
		}
		assert.Len(t, known, len(gen.EdgeCases()))
	}
}

// TestEveryRowOfTheTableHasACase checks that each row of the table of edge
// cases has a case.
func TestEveryRowOfTheTableHasACase(t *testing.T) {
	rows := []string{
		"field missing", "null", "number as string", "string for list / list for string", "object for string", "number for object",
		"object for string site", "float for int", "huge numbers", "negative counters", "unknown status / type",
		"RequestStatus differs from last transition", "transition list empty / out of order / repeated status",
		"site `\"\"`, `unknown`, `NA`, `Agent`, `NoPossibleSite`, `{}`",
		"same site as processing and storage name (`T2_CH_CERN` / `T2_CH_CERN_HLT`, `_Disk`)",
		"agent url with and without port; agent renamed or redeployed", "two documents for one (agent, workflow)",
		"several agents for one workflow", "agent document of a workflow not in the cache",
		"agent document without `status`/`tasks`, or all empty", "stale agent document",
		"task path not starting with the workflow; empty task; very long path (> 500 chars)",
		"names with `/`, `#`, `%`, quotes, non-ASCII", "duplicate JSON keys, invalid UTF-8 in error text", "very large document (MBs)",
		"total 0 or absent", "progress > 100 %", "clock skew: times in the future", "document deleted between two calls",
		"view row with `error`",
	}
	have := map[string]bool{}
	for _, e := range gen.EdgeCases() {
		have[e.Row] = true
		assert.Contains(t, rows, e.Row)
	}
	for _, r := range rows {
		assert.True(t, have[r], r)
	}
}

func TestEdgeCasesAreFewAndCanBeLeftOut(t *testing.T) {
	odd := func(opts gen.Options) int {
		n := 0
		for d := range world(t, opts).AllParallel() {
			if bytes.Contains(d.JSON, []byte("VeryLongName_")) || bytes.Contains(d.JSON, []byte(`"testing-approved"`)) || !utf8.Valid(d.JSON) {
				n++
			}
		}
		return n
	}
	assert.Equal(t, 6, odd(gen.Options{Seed: 1, Workflows: 5000, Lean: true}), "once in the first thousand, then once in 4000")
	assert.Zero(t, odd(gen.Options{Seed: 1, Workflows: 1000, Lean: true, NoEdges: true}))
}

func TestStorableHoldsUTF8(t *testing.T) {
	for d := range world(t, gen.Options{Seed: 1, Workflows: 1000, Lean: true, Storable: true}).AllParallel() {
		require.True(t, utf8.Valid(d.JSON), d.ID)
		require.True(t, json.Valid(d.JSON), d.ID)
	}
}
