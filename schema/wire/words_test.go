package wire_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/schema/wire"
)

func TestWords(t *testing.T) {
	for text, want := range map[string][]string{
		"":                nil,
		" a\t b ":         {"a", "b"},
		`"a b" c`:         {"a b", "c"},
		`a"b c"d`:         {"ab cd"},
		`"a \"b\" \\"`:    {`a "b" \`},
		`a\b`:             {`a\b`},
		"a b a":           {"a", "b"},
		`"" ""`:           nil,
		`"open phrase`:    {"open phrase"},
		"a\u00a0b\u3000c": {"a", "b", "c"},
	} {
		assert.Equal(t, want, wire.Words(text), text)
		assert.Equal(t, want, wire.Words(wire.TextOf(want)), text)
	}
}

func TestTextOfARequest(t *testing.T) {
	for text, want := range map[string]string{`"a"  b`: "a b", `"a b"`: `"a b"`, "b a b": "b a"} {
		q, err := wire.ParseQuery(url.Values{"q": {text}})
		require.NoError(t, err, text)
		assert.Equal(t, want, q.Text, text)
	}
	for text, want := range map[string]string{
		`a "b`: "not closed", `""`: "empty", " ": "empty", strings.Repeat("a", wire.MaxValue+1): "bytes",
		"1 2 3 4 5 6 7 8 9 a b c d e f g h": "16 words",
	} {
		_, err := wire.ParseQuery(url.Values{"q": {text}})
		require.Error(t, err, text)
		assert.Contains(t, wire.ProblemOf(err).Detail, want, text)
	}
}

// What a request holds after it is parsed says the same as before.
func FuzzWords(f *testing.F) {
	f.Add(`a "b c" d\"`)
	f.Add("\u00a0\"\\\"")
	f.Fuzz(func(t *testing.T, text string) {
		q, err := wire.ParseQuery(url.Values{"q": {text}})
		if err != nil {
			return
		}
		words := wire.Words(text)
		require.Equal(t, words, wire.Words(q.Text))
		again, err := wire.ParseQuery(q.Values())
		require.NoError(t, err)
		require.Equal(t, q, again)
		require.False(t, slices.Contains(words, ""))
	})
}
