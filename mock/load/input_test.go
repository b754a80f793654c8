package load_test

import (
	"bytes"
	"net/http"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/mock/couchfake"
	"github.com/dmwm/wmstats/mock/gen"
	"github.com/dmwm/wmstats/mock/load"
)

func zipped(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	zw := gzip.NewWriter(&b)
	_, err := zw.Write([]byte(text))
	require.NoError(t, err)
	require.NoError(t, zw.Close())
	return b.Bytes()
}

func readAll(in []byte) (ids []string, faults []string) {
	for d, err := range load.ReadRaw(bytes.NewReader(in)) {
		if err != nil {
			faults = append(faults, err.Error())
			continue
		}
		ids = append(ids, d.ID)
	}
	return ids, faults
}

// TestReadRawCompressed: gzip is detected by its first bytes, a truncated input
// is reported, and unreadable input is one error, not one for each line of
// noise.
func TestReadRawCompressed(t *testing.T) {
	a, b := `{"db":"wmstats","doc":{"_id":"a"}}`+"\n", `{"db":"wmstats","doc":{"_id":"b"}}`+"\n"
	whole := zipped(t, a+b)
	for _, c := range []struct {
		name   string
		in     []byte
		ids    []string
		faults []string
	}{
		{"plain", []byte(a + b), []string{"a", "b"}, nil},
		{"gzip", whole, []string{"a", "b"}, nil},
		{"gzip of several members", append(zipped(t, a), zipped(t, b)...), []string{"a", "b"}, nil},
		{"gzip of nothing", zipped(t, ""), nil, nil},
		{"nothing", nil, nil, nil},
		{"one byte", []byte{0x1f}, nil, []string{"line 1"}},
		{"gzip without a header", whole[:5], nil, []string{"read gzip"}},
		{"gzip without its end", whole[:len(whole)-9], nil, []string{"unexpected EOF"}},
		{"gzip with a wrong sum", append(bytes.Clone(whole[:len(whole)-8]), 1, 2, 3, 4, 5, 6, 7, 8), []string{"a", "b"}, []string{"checksum"}},
		{"zstd", []byte("\x28\xb5\x2f\xfd\n\n\n"), nil, []string{"compressed with zstd"}},
		{"xz", []byte("\xfd7zXZ\x00\n\n"), nil, []string{"compressed with xz"}},
		{"bzip2", []byte("BZh91AY\n\n"), nil, []string{"compressed with bzip2"}},
		{"zip", []byte("PK\x03\x04\n\n"), nil, []string{"compressed with zip"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			ids, faults := readAll(c.in)
			if c.name != "gzip without its end" { // lines before the cut may be used
				assert.Equal(t, c.ids, ids)
			}
			require.Len(t, faults, len(c.faults))
			for i, want := range c.faults {
				assert.Contains(t, faults[i], want)
			}
		})
	}
}

// TestUnknownDatabase: an unknown database is created only when that is
// requested; documents of other databases are still loaded.
func TestUnknownDatabase(t *testing.T) {
	list := []gen.Doc{
		{DB: "wmstat", ID: "a", JSON: []byte(`{"_id":"a"}`)},
		{DB: "wmstats", ID: "b", JSON: []byte(`{"_id":"b"}`)},
		{DB: "wmstat", ID: "c", JSON: []byte(`{"_id":"c"}`)},
		{DB: "tier0_wmstats", ID: "d", JSON: []byte(`{"_id":"d"}`)},
		{DB: "No Name!", ID: "e", JSON: []byte(`{"_id":"e"}`)},
	}
	near := func(name string, names []string) []string {
		if name == "wmstat" {
			return []string{"wmstats"}
		}
		return nil
	}
	_, url := serve(t, couchfake.Options{}, nil)
	sum, err := load.Run(t.Context(), load.Options{URL: url, Docs: docs(list...), Near: near})
	require.NoError(t, err)
	assert.Equal(t, 2, sum.Created)
	assert.Equal(t, 3, sum.Failed)
	require.Len(t, sum.Failures, 3)
	assert.Contains(t, sum.Failures[0].String(), `database "wmstat" does not exist, and WMStats reads none of this name; did you mean wmstats? (--create`)
	assert.Contains(t, sum.Failures[2].String(), "reqmgr_workload_cache or wmstats or", "nothing resembles it: all are named")
	assert.Equal(t, http.StatusNotFound, status(t, url+"/wmstat"))

	sum, err = load.Run(t.Context(), load.Options{URL: url, Docs: docs(list[0], list[2]), Create: true})
	require.NoError(t, err)
	assert.Equal(t, 2, sum.Created)
	assert.Equal(t, http.StatusOK, status(t, url+"/wmstat"))

	sum, err = load.Run(t.Context(), load.Options{URL: url, Docs: docs(list[0])})
	require.NoError(t, err)
	assert.Equal(t, 1, sum.Updated, "an existing database is accepted")
}

func status(t *testing.T, url string) int {
	t.Helper()
	resp, err := http.Get(url)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	return resp.StatusCode
}
