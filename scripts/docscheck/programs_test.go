package docscheck

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/scripts/freeport"
)

// withPrograms builds the programs into bin/ of a folder, and returns the system
// with addresses of their own for the servers that a page starts. They are ended
// after the test, by the files that the page keeps their process ids in.
func (s servers) withPrograms(t *testing.T, dir string) servers {
	t.Helper()
	const ours = "github.com/dmwm/wmstats/"
	build := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(dir, "bin")+string(filepath.Separator),
		ours+"cacheserver/cmd/cacheserver", ours+"uiserver/cmd/uiserver", ours+"scripts/cmd/compare")
	out, err := build.CombinedOutput()
	require.NoError(t, err, string(out))
	cache, err := freeport.Addr(t.Context())
	require.NoError(t, err)
	ui, err := freeport.Addr(t.Context())
	require.NoError(t, err)
	s.cache, s.ui = "http://"+cache, "http://"+ui
	s.more = []string{"WMSTATS_LISTEN=" + cache, "WMSTATS_UI_LISTEN=" + ui, "WMSTATS_UI_CACHE_URL=" + s.cache}
	t.Cleanup(func() {
		files, _ := filepath.Glob(filepath.Join(dir, "*.pid"))
		for _, file := range files {
			text, _ := os.ReadFile(file)
			pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
			if process, found := os.FindProcess(pid); err == nil && found == nil {
				_ = process.Kill() // it may have ended
			}
		}
	})
	return s
}
