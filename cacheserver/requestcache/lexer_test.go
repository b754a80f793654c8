package requestcache

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

// FuzzLexer: of each list that encoding/json takes, the lexer gives the same
// elements, however the text arrives; where it gives elements that are all
// JSON, encoding/json takes the list.
func FuzzLexer(f *testing.F) {
	for _, text := range []string{
		`[]`, `[1]`, ` [ 1 , "a" , {"b":[2,"]}"]} ] `, `["\\","\"","\\\"",""]`, `[[[]],{}]`, `[tru]`, `[1,]`, `[,]`, `[1 2]`, `["a"b]`, `[{]}]`, `["\`, `[`, `[-1.5e7,null]`,
		`["` + strings.Repeat(`\\`, 50) + `",1]`, "[\"\xff\"]", `["a"`, `[:]`, `[1:2]`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		whole, err := elements(bytes.NewReader(text))
		piecewise, perr := elements(iotest.OneByteReader(bytes.NewReader(text)))
		require.Equal(t, whole, piecewise)
		require.Equal(t, err == nil, perr == nil)
		var want []json.RawMessage
		if json.Unmarshal(text, &want) == nil && want != nil {
			require.NoError(t, err)
			require.Len(t, whole, len(want))
			for i := range want {
				require.Equal(t, string(want[i]), whole[i])
			}
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
		require.Error(t, err, "%q", text)
	})
}

func elements(in io.Reader) (list []string, err error) {
	l := newLexer(in)
	if err := l.expect('['); err != nil {
		return nil, err
	}
	for first := true; ; first = false {
		more, err := l.next(first, ']')
		if err != nil {
			return list, err
		}
		if !more {
			break
		}
		v, err := l.value()
		if err != nil {
			return list, err
		}
		list = append(list, string(v))
	}
	if _, err := l.peek(); !errors.Is(err, io.EOF) {
		return list, errors.New("more")
	}
	return list, nil
}

// TestLexerOfAnyLength: values longer than the buffer, ends in all places of it.
func TestLexerOfAnyLength(t *testing.T) {
	for n := 4*lexerRead - 20; n < 4*lexerRead+20; n++ {
		text := `["` + strings.Repeat("x", n) + `\\","\"",{"a":"` + strings.Repeat(`\"`, n) + `"}]`
		list, err := elements(strings.NewReader(text))
		require.NoError(t, err)
		require.Equal(t, text, "["+strings.Join(list, ",")+"]")
	}
}
