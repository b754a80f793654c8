package api_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var updateOpenAPI = flag.Bool("update-openapi", false, "write docs/reference/openapi.json")

// docs/reference/openapi.json is the description of a server without options.
func TestOpenAPIFile(t *testing.T) {
	const path = "../../docs/reference/openapi.json"
	f := newEmptyFixture(t)
	served := f.get("/openapi.json")
	require.Equal(t, 200, served.StatusCode, "it exists before the first generation")
	var want bytes.Buffer
	require.NoError(t, json.Indent(&want, served.body, "", " "))
	if *updateOpenAPI {
		require.NoError(t, os.WriteFile(path, want.Bytes(), 0o644)) //nolint:gosec // a page for everybody
	}
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, want.String(), string(got), "make generate")
}

// Browsers get a page about a problem, programs a text.
func TestProblemPages(t *testing.T) {
	f := newEmptyFixture(t)
	for accept, media := range map[string]string{
		"": "text/plain", "*/*": "text/plain", "text/html,application/xhtml+xml,*/*;q=0.8": "text/html", "application/json": "text/plain",
	} {
		a := f.get("/problems/generation-expired", "Accept: "+accept)
		require.Equal(t, 200, a.StatusCode)
		assert.Contains(t, a.Header.Get("Content-Type"), media, accept)
		assert.Contains(t, string(a.body), "continue after the last workflow that was read")
		assert.Equal(t, "Accept", a.Header.Get("Vary"))
	}
}
