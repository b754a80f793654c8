package sourcetest

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestReliabilityNamesTestsThatExist keeps docs/reliability.md from promising
// tests that were renamed or are gone.
func TestReliabilityNamesTestsThatExist(t *testing.T) {
	page, err := os.ReadFile("../../docs/reliability.md")
	require.NoError(t, err)
	elsewhere := map[string]string{"e2e": "../../scripts/e2e", "schema": "../../schema"}
	folder := func(name string) string {
		if f, ok := elsewhere[name]; ok {
			return f
		}
		return "../" + name
	}
	// `package` TestName, with more of the same package after "and".
	named := regexp.MustCompile("`([a-z0-9]+)` (Test[A-Za-z]+(?: and Test[A-Za-z]+)*)").FindAllStringSubmatch(string(page), -1)
	require.Greater(t, len(named), 40)
	for _, m := range named {
		files, err := filepath.Glob(folder(m[1]) + "/*_test.go")
		require.NoError(t, err)
		require.NotEmpty(t, files, "%s has no tests", m[1])
		var text strings.Builder
		for _, f := range files {
			b, err := os.ReadFile(f)
			require.NoError(t, err)
			text.Write(b)
		}
		for _, name := range strings.Split(m[2], " and ") {
			assert.Contains(t, text.String(), "func "+name+"(", "%s %s", m[1], name)
		}
	}
}
