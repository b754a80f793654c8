package raw

import (
	"bytes"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/schema"
)

// seed adds the project's own documents and some broken ones.
func seed(f *testing.F) {
	paths, err := filepath.Glob("testdata/set/*.json")
	require.NoError(f, err)
	require.NotEmpty(f, paths)
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		require.NoError(f, err)
		f.Add(raw)
	}
	f.Add(randomReport(rand.New(rand.NewPCG(1, 2)), "a.cern.ch"))
	for _, raw := range []string{
		`null`, `{}`, `{"_id":"x"`, `{"_id":"a-b","workflow":"b"}`, `{"_id":"\ud800","RequestName":["x"],"Task1":{"Memory":{"a":-1e300}}}`,
		`{"_id":"x","RequestDate":["2024","3",31],"RequestNumEvents":["a"],"SiteWhitelist":"[\"a\",[1]]","TimePerEvent":"1e400"}`,
		`{"workflow":"w","agent_url":":1","tasks":{"":{"sites":{"":{"dataset":{"":{"size":-9223372036854775808}}}},"skipped":true}}}`,
		`{"workflow":"w","agent_url":"a:1","status":{"success":9},"sites":{"B":{"success":1},"A":{"queued":{"first":2}},"NA":{}},"tasks":{"/w/B":{"skipped":{"A":{"skippedFile":3}},` +
			`"sites":{"B":{"dataset":{"/b":{"events":1,"totalLumis":2,"size":3},"/a":{"size":4}}},"A":{"dataset":{"/b\u0041":{},"/b":{"events":5}}}}},"/w/A":{"status":{}}}}`,
		`{"workflow":"w","agent_url":"a","tasks":{"/w/A":{"sites":{"X":{"dataset":{"/a":{"events":1},"/a":{}}},"X":{}}},"/w/A":{}},"tasks":{},"sites":{"NA":{},"unknown":{}}}`,
		`{"_id":"a","components":{"A":"x","B":{"pid":"1"}},"down_components":"A","down_component_detail":["B","text",{"name":null}]}`,
	} {
		f.Add([]byte(raw))
	}
}

// checkError checks that a failed decoding is a *DocError, and that an object
// fails only because of its content.
func checkError(t *testing.T, raw []byte, err error) {
	var bad *DocError
	require.True(t, errors.As(err, &bad), "%v", err)
	require.NotEmpty(t, bad.Error())
	if json.Valid(raw) && bytes.HasPrefix(bytes.TrimSpace(raw), []byte("{")) {
		require.NoError(t, bad.Err)
		require.NotEmpty(t, bad.Path)
	}
}

// checkRecord checks that an encoded record is valid JSON without null, and
// that its keys are described.
func checkRecord(t *testing.T, encoded []byte) {
	var v any
	require.NoError(t, json.Unmarshal(encoded, &v))
	noForeignKeys(t, v)
}

func FuzzDecodeReqMgr(f *testing.F) {
	seed(f)
	var q, lending ReqMgrDecoder // what they keep of one document must not affect the next
	f.Fuzz(func(t *testing.T, raw []byte) {
		before := bytes.Clone(raw)
		r, err := DecodeReqMgr(raw)
		if err != nil {
			checkError(t, raw, err)
			return
		}
		require.True(t, json.Valid(raw) || tooDeep(raw), "accepted what is not JSON")
		require.Equal(t, ContentHash(raw), r.Hash)
		again, err := q.Decode(raw)
		require.NoError(t, err)
		require.Equal(t, r.Record(), again.Record())
		require.Equal(t, r.chainSteps(), again.chainSteps())
		lending.Recycle()
		lent, err := lending.Decode(raw)
		require.NoError(t, err)
		first, want := lent.Record(), r.Record()
		lent, err = lending.Decode(raw)
		require.NoError(t, err)
		require.Equal(t, want, lent.Record())
		require.Equal(t, want, first, "the next document does not change it")
		d := Flatten(r, nil)
		checkRecord(t, schema.AppendDetail(nil, &d))
		var back schema.Workflow
		require.NoError(t, schema.DecodeWorkflow(schema.AppendJSON(nil, &d.Workflow), &back))
		require.Equal(t, d.Workflow, back)
		require.Equal(t, before, raw, "the document is left as it was")
	})
}

func FuzzDecodeAgent(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, raw []byte) {
		a, err := DecodeReport(raw)
		if err != nil {
			checkError(t, raw, err)
			return
		}
		require.True(t, json.Valid(raw) || tooDeep(raw), "accepted what is not JSON")
		req := &ReqMgrDoc{Name: a.Workflow, EstimatedJobs: 10, InputEvents: 10, InputLumis: 10}
		d := Flatten(req, []*ReportDoc{a, a})
		require.Equal(t, d, Flatten(req, []*ReportDoc{a}), "joining a document twice changes nothing")
		checkRecord(t, schema.AppendDetail(nil, &d))
	})
}

// FuzzDecodeAgentReport compares the fast path with the general one.
func FuzzDecodeAgentReport(f *testing.F) {
	seed(f)
	var p, lending ReportDecoder // what they keep of one document must not affect the next
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, perr := p.Decode(raw)
		lending.Recycle()
		lent, lerr := lending.Decode(raw)
		_, _ = lending.Decode(raw) // must not change it
		if !reflect.DeepEqual(got, lent) || !reflect.DeepEqual(perr, lerr) {
			require.Equal(t, got, lent)
			require.Equal(t, perr, lerr)
		}
		a, err := DecodeReport(raw)
		if err != nil {
			require.Equal(t, err, perr)
			return
		}
		require.NoError(t, perr)
		want := HashedReport{Head: a.Head, Hash: ContentHash(raw), Report: a.Report(), HasStatus: a.HasStatus, flawList: a.flawList}
		if !reflect.DeepEqual(want, got) { // much faster than require when both are equal
			require.Equal(t, want, got)
		}
	})
}

func FuzzDecodeAgentInfo(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, raw []byte) {
		a, err := DecodeAgentInfo(raw)
		if err != nil {
			checkError(t, raw, err)
			return
		}
		d := a.Detail()
		schema.Judge(&d.Agent, 1_700_000_000, schema.DefaultLimits())
		require.Contains(t, []string{schema.SeverityOK, schema.SeverityDrain, schema.SeverityWarning, schema.SeverityError, schema.SeverityUnknown}, d.Severity)
		require.Equal(t, d.Severity == schema.SeverityOK, len(d.Reasons) == 0, "a severity other than ok has a reason")
		checkRecord(t, schema.AppendJSON(nil, &d))
		require.Equal(t, a.Detail().Components, d.Components)
	})
}

func FuzzDecodeJobSummary(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, raw []byte) {
		j, err := DecodeJobSummary(raw)
		if err != nil {
			checkError(t, raw, err)
			return
		}
		s := j.Sample()
		checkRecord(t, schema.AppendJSON(nil, &s))
	})
}

// tooDeep reports whether encoding/json may refuse the depth, which it does at
// 10000.
func tooDeep(raw []byte) bool {
	return bytes.Count(raw, []byte("["))+bytes.Count(raw, []byte("{")) >= 10000
}

// DecodeAgentReport is ReportDecoder.Decode for a single document.
func DecodeAgentReport(raw []byte) (report schema.AgentReport, flaws []Flaw, err error) {
	var p ReportDecoder
	doc, err := p.Decode(raw)
	return doc.Report, doc.Flaws, err
}
