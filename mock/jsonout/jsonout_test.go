package jsonout_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/mock/jsonout"
)

func TestForms(t *testing.T) {
	var j jsonout.Buf
	j.Open('{')
	j.Object("o")
	j.NonZero("zero", 0)
	j.Int("n", -3)
	j.Close('}')
	j.List("l")
	j.Number(1)
	j.Value("a\"b")
	j.Open('{')
	j.Close('}')
	j.Close(']')
	j.Tenths("t", -125)
	j.Bool("b", true)
	j.Null("x")
	j.Strings("s", []string{"<é>", "\u2028"})
	j.Raw("r", "[2.50]")
	j.Close('}')
	assert.JSONEq(t, `{"o":{"n":-3},"l":[1,"a\"b",{}],"t":-12.5,"b":true,"x":null,"s":["<é>","\u2028"],"r":[2.50]}`, string(j.B))
	j.Reset()
	j.Open('[')
	j.Close(']')
	assert.Equal(t, "[]", string(j.B))
}

func FuzzStrings(f *testing.F) {
	f.Add("plain", "key \" \\ \n\x00")
	f.Fuzz(func(t *testing.T, key, value string) {
		var j jsonout.Buf
		j.Open('{')
		j.Str(key, value)
		j.Close('}')
		want, err := json.Marshal(map[string]string{key: value})
		require.NoError(t, err)
		assert.JSONEq(t, string(want), string(j.B))
	})
}
