package negotiate

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestMedia(t *testing.T) {
	offers := [][]string{{"application/json"}, {"application/x-ndjson", "application/ndjson"}, {"text/csv"}}
	for accept, want := range map[string]int{
		"":                                 0,
		"*/*":                              0,
		"application/json":                 0,
		"application/x-ndjson":             1,
		"application/ndjson":               1,
		"TEXT/CSV":                         2,
		"text/*":                           2,
		"application/*":                    0,
		"text/csv, application/json":       0,
		"text/csv, application/json;q=0.5": 2,
		"application/json;q=0, */*":        1,
		"text/html,application/xml;q=0.9,*/*;q=0.8":  0,
		"text/csv; header=present; q=0.9, */*;q=0.1": 2,
		"text/html":               -1,
		"application/json;q=0":    -1,
		"application/json;q=much": -1,
		"application/json;q=NaN":  -1,
	} {
		got, ok := Media(accept, offers)
		if !ok {
			got = -1
		}
		assert.Equal(t, want, got, accept)
	}
}

func TestCoding(t *testing.T) {
	for accept, want := range map[string]string{
		"":                           Identity,
		"gzip":                       Gzip,
		"gzip, deflate, br":          Gzip,
		"gzip, deflate, br, zstd":    Zstd,
		"zstd;q=0.5, gzip":           Gzip,
		"x-gzip":                     Gzip,
		"*":                          Zstd,
		"*;q=0.5, zstd;q=0":          Gzip,
		"gzip;q=0":                   Identity,
		"br":                         Identity,
		"identity, gzip;q=0.5":       Identity,
		"identity;q=0.5, gzip;q=0.5": Gzip,
		"GZIP;Q=1.0":                 Gzip,
	} {
		assert.Equal(t, want, Coding(accept, Zstd, Gzip), accept)
	}
	assert.Equal(t, Gzip, Coding("gzip, zstd", Gzip, Zstd))
}

func TestMatches(t *testing.T) {
	for header, want := range map[string]bool{
		``: false, `"a"`: true, `W/"a"`: true, `"b", "a"`: true, `"b",W/"a"`: true, `*`: true, ` * `: true,
		`"b"`: false, `a`: false, `"a`: false, `"xax"`: false, `"b" x "a"`: false,
	} {
		assert.Equal(t, want, Matches(header, `"a"`), header)
		assert.Equal(t, want, Matches(header, `W/"a"`), header)
	}
}
