package couch

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
)

// A document belongs to its row however long its id is, though ids in texts are
// shortened; otherwise it would be owed, and all records stale, for ever.
func TestLongIDs(t *testing.T) {
	for _, n := range []int{1, 4095, 4096, 4097, 500_000} {
		for _, letter := range []string{"x", "é", "日"} {
			id := strings.Repeat(letter, n)
			assert.Empty(t, Row{ID: id, Doc: []byte(`{"_id":"` + id + `","_rev":"1-a"}`)}.Fault(), "%d %s", n, letter)
			assert.NotEmpty(t, Row{ID: id, Doc: []byte(`{"_id":"y` + id + `","_rev":"1-a"}`)}.Fault(), "%d %s", n, letter)
			assert.NotEmpty(t, Row{ID: "y" + id, Doc: []byte(`{"_id":"` + id + `","_rev":"1-a"}`)}.Fault(), "%d %s", n, letter)
			assert.LessOrEqual(t, len(Brief(id)), 1<<10+len("…"))
			assert.True(t, utf8.ValidString(Brief(id)))
		}
	}
	assert.Equal(t, "agent-workflow", Brief("agent-workflow"))
}
