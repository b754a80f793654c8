package couchfake_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/mock/couchfake"
)

func TestDeepNesting(t *testing.T) {
	s := start(t, couchfake.Options{})
	require.NoError(t, s.Put("db", []byte(`{"_id":"a","x":`+strings.Repeat("[", 9000)+strings.Repeat("]", 9000)+`}`)))
	err := s.Put("db", []byte(`{"_id":"b","x":`+strings.Repeat("[", 5_000_000)))
	require.ErrorContains(t, err, "nests too deep")
}

// FuzzSqueeze: the result for valid JSON is that of encoding/json.
func FuzzSqueeze(f *testing.F) {
	for _, seed := range []string{`{ "a" : [ 1 , "b \" c\\" ] }`, "\t[]\n", `"\\\\\" "`, `"`, `{"`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := couchfake.Squeeze([]byte(text))
		var want bytes.Buffer
		if json.Compact(&want, []byte(text)) == nil {
			require.NoError(t, err)
			assert.Equal(t, want.String(), string(got))
		}
	})
}
