package monitoring

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type panel struct {
	ID          int
	Type, Title string
	Description string
	GridPos     struct{ X, Y, W, H int }
	Targets     []struct{ Expr string }
}

func board(t *testing.T) (panels []panel) {
	t.Helper()
	text, err := os.ReadFile(folder + "grafana/wmstats.json")
	require.NoError(t, err)
	var file struct {
		UID, Title string
		Panels     []panel
	}
	require.NoError(t, json.Unmarshal(text, &file))
	assert.Equal(t, "wmstats", file.UID)
	require.NotEmpty(t, file.Panels)
	return file.Panels
}

// TestBoard: each expression of the board names metrics and labels that exist, panels
// have a name each, and none covers another.
func TestBoard(t *testing.T) {
	k := metricsOfServers(t)
	ids, titles, cells := map[int]bool{}, map[string]bool{}, map[[2]int]string{}
	var asRules bytes.Buffer
	asRules.WriteString("groups:\n- name: board\n  rules:\n")
	for _, p := range board(t) {
		assert.False(t, ids[p.ID] || titles[p.Title], "%s is there twice", p.Title)
		ids[p.ID], titles[p.Title] = true, true
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				assert.Empty(t, cells[[2]int{x, y}], p.Title)
				cells[[2]int{x, y}] = p.Title
			}
		}
		assert.LessOrEqual(t, p.GridPos.X+p.GridPos.W, 24, p.Title)
		if p.Type == "row" {
			continue
		}
		assert.NotEmpty(t, p.Description, p.Title)
		assert.NotEmpty(t, p.Targets, p.Title)
		for _, target := range p.Targets {
			assert.Empty(t, k.problems(target.Expr), p.Title)
			expression := strings.NewReplacer("$__rate_interval", "5m", "$instance", ".*").Replace(target.Expr)
			fmt.Fprintf(&asRules, "  - {record: a, expr: %q, labels: {n: %q}}\n", expression, p.Title+target.Expr)
		}
	}
	// metricsql takes more than PromQL; promtool does not.
	file := filepath.Join(t.TempDir(), "board.yml")
	require.NoError(t, os.WriteFile(file, asRules.Bytes(), 0o600))
	promtool(t, "check", "rules", file)
}
