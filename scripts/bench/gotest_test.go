package bench

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestStoreFigures: lines of go test become figures with their bars.
func TestStoreFigures(t *testing.T) {
	var out strings.Builder
	s := storeFigures{out: &out, n: 2000, cost: map[string]float64{}}
	for line := range strings.Lines(`goos: linux
BenchmarkPublish/change-2     100	  12 ns/op	  70.5 cpu-us/op
BenchmarkPublish/encoding-2   100	  12 ns/op	  30.5 cpu-us/op
BenchmarkPage/naive         100	  12 ns/op	 3000 cpu-us/op	  512 B/page
BenchmarkPage/odd-2           100	  12 ns/op	   30 cpu-us/op
BenchmarkSearch/name-2        100	  12 ns/op	   99 cpu-us/op
BenchmarkReaderPause-2        100	  1.5 RSS/encoded	 12.5 longest-ms	 3 p99.9-ms
BenchmarkOwnRules/without-2   100	  12 ns/op	  100 cpu-us/op
BenchmarkOwnRules/with-2      100	  12 ns/op	  300 cpu-us/op
BenchmarkOwnRules/file-2      2	  12 ns/op	  7000 cpu-us/op	  8.5 s/file
ok   github.com/x 1.2s
`) {
		s.line(line)
	}
	s.ratios()
	var got []string
	for line := range strings.Lines(out.String()) {
		got = append(got, strings.Join(strings.Fields(line), " "))
	}
	assert.Equal(t, []string{
		"store 2000 Page/naive 3000 us",
		"store 2000 Page/naive 512.0 B/page",
		"store 2000 Page/odd 30.0 us",
		"store 2000 Search/name 99.0 us (at most 30000)",
		"store 2000 ReaderPause 1.500 RSS/encoded (at most 1.6)",
		"store 2000 ReaderPause/longest 12.5 ms (at most 20)",
		"store 2000 ReaderPause/p99.9 3.000 ms",
		"store 2000 OwnRules/without 100.0 us",
		"store 2000 OwnRules/with 300.0 us",
		"store 2000 OwnRules/file 7000 us",
		"store 2000 OwnRules/file/elapsed 8.500 s (at most 10)",
		"store 2000 publish-beyond-encoding 40.0 us (at most 50)",
		"store 2000 own-rules-core 0.500 % (at most 5)",
		"store 2000 naive-to-odd-page 100.0 times",
	}, got)
}
