package jsonscan

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// elements are those of a list, read by a Reader.
func elements(in io.Reader, most int) (list []string, err error) {
	r := NewReader(in, most)
	err = r.List(func() error {
		v, err := r.Value()
		if err == nil {
			list = append(list, string(v))
		}
		return err
	})
	if err == nil {
		err = r.End()
	}
	return list, err
}

// FuzzReader checks that the Reader returns the elements of each list that
// encoding/json accepts, in whatever pieces the text arrives, and that
// encoding/json accepts the list if all returned elements are JSON.
func FuzzReader(f *testing.F) {
	for _, text := range append([]string{
		` [ 1 , "a" , {"b":[2,"]}"]} ] `, `["\\","\"","\\\"",""]`, `[[[]],{}]`, `[tru]`, `["a"b]`, `[{]}]`, `["\`,
		`[-1.5e7,null]`, `["` + strings.Repeat(`\\`, 50) + `",1]`, "[\"\xff\"]", `["a"`, `[:]`, `[1:2]`, "[\"a\nb\x00\"]", `[1"a"]`, `[tru{}]`,
	}, samples...) {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		whole, err := elements(bytes.NewReader(text), 1<<20)
		piecewise, perr := elements(iotest.OneByteReader(bytes.NewReader(text)), 1<<20)
		require.Equal(t, whole, piecewise)
		require.Equal(t, err == nil, perr == nil)
		var want []json.RawMessage
		if json.Unmarshal(text, &want) == nil && want != nil {
			require.NoError(t, err)
			require.Len(t, whole, len(want))
			for i := range want {
				require.Equal(t, string(want[i]), whole[i])
			}
			sameWhole(t, text, want)
			return
		}
		if bytes.Equal(bytes.TrimSpace(text), []byte("null")) {
			return
		}
		for _, v := range whole {
			if !json.Valid([]byte(v)) {
				return
			}
		}
		if depth(text) < 10000 { // encoding/json gives up there
			require.Error(t, err, "%q", text)
		}
	})
}

// sameWhole compares Whole with the elements of a list.
func sameWhole(t *testing.T, text []byte, want []json.RawMessage) {
	t.Helper()
	var s Scanner
	s.Reset(text)
	require.Equal(t, Array, s.Kind())
	s.Open()
	for i := 0; s.NextElem(); i++ {
		require.Equal(t, string(want[i]), string(s.Whole()))
	}
	require.NoError(t, s.End())
}

// TestReaderOfAnyLength reads values that are longer than the window and end at
// any position of it.
func TestReaderOfAnyLength(t *testing.T) {
	for n := 4*readRoom - 20; n < 4*readRoom+20; n++ {
		text := `["` + strings.Repeat("x", n) + `\\","\"",{"a":"` + strings.Repeat(`\"`, n) + `"}]`
		list, err := elements(strings.NewReader(text), 1<<30)
		require.NoError(t, err)
		require.Equal(t, text, "["+strings.Join(list, ",")+"]")
	}
}

// TestReaderHasABound checks that a value that is too long, or that never ends,
// is an error and takes no more memory than about twice the bound.
func TestReaderHasABound(t *testing.T) {
	const most = 1 << 20
	for _, text := range []string{`["` + strings.Repeat("x", most) + `"]`, `[` + strings.Repeat("1", most+1) + `]`, `[[` + strings.Repeat("[", most) + `]`} {
		_, err := elements(strings.NewReader(text), most)
		assert.ErrorIs(t, err, ErrTooLong)
	}
	list, err := elements(strings.NewReader(`["`+strings.Repeat("x", most-2)+`"]`), most)
	require.NoError(t, err)
	assert.Len(t, list[0], most)

	r := NewReader(io.MultiReader(strings.NewReader(`["`), endless{}), most)
	err = r.List(func() error { _, err := r.Value(); return err })
	require.ErrorIs(t, err, ErrTooLong)
	assert.LessOrEqual(t, len(r.buf), 4*most)
}

type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

// TestReaderOfObjects checks that keys are returned as written and stay valid
// while the value is read.
func TestReaderOfObjects(t *testing.T) {
	text := ` { "a" : 1 , "b\"" : { "c" : [ ] } ,"long":"` + strings.Repeat("y", 5*readRoom) + `", "d":null}`
	r := NewReader(iotest.HalfReader(strings.NewReader(text)), 1<<30)
	var got []string
	var object func(key []byte) error
	object = func(key []byte) error {
		kind, err := r.Kind()
		if err != nil || kind == Object && string(key) == `"b\""` {
			got = append(got, string(key))
			return errors.Join(err, r.Object(object))
		}
		_, err = r.Value()
		got = append(got, string(key)+" "+kind.String())
		return err
	}
	require.NoError(t, r.Object(object))
	require.NoError(t, r.End())
	assert.Equal(t, []string{`"a" number`, `"b\""`, `"c" list`, `"long" text`, `"d" null`}, got)
	for text, want := range map[string]string{
		`{"a":1,}`: "after a comma", `{"a" 1}`: `want ':'`, `{1:2}`: "want a key", `{"a":}`: "want a value", `{"a":1 "b":2}`: `want ','`, `[1]`: `want '{'`, `{"a":1}x`: "more follows",
	} {
		r := NewReader(strings.NewReader(text), 1<<20)
		err := r.Object(func([]byte) error { _, err := r.Value(); return err })
		if err == nil {
			err = r.End()
		}
		assert.ErrorContains(t, err, want, text)
	}
	text = `{"a":[1,{"b":"c"}],"d":null}`
	for n := range len(text) {
		r := NewReader(strings.NewReader(text[:n]), 1<<30)
		require.ErrorIs(t, r.Object(func([]byte) error { _, err := r.Value(); return err }), io.EOF, n)
	}
	stuck := NewReader(stuckReader{}, 1)
	_, err := stuck.Kind()
	assert.ErrorIs(t, err, io.ErrNoProgress)
}

type stuckReader struct{}

func (stuckReader) Read([]byte) (int, error) { return 0, nil }

func TestRest(t *testing.T) {
	for doc, want := range map[string]string{
		`{"id":"a","doc":{"x":[}}`:              `{"x":[}`, // its content is not parsed
		"{\"id\":\"a\",\"doc\": {\"x\":1} } \n": `{"x":1}`,
		`{"id":"a","doc":{}}`:                   `{}`,
		`{"id":"a","doc":{"x":1}`:               ``, // the row does not end
		`{"id":"a","doc":{"x":1},"pos":7}`:      ``,
		`{"id":"a","doc":[1]}`:                  ``,
		`{"id":"a","doc":null}`:                 ``,
		`{"id":"a","doc":}`:                     ``,
		`{"id":"a","doc":`:                      ``,
		`{"id":"a","doc":{`:                     ``,
	} {
		var s Scanner
		s.Reset([]byte(doc))
		require.Equal(t, Object, s.Kind())
		s.Open()
		require.True(t, s.Find("doc"), doc)
		before := s.Offset()
		value, ok := s.Rest()
		assert.Equal(t, want != "", ok, doc)
		assert.Equal(t, want, string(value), doc)
		if !ok {
			s.Rewind(before)
			assert.NoError(t, s.Err(), doc)
			continue
		}
		_, more := s.NextKey()
		assert.False(t, more)
		assert.NoError(t, s.End())
	}
}
