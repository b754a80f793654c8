package app_test

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"log/slog"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/api"
	"github.com/dmwm/wmstats/cacheserver/app"
)

func parse(env map[string]string, args ...string) (app.Options, error) {
	return app.ParseOptions(args, func(name string) string { return env[name] }, io.Discard)
}

func TestFlagsAndEnvironment(t *testing.T) {
	env := map[string]string{
		"WMSTATS_LISTEN": "127.0.0.1:9000", "WMSTATS_COUCH_URL": "http://couch:5984", "WMSTATS_POLL_INTERVAL": "5s",
		"WMSTATS_CACHE_BYTES": "2GiB", "WMSTATS_INSECURE": "true", "WMSTATS_LOG_LEVEL": "warn", "WMSTATS_COUCH_USER": "u",
	}
	o, err := parse(env, "--listen", "0.0.0.0:0", "-cache-bytes=64MiB", "--drain", "3s", "--log-format", "json")
	require.NoError(t, err)
	want := app.Defaults()
	want.Listen, want.CouchURL, want.PollInterval = "0.0.0.0:0", "http://couch:5984", 5*time.Second
	want.CacheBytes, want.Insecure, want.LogLevel, want.LogFormat = new(int64), true, "warn", "json"
	*want.CacheBytes = 64 << 20
	want.CouchUser, want.Drain = "u", 3*time.Second
	assert.Equal(t, want, o)
	o, err = parse(nil, "--couch-url", "http://127.0.0.1:5984", "--cache-bytes", "0")
	require.NoError(t, err)
	assert.Equal(t, "127.0.0.1:8081", o.Listen)
	assert.Zero(t, *o.CacheBytes)
}

func TestAllFaultsAtOnce(t *testing.T) {
	_, err := parse(map[string]string{"WMSTATS_DRAIN": "long"},
		"--listen", "0.0.0.0:123456", "--couch-url", "couch://u:hidden@host", "--couch-password-file", "x", "--poll-interval", "-5s",
		"--cache-bytes", "much", "--log-level", "loud", "--log-format", "xml", "--wmstats-db", "", "extra")
	require.Error(t, err)
	for _, part := range []string{
		"WMSTATS_DRAIN", "port must be a number", "not a loopback address", "--couch-url", "needs --couch-user", "--poll-interval",
		"--cache-bytes", "--log-level", "--log-format", "--wmstats-db", `"extra"`,
	} {
		assert.ErrorContains(t, err, part)
	}
	assert.NotContains(t, err.Error(), "hidden", "a password in the URL is not repeated")
}

// Whatever is wrong with the address of the source, and wherever it stands,
// the password in it is not printed.
func TestThePasswordOfTheSourceIsNotPrinted(t *testing.T) {
	for _, bad := range []string{
		"http://u:PW@h/%zz", "http://u:PW@h:port", "u:PW@h", "ftp://u:PW@h", "http://u:PW@", "http:/u:PW@h", "http://u:PW@h/?q", "http://u:PW@[::1", "://u:PW@h", "http://u:PW @h",
	} {
		for _, args := range [][]string{{"--couch-url", bad}, {"--requestcache", bad}, {bad}, {"--couch-url", "http://h", bad}, {"--couch-url=" + bad, "--nothing"}, {"-h"}} {
			for _, env := range []map[string]string{nil, {"WMSTATS_COUCH_URL": bad}, {"WMSTATS_REQUESTCACHE": bad}} {
				var out bytes.Buffer
				o, err := app.ParseOptions(args, func(name string) string { return env[name] }, &out)
				assert.NotContains(t, out.String(), "PW", args)
				if err == nil { // errors that a server may only find at its start
					o.Log = slog.New(slog.NewTextHandler(&out, nil))
					if a, nerr := app.New(t.Context(), o); nerr != nil {
						err = nerr
					} else {
						require.NoError(t, a.Stop(t.Context()))
					}
					assert.NotContains(t, out.String(), "PW", args)
				}
				if err != nil {
					assert.NotContains(t, err.Error(), "PW", args)
				}
			}
		}
	}
}

func TestSingleFaults(t *testing.T) {
	for part, args := range map[string][]string{
		"couch-url is missing":                 {},
		"matches too many addresses":           {"--couch-url", "http://h", "--trusted-peers", "0.0.0.0/0"},
		"name of a header":                     {"--couch-url", "http://h", "--trusted-peers", "10.0.0.1", "--identity-header", "X Remote"},
		"can't be the identity header":         {"--couch-url", "http://h", "--trusted-peers", "10.0.0.1", "--identity-header", "host"},
		"--hosts":                              {"--couch-url", "http://h", "--hosts", "http://x"},
		"set one source":                       {"--couch-url", "http://h", "--requestcache", "dump.json"},
		"want host:port":                       {"--couch-url", "http://h", "--listen", "8081"},
		"not a loopback address":               {"--couch-url", "http://h", "--listen", ":8081"},
		"user in it":                           {"--couch-url", "http://a:b@h", "--couch-user", "c"},
		"--couch-ulr: no such flag":            {"--couch-url", "http://h", "--couch-ulr", "x"},
		"--cache-bytes \"-1\": want 0 or more": {"--couch-url", "http://h", "--cache-bytes", "-1"},
		"unknown status \"running-opne\"; did you mean \"running-open\"? want some of: new, assignment-approved,": {"--couch-url", "http://h", "--statuses", "new,running-opne"},
		"\"new\" is listed twice":                          {"--couch-url", "http://h", "--statuses", "new,staged,new"},
		"entry 2 is empty":                                 {"--couch-url", "http://h", "--statuses", "new,,staged"},
		"unknown status \"staged\";":                       {"--couch-url", "http://h", "--t0", "--statuses", "new,staged"},
		"unknown status \"Merge\";":                        {"--couch-url", "http://h", "--statuses", "Merge"},
		"--demand-at-once \"many\": want a whole number":   {"--couch-url", "http://h", "--demand-at-once", "many"},
		"--demand-failures \"0\": want more than 0":        {"--couch-url", "http://h", "--demand-failures", "0"},
		"--demand-keep \"5\": want a duration such as 30s": {"--couch-url", "http://h", "--demand-keep", "5"},
		"--demand-keep-errors \"-1s\": want more than 0":   {"--couch-url", "http://h", "--demand-keep-errors", "-1s"},
		"want at least --demand-min-wait \"2m\"":           {"--couch-url", "http://h", "--demand-min-wait", "2m"},
		"true or false":                                    {"--couch-url", "http://h", "--insecure=perhaps"},
		"bytes, such as":                                   {"--couch-url", "http://h", "--cache-bytes", "99999999999GiB"},
	} {
		_, err := parse(nil, args...)
		assert.ErrorContains(t, err, part)
	}
	for _, listen := range []string{"localhost:1", "127.9.9.9:1", "[::1]:1"} {
		_, err := parse(nil, "--couch-url", "http://h", "--listen", listen)
		assert.NoError(t, err, listen)
	}
	_, err := parse(nil, "-healthcheck", "--listen=0.0.0.0:8081")
	assert.NoError(t, err, "a health check needs nothing but the address")
}

func TestTierZeroNamesItsDatabases(t *testing.T) {
	o, err := parse(map[string]string{"WMSTATS_LOGDB": "mine"}, "--couch-url", "http://h", "--t0", "--wmstats-db", "yours", "--statuses", "Merge, Processing Done")
	require.NoError(t, err)
	assert.Equal(t, []string{"t0_request", "yours", "mine"}, []string{o.RequestDB, o.WMStatsDB, o.LogDB}, "names that are given stay")
	assert.Equal(t, []string{"Merge", "Processing Done"}, o.Statuses)
	o, err = parse(nil, "--couch-url", "http://h", "--statuses", "")
	require.NoError(t, err)
	assert.Nil(t, o.Statuses)
	assert.Equal(t, "reqmgr_workload_cache", o.RequestDB)
}

// TestDemandOptions: the limits of reads on demand are options.
func TestDemandOptions(t *testing.T) {
	o, err := parse(map[string]string{"WMSTATS_DEMAND_AT_ONCE": "8"}, "--couch-url", "http://h", "--demand-keep", "1m", "--demand-timeout-errors", "1h")
	require.NoError(t, err)
	want := api.DefaultDemand()
	want.AtOnce, want.Keep, want.TimeoutErrors = 8, time.Minute, time.Hour
	assert.Equal(t, want, o.Demand)
}

func TestHelpNamesEveryFlagAndVariable(t *testing.T) {
	var usage bytes.Buffer
	_, err := app.ParseOptions([]string{"-h"}, func(string) string { return "" }, &usage)
	require.True(t, errors.Is(err, flag.ErrHelp))
	for _, name := range []string{"--listen HOST:PORT", "WMSTATS_LISTEN", "WMSTATS_COUCH_PASSWORD_FILE", "--drain-delay DURATION", "--healthcheck", "default \"64KiB\"", "default \"6h\""} {
		assert.Contains(t, usage.String(), name)
	}
	assert.NotContains(t, usage.String(), "VALUE", "every value has a name")
}

// --print-config shows how Tier-0 changes the names of the databases.
func TestPrintConfig(t *testing.T) {
	var out bytes.Buffer
	_, err := app.ParseOptions([]string{"--print-config", "--t0", "--wmstats-db", "mine"}, func(name string) string {
		return map[string]string{"WMSTATS_COUCH_URL": "http://u:hidden@h"}[name]
	}, &out)
	require.ErrorIs(t, err, flag.ErrHelp)
	text := regexp.MustCompile(" +#").ReplaceAllString(out.String(), " #")
	for _, line := range []string{
		"--couch-url='http://u:***@h' # environment WMSTATS_COUCH_URL\n", "--request-db=t0_request # default\n", "--wmstats-db=mine # flag\n",
		"--listen=127.0.0.1:8081 # default\n", "--memory=256MiB # default\n", "--cache-bytes='' # default\n",
	} {
		assert.Contains(t, text, line)
	}
}
