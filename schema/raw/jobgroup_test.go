package raw

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/schema"
)

func TestDecodeJobGroup(t *testing.T) {
	for name, c := range map[string]struct {
		key  string
		want schema.JobError
	}{
		"usual":          {`["w","/w/T","jobfailed",8021,"T2_X","u","a",["B","A"]]`, schema.JobError{Workflow: "w", Task: "/w/T", State: "jobfailed", ExitCode: 8021, Site: "T2_X", Agent: "a", ErrorTypes: "A;B", Count: 3}},
		"in cool-off":    {`["w","/w/T","jobcooloff",8021,"T2_X","u","a",[]]`, schema.JobError{Workflow: "w", Task: "/w/T", State: "jobcooloff", ExitCode: 8021, Site: "T2_X", Agent: "a", Count: 3, Retries: 3}},
		"nulls":          {`["w","/w/T","submitfailed",null,null,null,null,[]]`, schema.JobError{Workflow: "w", Task: "/w/T", State: "submitfailed", ExitCode: -1, Site: schema.Unknown, Agent: "", ErrorTypes: "", Count: 3}},
		"objects":        {`["w","/w/T","s","99",{},"u","a:9999","One"]`, schema.JobError{Workflow: "w", Task: "/w/T", State: "s", ExitCode: 99, Site: schema.Unknown, Agent: "a", ErrorTypes: "One", Count: 3}},
		"types repeated": {`["w","/w/T","s",99,"X","u","a",["B","A","B"]]`, schema.JobError{Workflow: "w", Task: "/w/T", State: "s", ExitCode: 99, Site: "X", Agent: "a", ErrorTypes: "A;B", Count: 3}},
		"short":          {`["w"]`, schema.JobError{Workflow: "w", Task: "", State: "", ExitCode: -1, Site: schema.Unknown, Agent: "", ErrorTypes: "", Count: 3}},
		"of five":        {`["w","/w/T","jobfailed",8021,"T2_X"]`, schema.JobError{Workflow: "w", Task: "/w/T", State: "jobfailed", ExitCode: 8021, Site: "T2_X", Agent: "", ErrorTypes: "", Count: 3}},
		"no real site":   {`["w","t","s",1.5,"NA","u","a",[]]`, schema.JobError{Workflow: "w", Task: "t", State: "s", ExitCode: 1, Site: schema.Unknown, Agent: "a", ErrorTypes: "", Count: 3}},
		"longer":         {`["w","t","s",1,"X","u","a",[],{"x":1},7]`, schema.JobError{Workflow: "w", Task: "t", State: "s", ExitCode: 1, Site: "X", Agent: "a", ErrorTypes: "", Count: 3}},
	} {
		got, ok := DecodeJobGroup([]byte(c.key), 3)
		assert.True(t, ok, name)
		assert.Equal(t, c.want, got, name)
	}
	for _, key := range []string{``, `null`, `"w"`, `{}`, `[]`, `[null,"t"]`, `["w"`, `["w"]x`, `[7`} {
		_, ok := DecodeJobGroup([]byte(key), 1)
		assert.False(t, ok, key)
	}
}

func TestLogGolden(t *testing.T) {
	l, err := DecodeLog(read(t, "log.json"))
	require.NoError(t, err)
	require.Empty(t, l.Flaws)
	out := []byte("[")
	for i, e := range l.Entries() {
		if i > 0 {
			out = append(out, ',')
		}
		out = schema.AppendJSON(out, &e)
	}
	golden(t, "log.json", append(out, ']'))
}

func TestLogForms(t *testing.T) {
	l, err := DecodeLog([]byte(`{"_id":"x","request":"w","identifier":"a.cern.ch:9999","messages":[{"ts":"1.5e3","msg":null},7,{"msg":"no time"}]}`))
	require.NoError(t, err)
	assert.Equal(t, []schema.LogEntry{{Workflow: "w", Reporter: "a.cern.ch", Time: 1500}, {Workflow: "w", Reporter: "a.cern.ch", Message: "no time"}}, l.Entries())
	assert.Equal(t, 1, l.FlawCount)
	l, err = DecodeLog([]byte(`{"request":"w","messages":null}`))
	require.NoError(t, err)
	assert.Empty(t, l.Entries())
	for _, raw := range []string{``, `[]`, `{"request":"w"`, `{"messages":[]}`, `{"request":" "}`} {
		_, err := DecodeLog([]byte(raw))
		assert.Error(t, err, raw)
	}
}

func FuzzDecodeJobGroup(f *testing.F) {
	f.Add([]byte(`["w","/w/T","jobfailed",8021,"T2_X","u","a",["B","A"]]`))
	f.Add([]byte(`["w",{},[["x"]],"99",{"a":1},null,7,["A",["B"]]]`))
	f.Fuzz(func(t *testing.T, key []byte) {
		g, ok := DecodeJobGroup(key, 1)
		again, same := DecodeJobGroup(key, 1)
		if ok != same || g != again {
			t.Fatalf("twice the same, two answers: %v %v", g, again)
		}
		if ok && (g.Workflow == "" || g.Site == "") {
			t.Fatalf("without a name: %+v", g)
		}
	})
}

func FuzzDecodeLog(f *testing.F) {
	f.Add([]byte(`{"_id":"x","request":"w","identifier":"a","thr":"T","type":"info","messages":[{"ts":1.5,"msg":"m"}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		l, err := DecodeLog(raw)
		if err != nil {
			return
		}
		for _, e := range l.Entries() {
			if e.Workflow == "" || e.Time < 0 {
				t.Fatalf("%+v", e)
			}
		}
	})
}
