package jsonscan

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// value reads the next value in the form of encoding/json with UseNumber.
func value(s *Scanner) any {
	switch s.Kind() {
	case Object:
		m := map[string]any{}
		s.Open()
		for key, ok := s.NextKey(); ok; key, ok = s.NextKey() {
			k := string(key)
			m[k] = value(s)
		}
		return m
	case Array:
		list := []any{}
		s.Open()
		for s.NextElem() {
			list = append(list, value(s))
		}
		return list
	case String:
		return string(s.Text())
	case Number:
		return json.Number(s.Number())
	case True:
		s.Literal()
		return true
	case False:
		s.Literal()
		return false
	case Null:
		s.Literal()
	}
	return nil
}

func walk(data []byte) (v any, err error) {
	var s Scanner
	s.Reset(data)
	v = value(&s)
	return v, s.End()
}

func skip(data []byte) error {
	var s Scanner
	s.Reset(data)
	s.Skip()
	return s.End()
}

// same compares the scanner with encoding/json on one document.
func same(t *testing.T, data []byte) {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var want any
	valid := json.Valid(data)
	got, err := walk(data)
	serr := skip(data)
	if !valid {
		if depth(data) < 10000 { // encoding/json gives up there
			assert.Error(t, err, "walk accepts %q", data)
			assert.Error(t, serr, "skip accepts %q", data)
		}
		return
	}
	require.NoError(t, dec.Decode(&want))
	require.NoError(t, err, "%q", data)
	require.NoError(t, serr, "%q", data)
	require.Equal(t, want, got, "%q", data)
}

// seek returns the values of a key of an object, and where the walk ends.
func seek(data []byte, find func(s *Scanner) bool) (values []string, end int, err error) {
	var s Scanner
	s.Reset(data)
	if s.Kind() != Object {
		return nil, 0, nil
	}
	s.Open()
	for find(&s) {
		values = append(values, string(s.Raw()))
	}
	return values, s.Offset(), s.End()
}

// sameFound compares Find with NextKey and Skip.
func sameFound(t *testing.T, data []byte) {
	t.Helper()
	for _, want := range []string{"a", "b", "key", ""} {
		values, end, err := seek(data, func(s *Scanner) bool { return s.Find(want) })
		slow, slowEnd, slowErr := seek(data, func(s *Scanner) bool {
			for key, ok := s.NextKey(); ok; key, ok = s.NextKey() {
				if string(key) == want {
					return true
				}
				s.Skip()
			}
			return false
		})
		require.Equal(t, slow, values, "%q in %q", want, data)
		require.Equal(t, slowEnd, end, "%q in %q", want, data)
		require.Equal(t, slowErr, err, "%q in %q", want, data)
	}
}

func depth(data []byte) int { return bytes.Count(data, []byte("[")) + bytes.Count(data, []byte("{")) }

var samples = []string{
	`{}`, `[]`, `null`, `true`, `false`, `""`, `0`, `-0`, `1.5e-7`, `1E+2`, ` [ 1 , 2 ] `,
	`{"a":{"b":[1,{"c":null}]},"d":"x"}`, `{"a":1,"a":2}`, `{"a":[],"b":{}}`, "[1,\n2,\r3,\t4]",
	`"\u00e9\ud83d\ude00\n\/\"\\"`, `"\ud800"`, `"\ud800\u0041"`, `"\udc00\ud800"`, `"\ud800\ud800\udc00"`,
	"\"caf\xc3\xa9 bad \xff\xfe byte\"", "\"\xed\xa0\x80\"", "{\"k\xff\":1}", `{"\u006bey":1}`,
	`"0123456789abcdef\t0123456789"`, `123456789012345678901234567890`, "\"\x7f\"",
	`{"a":1,"b":{"a":2},"a":"x\ty","b" : 3, "key":4,"a":[{"a":5}]}`, `{"b":-1.5e3,"c":0,"a":10}`, `{"a":7 ,"b":8}`,
	// not JSON
	``, ` `, `{`, `[`, `{"a"}`, `{"a":}`, `{"a":1,}`, `[1,]`, `[,1]`, `{,}`, `[1 2]`, `{"a":1 "b":2}`,
	`01`, `-`, `1.`, `.5`, `1e`, `+1`, `nul`, `nulL`, `tru`, `"abc`, `"\x"`, `"\u12"`, `"\u12G4"`, "\"\x01\"", "\"a\nb\"",
	`{"a":1}}`, `[]]`, `[}`, `{]`, `{"a":[}`, `1 2`, "\x00", "[\x00]", `{1:2}`, `{'a':1}`, `NaN`, `[1}`, "\xef\xbb\xbf{}",
}

func TestScannerEqualsEncodingJSON(t *testing.T) {
	for _, doc := range samples {
		same(t, []byte(doc))
		sameFound(t, []byte(doc))
	}
}

func TestScannerAnyDepth(t *testing.T) {
	for _, n := range []int{63, 64, 65, 128, 129, 9_999, 2_000_000} {
		deep := strings.Repeat("[", n) + "7" + strings.Repeat("]", n)
		require.NoError(t, skip([]byte(deep)), "depth %d", n)
		require.Error(t, skip([]byte(deep[:len(deep)-1])), "depth %d", n)
		mixed := strings.Repeat(`{"a":[`, n) + strings.Repeat(`]}`, n)
		require.NoError(t, skip([]byte(mixed)), "depth %d", n)
		wrong := strings.Repeat(`{"a":[`, n) + strings.Repeat(`]}`, n-1) + `}]`
		require.Error(t, skip([]byte(wrong)), "depth %d", n)
	}
}

func TestErrorTellsWhere(t *testing.T) {
	err := skip([]byte(`{"a":[1,2,x]}`))
	var syntax *SyntaxError
	require.ErrorAs(t, err, &syntax)
	assert.Equal(t, 10, syntax.Offset)
	assert.Equal(t, "not JSON at byte 10: want a value", err.Error())
}

func TestInt(t *testing.T) {
	for doc, want := range map[string]int64{
		"0": 0, "-0": 0, "7": 7, "-12": -12, " 999999999999999999": 999999999999999999, //nolint:gocritic // the space is what is tested
	} {
		var s Scanner
		s.Reset([]byte(doc))
		n, ok := s.Int()
		require.True(t, ok, doc)
		assert.Equal(t, want, n, doc)
		require.NoError(t, s.End())
	}
	for _, doc := range []string{"1.5", "1e3", "9999999999999999999", `"1"`, "null", "", "-", "01"} {
		var s Scanner
		s.Reset([]byte(doc))
		_, ok := s.Int()
		assert.False(t, ok, doc)
		assert.Zero(t, s.Offset(), doc)
	}
}

func FuzzScan(f *testing.F) {
	for _, doc := range samples {
		f.Add([]byte(doc))
	}
	f.Add([]byte(`{"_id":"wf","status":{"submitted":{"pending":1,"retry":2}},"tasks":{"/wf/A":{"sites":{"T2_CH_CERN":{"success":3}}}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if depth(data) > 5000 { // value recurses, unlike the scanner
			return
		}
		same(t, data)
		sameFound(t, data)
	})
}
