package raw

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/cespare/xxhash/v2"
	"github.com/stretchr/testify/require"
)

// TestRulesHash fails when the records computed from testdata/set have changed
// but rules.txt has not: a checkpoint of the older program would then be
// accepted. -update rewrites rules.txt, after the golden files.
func TestRulesHash(t *testing.T) {
	h := xxhash.New()
	for _, pattern := range []string{"testdata/golden/*", "testdata/set/*"} {
		names, err := filepath.Glob(pattern)
		require.NoError(t, err)
		require.NotEmpty(t, names)
		for _, name := range names {
			content, err := os.ReadFile(name)
			require.NoError(t, err)
			_, _ = fmt.Fprintf(h, "%s %016x %d\n%s", name, ContentHash(content), len(content), content)
		}
	}
	got := fmt.Sprintf("%016x\n", h.Sum64())
	if *update {
		require.NoError(t, os.WriteFile("../rules.txt", []byte(got), 0o644))
		return
	}
	rules, err := os.ReadFile("../rules.txt")
	require.NoError(t, err)
	require.Equal(t, string(rules), got, "the records have changed: go test ./raw -update rewrites rules.txt")
}
