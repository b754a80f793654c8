package raw

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestHasStatus: a status counts as there whatever it has, and by both ways to
// read a report.
func TestHasStatus(t *testing.T) {
	for status, want := range map[string]bool{
		`{}`: false, `null`: false, `""`: false, `0`: false, `0.0`: false, `false`: false, `[]`: false, `[ ]`: false, `{ }`: false,
		`{"success":1}`: true, `{"success":0}`: true, `{"unknown":{}}`: true, `"x"`: true, `7`: true, `true`: true, `[null]`: true,
	} {
		doc := []byte(fmt.Sprintf(`{"_id":"a-w","type":"agent_request","workflow":"w","agent_url":"a","status":%s}`, status))
		whole, err := DecodeReport(doc)
		require.NoError(t, err)
		require.Equal(t, want, whole.HasStatus, status)
		hashed, err := new(ReportDecoder).Decode(doc)
		require.NoError(t, err)
		require.Equal(t, want, hashed.HasStatus, status)
	}
	without, err := new(ReportDecoder).Decode([]byte(`{"workflow":"w","agent_url":"a"}`))
	require.NoError(t, err)
	require.False(t, without.HasStatus)
}
