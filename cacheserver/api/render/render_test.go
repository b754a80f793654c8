package render

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// workflows are records whose texts try to break every format.
func workflows(n int) []schema.Workflow {
	hostile := []string{`plain`, `=1+1`, `a,b`, `say "x"`, "two\nlines", `back\slash`, `<b>&`, "-2", "@x", "\tx", " x ", "é→😀", `{"a":[1]}`, `]`}
	out := make([]schema.Workflow, n)
	for i := range out {
		text := hostile[i%len(hostile)]
		out[i] = schema.Workflow{
			Workflow: fmt.Sprintf("wf%05d", i), Status: text, Campaign: text + text,
			Sites: []string{"T1_US_FNAL", "T2_CH_CERN"}[: i%3 : 2], Agents: []string{}, Alerts: []string{text},
			Campaigns: []string{"", text, ""},
			Priority:  int64(i) - 5, TimePerEvent: float64(i) / 7, StatusKnown: i%2 == 0,
		}
	}
	return out
}

func encoded(records []schema.Workflow) [][]byte {
	out := make([][]byte, len(records))
	for i := range records {
		out[i] = schema.AppendJSON(nil, &records[i])
	}
	return out
}

// written is a body as it is sent.
func written(b *Body) ([]byte, error) {
	var w bytes.Buffer
	_, err := b.WriteTo(&w)
	return w.Bytes(), err
}

func TestJSONIsExactlyTheRecordsJoined(t *testing.T) {
	for _, n := range []int{0, 1, 2, batch, batch + 1} {
		recs := encoded(workflows(n))
		b := List(wire.JSON, schema.Describe[schema.Workflow](), nil, n, Slice(recs))
		got, err := written(&b)
		require.NoError(t, err)
		want := "[" + string(bytes.Join(recs, []byte(",\n"))) + "]\n"
		require.Equal(t, want, string(got))
		size, ok := b.Size()
		assert.True(t, ok)
		assert.EqualValues(t, len(want), size)
		assert.True(t, b.AtLeast(min(len(want)/2, 100)))
		assert.False(t, b.AtLeast(len(want)+1))
	}
}

func TestNDJSONLinesAreTheElements(t *testing.T) {
	recs := encoded(workflows(300))
	b := List(wire.NDJSON, schema.Describe[schema.Workflow](), nil, len(recs), Slice(recs))
	got, err := written(&b)
	require.NoError(t, err)
	assert.Equal(t, string(bytes.Join(recs, []byte("\n")))+"\n", string(got))
}

func TestProjectKeepsKeysInTheRecordsOrder(t *testing.T) {
	for _, rec := range encoded(workflows(40)) {
		got, err := Project([]string{"Status", "Workflow", "Sites", "Alerts"})(nil, rec)
		require.NoError(t, err)
		var all struct {
			Workflow, Status string
			Sites, Alerts    []string
		}
		require.NoError(t, json.Unmarshal(rec, &all))
		var want bytes.Buffer
		enc := json.NewEncoder(&want)
		enc.SetEscapeHTML(false)
		require.NoError(t, enc.Encode(all))
		assert.Equal(t, strings.TrimSpace(want.String()), string(got))
	}
}

// The CSV is read back and compared with the records, cell by cell.
func TestCSVReadsBackEqual(t *testing.T) {
	records := workflows(100)
	fields := schema.Describe[schema.Workflow]()
	recs := encoded(records)
	b := List(wire.CSV, fields, nil, len(recs), Slice(recs))
	body, err := written(&b)
	require.NoError(t, err)
	rows, err := csv.NewReader(bytes.NewReader(body)).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, len(records)+1)
	for col, f := range fields {
		assert.Equal(t, f.Key, rows[0][col])
	}
	for i, rec := range recs {
		var want map[string]any
		d := json.NewDecoder(bytes.NewReader(rec))
		d.UseNumber()
		require.NoError(t, d.Decode(&want))
		for col, f := range fields {
			cell := rows[i+1][col]
			text := ""
			switch v := want[f.Key].(type) {
			case string:
				text = v
			case bool:
				text = strconv.FormatBool(v)
			case json.Number:
				assert.Equal(t, v.String(), cell, f.Key)
				continue
			case []any:
				var parts []string
				for _, p := range v {
					parts = append(parts, p.(string))
				}
				text = strings.Join(parts, " ")
			}
			if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) {
				assert.Equal(t, "'"+text, cell, "a formula must be neutralized")
				continue
			}
			assert.Equal(t, text, cell, f.Key)
		}
	}
}

func TestCSVOfSomeKeys(t *testing.T) {
	fields := schema.Describe[schema.Workflow]()
	recs := encoded(workflows(2))
	b := List(wire.CSV, fields, []string{"Workflow", "Priority"}, 2, Slice(recs))
	got, err := written(&b)
	require.NoError(t, err)
	assert.Equal(t, "Workflow,Priority\r\nwf00000,-5\r\nwf00001,-4\r\n", string(got))
}

func TestCompressedEqualsIdentity(t *testing.T) {
	recs := encoded(workflows(700))
	b := List(wire.JSON, schema.Describe[schema.Workflow](), nil, len(recs), Slice(recs))
	plain, err := written(&b)
	require.NoError(t, err)
	write := func(w io.Writer) error { _, err := b.WriteTo(w); return err }
	c := NewCompressor()
	for range 3 { // writers are reused
		var zipped bytes.Buffer
		require.NoError(t, c.Compress(Gzip, &zipped, write))
		zr, err := gzip.NewReader(&zipped)
		require.NoError(t, err)
		got, err := io.ReadAll(zr)
		require.NoError(t, err)
		require.True(t, bytes.Equal(plain, got))

		zipped.Reset()
		require.NoError(t, c.Compress(Zstd, &zipped, write))
		sr, err := zstd.NewReader(&zipped)
		require.NoError(t, err)
		got, err = io.ReadAll(sr)
		sr.Close()
		require.NoError(t, err)
		require.True(t, bytes.Equal(plain, got))
	}
}

func TestAFailedBodyIsNotEnded(t *testing.T) {
	c, broken := NewCompressor(), errors.New("broken")
	for _, coding := range []Coding{Gzip, Zstd} {
		var out bytes.Buffer
		err := c.Compress(coding, &out, func(w io.Writer) error {
			_, _ = io.WriteString(w, "some of it")
			return broken
		})
		assert.ErrorIs(t, err, broken)
		if zr, err := gzip.NewReader(&out); err == nil {
			_, err = io.ReadAll(zr)
			assert.Error(t, err, "a truncated body must not look complete")
		}
	}
}

func TestABodyWithTooFewRecordsIsAnError(t *testing.T) {
	recs := encoded(workflows(3))
	b := List(wire.NDJSON, schema.Describe[schema.Workflow](), nil, 4, Slice(recs))
	_, err := written(&b)
	assert.ErrorContains(t, err, "3 records instead of 4")
}

func TestForeignBytesAreRefused(t *testing.T) {
	for _, raw := range []string{``, `{`, `[]`, `{"a"}`, `{"a":`, `{"a":1`, `{"a":1}x`, `{a:1}`, `{"a":"`, `{"a":[1}`, `null`} {
		var err error
		for _, err = range Members([]byte(raw)) {
		}
		assert.ErrorIs(t, err, ErrForm, raw)
	}
	for _, raw := range []string{``, `[`, `{}`, `[1`, `[1]x`, `[,]`, `["`} {
		var err error
		for _, err = range Elements([]byte(raw)) {
		}
		assert.ErrorIs(t, err, ErrForm, raw)
	}
}

func FuzzMembers(f *testing.F) {
	for _, rec := range encoded(workflows(14)) {
		f.Add(rec)
	}
	f.Add([]byte(`{"a":{"b":[1,"]"]},"c":"\\\""}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var want map[string]json.RawMessage
		valid := json.Unmarshal(raw, &want) == nil && want != nil
		var compact bytes.Buffer
		if valid && (json.Compact(&compact, raw) != nil || !bytes.Equal(compact.Bytes(), raw)) {
			return // white space is not written by the schema
		}
		got := map[string]string{}
		for m, err := range Members(raw) {
			if err != nil {
				require.False(t, valid, "%s: %v", raw, err)
				return
			}
			got[string(m.Key)] = string(m.Value)
		}
		if !valid {
			return
		}
		for key, value := range want {
			name, _ := json.Marshal(key)
			if plain := string(name[1 : len(name)-1]); plain == key {
				if v, ok := got[key]; ok { // keys with escapes are written differently here
					require.Equal(t, string(value), v, key)
				}
			}
		}
	})
}
