package schema

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestExitCodes(t *testing.T) {
	all := ExitCodes()
	areas := map[string]bool{}
	for i, e := range all {
		assert.NotEmpty(t, e.Meaning)
		assert.Less(t, len(e.Meaning), 90, e.Meaning)
		areas[e.Area] = true
		if i > 0 {
			assert.Greater(t, e.ExitCode, all[i-1].ExitCode, "by code, each once")
		}
		got, known := ExitCodeOf(e.ExitCode)
		assert.True(t, known)
		assert.Equal(t, e, got)
	}
	assert.Len(t, areas, 10, "each area has a code")
	// The codes that the domain page names as frequent.
	for _, code := range []int64{8001, 8002, 8006, 8020, 8021, 8028, 50660, 50664, 60307, 60403, 71102, 71104, 71304, 99109, 99303, 99400, 134, 137, 139} {
		_, known := ExitCodeOf(code)
		assert.True(t, known, code)
	}
	for code, want := range map[int64]ExitCodeInfo{
		-1:     {-1, AreaOther, "no exit code was reported"},
		138:    {138, AreaKilled, "ended by signal 10"},
		193:    {193, AreaOther, "not in the table of exit codes"},
		123456: {123456, AreaOther, "not in the table of exit codes"},
	} {
		got, known := ExitCodeOf(code)
		assert.False(t, known)
		assert.Equal(t, want, got)
	}
}

func TestDecodeJobGroup(t *testing.T) {
	for name, c := range map[string]struct {
		key  string
		want JobError
	}{
		"usual":          {`["w","/w/T","jobfailed",8021,"T2_X","u","a",["B","A"]]`, JobError{"w", "/w/T", "jobfailed", 8021, "T2_X", "a", "A;B", 3}},
		"nulls":          {`["w","/w/T","submitfailed",null,null,null,null,[]]`, JobError{"w", "/w/T", "submitfailed", -1, Unknown, "", "", 3}},
		"objects":        {`["w","/w/T","s","99",{},"u","a:9999","One"]`, JobError{"w", "/w/T", "s", 99, Unknown, "a", "One", 3}},
		"types repeated": {`["w","/w/T","s",99,"X","u","a",["B","A","B"]]`, JobError{"w", "/w/T", "s", 99, "X", "a", "A;B", 3}},
		"short":          {`["w"]`, JobError{"w", "", "", -1, Unknown, "", "", 3}},
		"of five":        {`["w","/w/T","jobfailed",8021,"T2_X"]`, JobError{"w", "/w/T", "jobfailed", 8021, "T2_X", "", "", 3}},
		"no real site":   {`["w","t","s",1.5,"NA","u","a",[]]`, JobError{"w", "t", "s", 1, Unknown, "a", "", 3}},
		"longer":         {`["w","t","s",1,"X","u","a",[],{"x":1},7]`, JobError{"w", "t", "s", 1, "X", "a", "", 3}},
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

// Merging is a sum: whatever the order, nothing is lost and no key comes twice.
func TestMergeJobErrors(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var groups []JobError
	total := int64(0)
	for range 300 {
		g := JobError{Workflow: "w", Task: string(rune('a' + r.IntN(3))), ExitCode: int64(r.IntN(3)), Site: string(rune('A' + r.IntN(3))), Count: 1 + r.Int64N(5)}
		total += g.Count
		groups = append(groups, g)
	}
	want := MergeJobErrors(groups)
	slices.Reverse(groups)
	require.Equal(t, want, MergeJobErrors(groups))
	assert.LessOrEqual(t, len(want), 27)
	sum := int64(0)
	for i, g := range want {
		sum += g.Count
		for _, o := range want[:i] {
			assert.GreaterOrEqual(t, o.Count, g.Count)
			o.Count = g.Count
			assert.NotEqual(t, o, g)
		}
	}
	assert.Equal(t, total, sum)
	assert.Empty(t, MergeJobErrors(nil))
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
		out = AppendJSON(out, &e)
	}
	golden(t, "log.json", append(out, ']'))
}

func TestLogForms(t *testing.T) {
	l, err := DecodeLog([]byte(`{"_id":"x","request":"w","identifier":"a.cern.ch:9999","messages":[{"ts":"1.5e3","msg":null},7,{"msg":"no time"}]}`))
	require.NoError(t, err)
	assert.Equal(t, []LogEntry{{Workflow: "w", Reporter: "a.cern.ch", Time: 1500}, {Workflow: "w", Reporter: "a.cern.ch", Message: "no time"}}, l.Entries())
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
