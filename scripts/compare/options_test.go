package compare_test

import (
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/scripts/compare"
)

func TestOptions(t *testing.T) {
	none := func(string) string { return "" }
	all := compare.Defaults().Calls
	for name, c := range map[string]struct {
		args  []string
		calls []string
		pause time.Duration
	}{
		"a server":         {[]string{"--old", "https://old.example"}, all, 6 * time.Minute},
		"its requestcache": {[]string{"--old", "https://old.example/wmstatsserver/data/requestcache"}, all, 6 * time.Minute},
		"Tier-0":           {[]string{"--old", "https://old.example/t0_reqmon/data"}, nil, 6 * time.Minute},
		"a file":           {[]string{"--old", "dump.json.gz"}, nil, 0},
		"a file, twice":    {[]string{"--old", "dump.json.gz", "--pause", "1m"}, nil, time.Minute},
		"no calls":         {[]string{"--old", "https://old.example", "--calls", "none"}, nil, 6 * time.Minute},
		"some calls":       {[]string{"--old", "https://old.example", "--calls", "parentage,globallocks"}, []string{"parentage", "globallocks"}, 6 * time.Minute},
	} {
		o, err := compare.ParseOptions(append(c.args, "--new", "http://127.0.0.1:8081/"), none, io.Discard)
		require.NoError(t, err, name)
		assert.Equal(t, c.calls, o.Calls, name)
		assert.Equal(t, c.pause, o.Pause, name)
		assert.Equal(t, "http://127.0.0.1:8081", o.New, name)
	}
	_, err := compare.ParseOptions([]string{"--calls", "locks", "--pause", "2h", "--shown", "-1", "--key", "k"}, none, io.Discard)
	for _, want := range []string{"--old:", "--new:", "--calls", "--limit", "--shown", "--key:"} {
		assert.ErrorContains(t, err, want)
	}
}
