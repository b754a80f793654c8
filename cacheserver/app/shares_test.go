package app_test

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/schema/wire"
)

// --memory accepts sizes and has a minimum; its older name is accepted.
func TestMemoryOption(t *testing.T) {
	for text, want := range map[string]int64{"": 256 << 20, "1GiB": 1 << 30, "64MiB": 64 << 20, "33554432": 32 << 20} {
		o, err := parse(map[string]string{"WMSTATS_MEMORY": text}, "--couch-url", "http://h")
		require.NoError(t, err, text)
		assert.Equal(t, want, o.Memory, text)
		assert.Nil(t, o.CacheBytes)
	}
	o, err := parse(map[string]string{"WMSTATS_MEMORY": "1GiB"}, "--couch-url", "http://h", "--memory", "2GiB")
	require.NoError(t, err)
	assert.EqualValues(t, 2<<30, o.Memory, "flags win")
	for _, text := range []string{"0", "15MiB", "-1", "lots", "256 MB", "99999999999GiB"} {
		_, err := parse(nil, "--couch-url", "http://h", "--memory", text)
		assert.ErrorContains(t, err, "--memory", text)
	}
}

// about reads what a server holds, and compares it with the metrics.
func about(t *testing.T, addr string) (m wire.AboutMemory, parts map[string]wire.MemoryPart) {
	t.Helper()
	status, body := get(t, addr, "/about")
	require.Equal(t, 200, status)
	var a wire.About
	require.NoError(t, json.Unmarshal([]byte(body), &a))
	parts = map[string]wire.MemoryPart{}
	for _, p := range a.Memory.Parts {
		require.NotContains(t, parts, p.Part, "each is reported once")
		parts[p.Part] = p
	}
	return a.Memory, parts
}

func metric(t *testing.T, addr, name string) float64 {
	t.Helper()
	_, text := get(t, addr, "/metrics")
	_, value, ok := strings.Cut(text, "\n"+name+" ")
	require.True(t, ok, name)
	value, _, _ = strings.Cut(value, "\n")
	n, err := strconv.ParseFloat(value, 64)
	require.NoError(t, err)
	return n
}

// The budget limits its parts together, each is reported, and the older option
// limits one of them.
func TestAboutTellsTheMemory(t *testing.T) {
	fake, url := couch(t)
	for i := range 300 {
		name := fmt.Sprintf("w%03d", i)
		put(t, fake, "reqmgr_workload_cache", request(name, "running-open", i))
		put(t, fake, "wmstats", agentRequest(name, i))
	}
	const mib = int64(1 << 20)
	none, some := int64(0), 2*mib
	for _, c := range []struct {
		name   string
		older  *int64
		cache  int64
		warned bool
	}{{"as it is", nil, 8 * mib, false}, {"the older name", &some, some, true}, {"no cache", &none, 0, true}} {
		t.Run(c.name, func(t *testing.T) {
			log := &logBuffer{}
			o := options(t, url, log)
			o.Memory, o.CacheBytes = 32*mib, c.older
			a := start(t, o)
			ready(t, a.Addr())
			for i := range 20 {
				status, _ := get(t, a.Addr(), fmt.Sprintf("/fetch?minPriority=%d&limit=10&sort=-Priority", i))
				require.Equal(t, 200, status)
			}
			m, parts := about(t, a.Addr())
			// The old API's documents are complete a moment after the first list.
			require.Eventually(t, func() bool { m, parts = about(t, a.Addr()); return parts["documents"].Count >= 599 }, waitFor, 10*time.Millisecond)
			assert.Equal(t, 32*mib, m.Budget)
			assert.Equal(t, c.cache, parts["cache"].Limit)
			assert.Equal(t, c.warned, strings.Contains(log.String(), "older option"))
			for _, p := range m.Parts {
				if p.Limit > 0 {
					assert.LessOrEqual(t, p.Bytes, p.Limit, p.Part)
				}
			}
			for _, name := range []string{"records", "index", "documents", "sums", "program", "answers"} {
				assert.Positive(t, parts[name].Bytes, name)
			}
			for _, name := range []string{"differences", "segments", "kept", "timeline", "quarantine", "failures", "heard"} {
				assert.Contains(t, parts, name)
			}
			assert.EqualValues(t, 300, parts["records"].Count)
			assert.InDelta(t, 600, parts["documents"].Count, 1)
			assert.EqualValues(t, m.Budget, metric(t, a.Addr(), "wmstats_memory_budget_bytes"))
			assert.EqualValues(t, parts["documents"].Bytes, metric(t, a.Addr(), `wmstats_memory_bytes{part="documents"}`))
			assert.EqualValues(t, c.cache > 0, strings.Contains(body(t, a.Addr(), "/metrics"), `wmstats_memory_limit_bytes{part="cache"}`))
			assert.Zero(t, metric(t, a.Addr(), "wmstats_promises_broken_total"))
			assert.LessOrEqual(t, parts["segments"].Bytes+parts["kept"].Limit+parts["cache"].Limit+parts["answers"].Limit+parts["timeline"].Limit, m.Budget)
			assert.Equal(t, 4*mib, parts["timeline"].Limit)
		})
	}
}

func body(t *testing.T, addr, path string) string {
	t.Helper()
	_, text := get(t, addr, path)
	return text
}
