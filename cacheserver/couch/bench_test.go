package couch

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// BenchmarkRows parses an answer with documents of 20 KB, and one with tiny
// documents, like a feed of short changes.
func BenchmarkRows(b *testing.B) {
	for _, size := range []int{20_000, 200} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			var answer bytes.Buffer
			answer.WriteString("{\"total_rows\":5,\"offset\":0,\"rows\":[\r\n")
			doc := `{"_id":"agent-workflow_%d","_rev":"7-1c2d","tasks":{"/w/A":{"sites":{"T2_CH_CERN":{"success":381,"x":[1,2]}}}},"text":"` + strings.Repeat(`a"b `, size/4)[:size] + `"}`
			doc = strings.ReplaceAll(doc, `a"b`, `a\"b`)
			for i := range 20_000_000 / size {
				if i > 0 {
					answer.WriteString(",\r\n")
				}
				fmt.Fprintf(&answer, `{"id":"agent-workflow_%d","key":["workflow_%d","agent"],"value":{"rev":"7-1c2d"},"doc":`+doc+`}`, i, i, i)
			}
			answer.WriteString("\r\n]}\n")
			b.SetBytes(int64(answer.Len()))
			b.ReportAllocs()
			for b.Loop() {
				_, err := over(bytes.NewReader(answer.Bytes())).rows(func(row []byte) error {
					_, err := parseRow(row)
					return err
				}, func() {})
				require.NoError(b, err)
			}
		})
	}
}
