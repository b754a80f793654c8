package couchfake_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/mock/couchfake"
)

// TestPackedIsTheSame stores enough documents that most are packed, of sizes
// from a few bytes to megabytes, and reads the same bytes from a server that
// packs and from one that does not.
func TestPackedIsTheSame(t *testing.T) {
	var docs [][]byte
	for i := range 60 {
		docs = append(docs, requestDoc(i, 3000+i*100), requestDoc(1000+i, i*10))
	}
	docs = append(docs, requestDoc(5000, 3<<20))
	var answers []string
	for _, plain := range []bool{false, true} {
		fake := couchfake.New(couchfake.Options{Uncompressed: plain})
		require.NoError(t, fake.Put("db", docs...))
		rec := httptest.NewRecorder()
		fake.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/db/_all_docs?include_docs=true", nil))
		body, err := io.ReadAll(rec.Body)
		require.NoError(t, err)
		assert.True(t, json.Valid(body))
		answers = append(answers, string(body))
	}
	assert.True(t, answers[0] == answers[1], "packed and plain differ")
	for _, doc := range docs {
		assert.Contains(t, answers[0], string(doc[len(doc)/2:]))
	}
}
