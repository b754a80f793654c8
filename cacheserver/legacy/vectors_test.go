package legacy_test

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // the digests of the vectors
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/app"
	"github.com/dmwm/wmstats/cacheserver/legacy/property"
)

// vector is a call with its correct answer.
type vector struct {
	ID, Path, Method string
	Headers          map[string]string
	Status           int
	Compare          string
	Want             any
	WantHeaders      map[string]string `json:"want_headers"`
}

// TestVectors: the answers to recorded calls equal those computed independently from
// the raw documents, and have the format of the old server.
func TestVectors(t *testing.T) {
	for _, set := range []string{"base", "poison"} {
		t.Run(set, func(t *testing.T) {
			w := newWorld(t, lines[document](t, set, "raw.ndjson.gz")...)
			for _, v := range lines[vector](t, set, "vectors.jsonl.gz") {
				t.Run(v.ID, func(t *testing.T) { v.check(t, w.url) })
			}
		})
	}
}

// TestVectorsByScript runs the script that checks any implementation.
func TestVectorsByScript(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("there is no python3; TestVectors has the same vectors")
	}
	run := func(args ...string) {
		out, err := exec.CommandContext(t.Context(), python, append([]string{"testdata/check_legacy.py"}, args...)...).CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
	for _, set := range []string{"base", "poison"} {
		run(newWorld(t, lines[document](t, set, "raw.ndjson.gz")...).url, "testdata/"+set)
	}
	run(start(t, func(o *app.Options) { o.CouchURL = "http://127.0.0.1:1" }), "--empty")
}

func (v *vector) check(t *testing.T, url string) {
	var header []string
	for name, value := range v.Headers {
		if name != "Content-Length" {
			header = append(header, name, value)
		}
	}
	r := ask(t, v.Method, url+v.Path, header...)
	require.Equal(t, v.Status, r.status, "%s", r.body)
	require.NoError(t, r.err)
	plain := func(s string) string { return strings.ToLower(strings.ReplaceAll(s, " ", "")) }
	for name, want := range v.WantHeaders {
		require.Equal(t, plain(want), plain(r.header.Get(name)), name)
	}
	if v.Compare == "error" || v.Compare == "status" || v.Method == http.MethodHead || r.status != http.StatusOK {
		return
	}
	for _, name := range []string{"X-REST-Status", "X-REST-Time", "Vary", "ETag"} {
		require.NotEmpty(t, r.header.Get(name), name)
	}
	checkLines(t, r.body)
	var got struct {
		Result []any `json:"result"`
	}
	dec := json.NewDecoder(bytes.NewReader(r.body))
	dec.UseNumber()
	require.NoError(t, dec.Decode(&got))
	if v.Compare == "info" {
		require.Len(t, got.Result, 1)
		require.Contains(t, got.Result[0], "version: ")
		return
	}
	require.Equal(t, text(v.Want), text(normal(t, v.Compare, got.Result)))
}

// checkLines checks the line format of an answer: ASCII, one row per line.
func checkLines(t *testing.T, body []byte) {
	t.Helper()
	for _, c := range body {
		require.Less(t, c, byte(0x80))
	}
	all := strings.Split(string(body), "\n")
	require.Equal(t, `{"result": [`, all[0])
	require.Equal(t, []string{"]}", ""}, all[len(all)-2:])
	for i, line := range all[1 : len(all)-2] {
		require.Equal(t, map[bool]byte{true: ' ', false: ','}[i == 0], line[0])
	}
}

// normal converts rows to the form that vectors have.
func normal(t *testing.T, how string, rows []any) any {
	t.Helper()
	out := map[string]any{}
	switch how {
	case "requestcache":
		require.Len(t, rows, 1)
		for name, doc := range object(t, rows[0]) {
			out[name] = digest(doc)
		}
	case "set":
		list := map[string]bool{}
		for _, row := range rows {
			require.IsType(t, "", row)
			list[text(row)] = true
		}
		require.Len(t, rows, len(list), "each once")
		return slices.Sorted(maps.Keys(list))
	case "full":
		for _, row := range rows {
			doc := object(t, row)
			name, _ := doc["RequestName"].(string)
			if name == "" {
				name, _ = doc["_id"].(string)
			}
			out[name] = digest(doc)
		}
		require.Len(t, out, len(rows))
	case "mask":
		for _, row := range rows {
			doc := object(t, row)
			for key, value := range doc {
				if list, ok := value.([]any); ok {
					texts := []string{}
					for _, one := range list {
						texts = append(texts, text(one))
					}
					slices.Sort(texts)
					doc[key] = texts
				}
			}
			name, _ := doc["RequestName"].(string)
			out[name] = doc
		}
		require.Len(t, out, len(rows))
	case "jobdetail":
		require.Len(t, rows, 1)
		return jobs(t, object(t, rows[0]))
	default:
		return rows
	}
	return out
}

// jobs replaces each group of a jobdetail row by its counts, and checks that its
// samples belong to it.
func jobs(t *testing.T, row map[string]any) any {
	for workflow, tasks := range row {
		for task, states := range object(t, tasks) {
			for state, codes := range object(t, states) {
				for code, sites := range object(t, codes) {
					for site, group := range object(t, sites) {
						of := object(t, group)
						seen := map[any]bool{}
						samples, _ := of["samples"].([]any)
						for _, sample := range samples {
							doc := object(t, sample)
							require.False(t, seen[doc["_id"]], "a sample twice")
							seen[doc["_id"]] = true
							name := func(key string) string {
								if s, ok := doc[key].(string); ok {
									return s
								}
								if _, ok := doc[key].(json.Number); ok {
									return text(doc[key])
								}
								return "null"
							}
							require.Equal(t, []string{workflow, task, state, code, site}, []string{name("workflow"), name("task"), name("state"), name("exitcode"), name("site")})
						}
						object(t, sites)[site] = []any{of["errorCount"], len(samples)}
					}
				}
			}
		}
	}
	return row
}

func object(t *testing.T, v any) map[string]any {
	t.Helper()
	o, ok := v.(map[string]any)
	require.True(t, ok, "%v", v)
	return o
}

// digest hashes text. Both are defined as in the program that wrote the vectors:
// JSON with sorted keys, in ASCII, whole numbers without a fraction.
func digest(v any) string {
	sum := sha1.Sum([]byte(text(v))) //nolint:gosec // the digests of the vectors
	return hex.EncodeToString(sum[:])[:16]
}

func text(v any) string {
	var b strings.Builder
	writeText(&b, v)
	return b.String()
}

func writeText(b *strings.Builder, v any) {
	switch v := v.(type) {
	case map[string]any:
		sep := "{"
		for _, key := range slices.Sorted(maps.Keys(v)) {
			b.WriteString(sep)
			writeText(b, key)
			b.WriteByte(':')
			writeText(b, v[key])
			sep = ","
		}
		b.WriteString(map[bool]string{true: "{}", false: "}"}[len(v) == 0])
	case []any:
		writeList(b, v)
	case []string:
		writeList(b, v)
	case json.Number:
		b.WriteString(number(string(v)))
	case string:
		b.Write(property.AppendText(nil, v))
	default:
		encoded, err := json.Marshal(v)
		if err != nil {
			panic(err)
		}
		b.Write(encoded)
	}
}

func writeList[T any](b *strings.Builder, list []T) {
	b.WriteByte('[')
	for i, one := range list {
		if i > 0 {
			b.WriteByte(',')
		}
		writeText(b, one)
	}
	b.WriteByte(']')
}

func number(s string) string {
	if !strings.ContainsAny(s, ".eE") {
		return s
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return s
	}
	if f == float64(int64(f)) {
		return fmt.Sprint(int64(f))
	}
	if a := max(f, -f); a >= 1e-4 && a < 1e16 {
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	return strconv.FormatFloat(f, 'e', -1, 64)
}
