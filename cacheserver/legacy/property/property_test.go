package property

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func documentOf(doc string) *Document {
	var d Document
	d.Reset(Canonical(nil, []byte(doc)))
	return &d
}

func TestValue(t *testing.T) {
	for _, c := range []struct{ name, doc, property, want string }{
		{"not a chain", `{"P":["a","a",null]}`, "P", `["a","a",null]`},
		{"not there", `{}`, "P", `null`},
		{"number keeps its text", `{"P":2000.0}`, "P", `2000.0`},
		{"an object of no chain", `{"P":{"a":1}}`, "P", `{"a":1}`},
		{"no step has it", `{"TaskChain":1,"Task1":{},"P":"x"}`, "P", `"x"`},
		{"no step has it: an object", `{"TaskChain":2,"Task1":{},"P":{"A":"x","B":["y",null]}}`, "P", `["x",["y",null]]`},
		{"a key twice in the object", `{"TaskChain":2,"Task1":{},"P":{"A":"x","B":1,"A":"z"}}`, "P", `[1,"z"]`},
		{"no step has it: LumiList", `{"TaskChain":1,"LumiList":{"1":[[1,2]]}}`, "LumiList", `{"1":[[1,2]]}`},
		{"a step has it", `{"TaskChain":2,"Task1":{"P":"a"},"Task2":{},"P":"top"}`, "P", `["a","top"]`},
		{"a step has null", `{"StepChain":2,"Step1":{"P":null},"Step2":{"P":""}}`, "P", `[]`},
		{"in the steps' order", `{"StepChain":3,"Step3":{"P":"c"},"Step1":{"P":"a"},"Step2":{"P":"b"}}`, "P", `["a","b","c"]`},
		{"equal values once", `{"StepChain":4,"Step1":{"P":["a","b"]},"Step2":{"P":"\u0061"},"Step3":{"P":[1.0,2]},"Step4":{"P":1}}`, "P", `["a","b",1.0,2]`},
		{"objects are elements", `{"StepChain":3,"Step1":{"P":{"x":1,"y":2}},"Step2":{"P":{"y":2,"x":1.0}},"Step3":{"P":{"x":2}}}`, "P", `[{"x":1,"y":2},{"x":2}]`},
		{"object at the top, by step", `{"TaskChain":3,"Task1":{"P":8},"Task2":{},"Task3":{},"P":{"Task1":1,"Task2":4}}`, "P", `[8,4]`},
		{"fewer steps than said", `{"TaskChain":3,"Task1":{"P":"a"},"P":"top"}`, "P", `["a","top"]`},
		{"a step missing in the middle", `{"TaskChain":3,"Task1":{"P":"a"},"Task3":{"P":"c"},"P":"top"}`, "P", `["a","top","c"]`},
		{"a missing step has a member at the top", `{"TaskChain":3,"Task1":{"P":"a"},"P":{"Task3":"c"}}`, "P", `["a","c"]`},
		{"steps beyond the chain", `{"TaskChain":1,"Task1":{},"Task2":{"P":"b"},"P":"top"}`, "P", `"top"`},
		{"a step that is no object", `{"TaskChain":2,"Task1":"x","Task2":{"P":"b"},"P":"top"}`, "P", `["top","b"]`},
		{"an endless chain", `{"TaskChain":1e300,"Task1":{"P":"a"},"P":"top"}`, "P", `["a","top"]`},
		{"a length that is a text", `{"TaskChain":"2","Task1":{"P":"a"},"Task2":{"P":"b"}}`, "P", `["a","b"]`},
		{"a length of another form", `{"TaskChain":[],"Task1":{"P":"a"},"Task2":{},"P":"top"}`, "P", `["a","top"]`},
		{"a negative length", `{"TaskChain":-1,"Task1":{"P":"a"},"P":"top"}`, "P", `"top"`},
		{"not the number of a step", `{"TaskChain":9,"Task01":{"P":"a"},"Task+1":{"P":"b"},"Task":{"P":"c"},"P":"top"}`, "P", `"top"`},
		{"a key twice", `{"P":1,"P":2}`, "P", `2`},
		{"an escaped key", `{"\u0050":1}`, "P", `1`},
		{"an escaped key in a step", `{"TaskChain":2,"Task1":{"\u0050":1},"Task2":{"Q":"P"},"P":"top"}`, "P", `[1,"top"]`},
		{"a key that has escapes in a step", `{"StepChain":1,"Step1":{"é\"":1}}`, "é\"", `[1]`},
		{"the name in other places of a step", `{"TaskChain":1,"Task1":{"Q":"P","R":{"P":1},"PP":2},"P":"top"}`, "P", `"top"`},
		{"no object", `[1]`, "P", `null`},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.Equal(t, c.want, string(documentOf(c.doc).Value(c.property).AppendTo(nil)))
		})
	}
}

// TestManyValues: a list as long as a source likes costs as much as it has
// elements, not the square of that.
func TestManyValues(t *testing.T) {
	const many = 200_000
	var list strings.Builder
	for i := range many {
		fmt.Fprintf(&list, `%q,`, fmt.Sprint("value ", i/2))
	}
	doc := fmt.Sprintf(`{"StepChain":1,"Step1":{"P":[%snull]}}`, list.String())
	require.Len(t, documentOf(doc).Value("P").list, many/2)
}

func TestMatches(t *testing.T) {
	for _, c := range []struct {
		value    string
		yes, not []string
	}{
		{`"running-open"`, []string{"running-open"}, []string{"Running-open", "running", "", "null"}},
		{`""`, []string{""}, []string{" "}},
		{`"a\"b\u00e9"`, []string{"a\"bé"}, []string{`a\"b`}},
		{`110000`, []string{"110000"}, []string{"110000.0", "1.1e5", ""}},
		{`2000.0`, []string{"2000.0", "2000"}, []string{"2e3"}},
		{`0.5`, []string{"0.5"}, []string{"0", "1"}},
		{`12345678901234567890`, []string{"12345678901234567890"}, []string{"12345678901234567000"}},
		{`true`, []string{"true", "True", "TRUE"}, []string{"1", "tRUE", "false"}},
		{`false`, []string{"false", "False", "FALSE"}, []string{"0", "", "None"}},
		{`null`, nil, []string{"null", "None", ""}},
		{`{"a":"b"}`, nil, []string{"a", "b", `{"a":"b"}`}},
		{`["a",1,true,null,["c"]]`, []string{"a", "1", "True", "c"}, []string{"b", "", "null"}},
		{`[]`, nil, []string{"", "[]"}},
	} {
		v := documentOf(`{"P":` + c.value + `}`).Value("P")
		for _, want := range c.yes {
			require.True(t, v.Matches(map[string]bool{want: true, "other": true}), "%s must match %q", c.value, want)
		}
		for _, want := range c.not {
			require.False(t, v.Matches(map[string]bool{want: true}), "%s must not match %q", c.value, want)
		}
	}
}

// texts returns the distinct names that a method calls back with, sorted.
func texts(each func(deep bool, fn func(string)), deep bool) []string {
	names := []string{}
	each(deep, func(name string) { names = append(names, name) })
	slices.Sort(names)
	return slices.Compact(names)
}

func TestNames(t *testing.T) {
	d := documentOf(`{"TaskChain":2,"Task1":{"InputDataset":"/a/b/c","MCPileup":"None"},"Task2":{"MCPileup":["/m/c/p","",null]},
		"DataPileup":{"Task1":["/d/p/1"],"Task2":"/d/p/2"},"OutputDatasets":["/Q/E-v1/GEN","/no/dash/X","/a/-r/X","/a/E-/X","//E-r/X","Q/E-r/X","/Q/E-r/X/Y",7],
		"OutputModulesLFNBases":"/store/one"}`)
	require.Equal(t, []string{"//E-r/X", "/Q/E-r/X/Y", "/Q/E-v1/GEN", "/a/-r/X", "/a/E-/X", "/a/b/c", "/d/p/1", "/d/p/2", "/m/c/p", "/no/dash/X", "Q/E-r/X"}, texts(d.EachDataset, false))
	require.Equal(t, []string{"/store/one"}, texts(d.EachLFNBase, false))
	require.Equal(t, []string{"/store/unmerged/E/Q/GEN/v1"}, texts(d.EachFinalLFN, false))
	d = documentOf(`{"OutputDatasets":"/Q/E-v1/GEN","UnmergedLFNBase":"/store/temp"}`)
	require.Equal(t, []string{"/store/temp/E/Q/GEN/v1"}, texts(d.EachFinalLFN, false))
	require.Empty(t, texts(documentOf(`{"UnmergedLFNBase":7,"OutputDatasets":null}`).EachFinalLFN, true))
}

// TestTextsAmongValues: the values are one level below the property, or two if it is
// an object of lists; a text that is nested deeper counts only if deep.
func TestTextsAmongValues(t *testing.T) {
	for _, c := range []struct{ doc, values, nested string }{
		{`{"P":"a"}`, "a", ""},
		{`{"P":["a",["b"],{"k":"c"},1,null]}`, "a", "b c"},
		{`{"P":{"k":"a","l":["b",["c"],{"m":"d"}],"n":{"o":"e"}}}`, "a b", "c d e"},
		{`{"TaskChain":1,"Task1":{},"P":["a",["b"]]}`, "a", "b"},
		{`{"TaskChain":1,"Task1":{},"P":{"k":"a","l":["b",["c"]],"n":{"o":"e"}}}`, "a b", "c e"},
		{`{"StepChain":2,"Step1":{"P":["a",["b"]]},"Step2":{"P":{"k":"c"}}}`, "a", "b c"},
		{`{"StepChain":2,"Step1":{"P":"a"},"Step2":{},"P":{"Step2":["b",["c"]],"Step3":"d"}}`, "a b", "c"},
	} {
		v := documentOf(c.doc).Value("P")
		values, nested := strings.Fields(c.values), strings.Fields(c.nested)
		require.Equal(t, values, texts(v.EachText, false), c.doc)
		require.Equal(t, append(values, nested...), texts(v.EachText, true), c.doc)
	}
}

func TestCanonical(t *testing.T) {
	for _, c := range []struct{ doc, want string }{
		{`{ "_id" : "a b" , "_rev":"1-x", "n" : [ 2000.0 , 1e5 ] }`, `{"_id":"a b","n":[2000.0,1e5]}`},
		{`{"_attachments":{"spec":{"stub":true}},"AgentJobInfo":{"x":1},"a":{"_rev":"stays"}}`, `{"a":{"_rev":"stays"}}`},
		{`{"é":"naïve ≥ 😀 \"<&\\","\u005frev":"1"}`, `{"\u00e9":"na\u00efve \u2265 \ud83d\ude00 \"<&\\"}`},
		{"{\"a\":\"x\xff\",\n\t\"b\":\"\\ud800\"}", `{"a":"x\ufffd","b":"\ud800"}`},
		{`[]`, `{}`},
	} {
		got := string(Canonical(nil, []byte(c.doc)))
		require.Equal(t, c.want, got)
		require.True(t, json.Valid([]byte(got)))
	}
	text := "a\"\\\n\x00é😀\xff"
	var back string
	require.NoError(t, json.Unmarshal(AppendText(nil, text), &back))
	require.Equal(t, strings.ToValidUTF8(text, "\ufffd"), back)
}

func FuzzValue(f *testing.F) {
	f.Add(`{"TaskChain":2,"Task1":{"P":["a",{}]},"P":{"Task2":1.0}}`)
	f.Fuzz(func(t *testing.T, doc string) {
		if !json.Valid([]byte(doc)) {
			t.Skip()
		}
		canonical := Canonical(nil, []byte(doc))
		require.True(t, json.Valid(canonical))
		for _, c := range canonical {
			require.Less(t, c, byte(0x80))
			require.NotEqual(t, byte('\n'), c)
		}
		require.Equal(t, string(canonical), string(Canonical(nil, canonical)))
		var d Document
		d.Reset(canonical)
		for _, m := range d.members {
			v := d.Value(string(m.key))
			require.True(t, json.Valid(v.AppendTo(nil)), "%s", v.AppendTo(nil))
			v.Matches(map[string]bool{"x": true})
		}
		for _, each := range []func(bool, func(string)){d.EachDataset, d.EachFinalLFN} {
			require.Subset(t, texts(each, true), texts(each, false))
		}
	})
}
