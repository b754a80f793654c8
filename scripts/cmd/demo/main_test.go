package main

import (
	"bytes"
	"flag"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func none(string) string { return "" }

// Help and invalid options start nothing.
func TestNothingIsStarted(t *testing.T) {
	for want, arg := range map[string]string{"--ui-addr HOST:PORT": "-h", "demo ": "--version", "--ui-addr=127.0.0.1:8080": "--print-config"} {
		var out bytes.Buffer
		require.ErrorIs(t, run(t.Context(), []string{arg}, none, &out), flag.ErrHelp)
		assert.Contains(t, out.String(), want)
		assert.NotContains(t, out.String(), "waiting for")
	}
	for want, args := range map[string][]string{
		`--workflows "-1": want 0 or more`: {"--workflows", "-1"}, "--nothing: no such flag": {"--nothing"}, `unexpected argument "help"`: {"help"},
		`--live "many": want a number`: {"--live", "many"}, "want http://": {"--couch-url", "h:1"},
	} {
		var out bytes.Buffer
		assert.ErrorContains(t, run(t.Context(), args, none, &out), want)
		assert.Empty(t, out.String())
	}
	env := func(name string) string { return map[string]string{"SEED": "x", "WORKFLOWS": "many"}[name] }
	err := run(t.Context(), nil, env, &bytes.Buffer{})
	assert.ErrorContains(t, err, `SEED "x": want a whole number`)
	assert.ErrorContains(t, err, `WORKFLOWS "many": want a whole number`)
}
