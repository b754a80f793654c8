package settings_test

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"math"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/program/settings"
)

// told has one setting of each kind.
type told struct {
	Text     string
	Duration time.Duration
	Bool     bool
	Int      int
	Float    float64
	Bytes    int64
	Once     bool
	OnceTo   string
	Letters  []string
}

func table(o *told) *settings.Table {
	t := settings.New("server", "X_")
	t.Text("some-text", &o.Text, "a text")
	t.Duration("wait", &o.Duration, "a `time`")
	t.Bool("sure", &o.Bool, "whether")
	t.Int("count", &o.Int, "how many")
	t.Float("share", &o.Float, "how much").Default("none").Or("SHARE")
	t.Bytes("size", &o.Bytes, "how large")
	t.Command("once", &o.Once, &o.OnceTo, "do it and end")
	t.Func("letters", "", "letters", func(text string) error {
		if text == "" {
			return errors.New("want letters")
		}
		o.Letters = strings.Split(text, "")
		return nil
	})
	return t
}

func parse(env map[string]string, args ...string) (told, map[string]bool, error) {
	o := told{Text: "as it was", Duration: time.Second, Int: 7, Bytes: 64 << 10}
	given, err := table(&o).Parse(args, func(name string) string { return env[name] }, io.Discard)
	return o, given, err
}

// A command is a flag alone, or has a text after =.
func TestCommands(t *testing.T) {
	for flag, want := range map[string]told{"--once": {Once: true}, "-once=true": {Once: true}, "--once=false": {}, "--once=a": {Once: true, OnceTo: "a"}} {
		o, _, err := parse(nil, flag)
		require.NoError(t, err)
		assert.Equal(t, want, told{Once: o.Once, OnceTo: o.OnceTo}, flag)
	}
	_, _, err := parse(nil, "--once", "a")
	assert.ErrorContains(t, err, "unexpected argument")
}

func TestFlagsWinOverVariables(t *testing.T) {
	unchanged, given, err := parse(nil)
	require.NoError(t, err)
	assert.Equal(t, told{Text: "as it was", Duration: time.Second, Int: 7, Bytes: 64 << 10}, unchanged)
	assert.Empty(t, given)
	o, given, err := parse(map[string]string{"X_SOME_TEXT": "of the variable", "X_COUNT": "3", "SHARE": "0.25", "X_SURE": "true", "X_ONCE": "true"},
		"--some-text", "of the flag", "-wait=3m", "--size", "2MiB", "--sure=false", "--letters=ab", "-once")
	require.NoError(t, err)
	assert.Equal(t, told{"of the flag", 3 * time.Minute, false, 3, 0.25, 2 << 20, true, "", []string{"a", "b"}}, o)
	assert.Equal(t, map[string]bool{"some-text": true, "wait": true, "size": true, "sure": true, "letters": true, "count": true, "share": true, "once": true}, given)
	o, _, err = parse(map[string]string{"X_SHARE": "1", "SHARE": "2", "X_ONCE": "true"}, "--some-text=")
	require.NoError(t, err)
	assert.Equal(t, 1.0, o.Float, "the first variable that is set")
	assert.False(t, o.Once, "a command has no variable")
	assert.Empty(t, o.Text, "a flag may be empty")
}

// Every error is reported, wherever it is and whatever precedes it.
func TestAllFaultsAtOnce(t *testing.T) {
	_, _, err := parse(map[string]string{"X_WAIT": "long", "X_COUNT": "1.5"},
		"--coutn", "4", "--share=NaN", "extra", "--size", "99999999999GiB", "--sure=perhaps", "--letters=", "--wait", "5", "--some-text")
	require.Error(t, err)
	assert.Equal(t, []string{
		`X_WAIT "long": want a duration such as 30s`,
		`X_COUNT "1.5": want a whole number`,
		`--coutn: no such flag; -h lists all`,
		`--share "NaN": want a number such as 0.5 or 200`,
		`unexpected argument "extra"`,
		`--size "99999999999GiB": want bytes, such as 268435456 or 256MiB`,
		`--sure "perhaps": want true or false`,
		`--letters "": want letters`,
		`--wait "5": want a duration such as 30s`,
		`--some-text: the value is missing`,
	}, strings.Split(err.Error(), "\n"))
}

// No error repeats a possible address with a password, wherever it is.
func TestAddressesAreNotRepeated(t *testing.T) {
	for _, address := range []string{"http://u:secret@h", "u:secret@h", "//secret"} {
		for _, args := range [][]string{
			{address}, {"--wait", address}, {"--wait=" + address}, {"-" + address}, {"--" + address}, {"--nothing=" + address}, {"--nothing", address}, {"--nothing", "x", address}, {"-h", address}, {address, "-h"},
		} {
			for _, env := range []string{"", address} {
				var out bytes.Buffer
				var o told
				_, err := table(&o).Parse(args, func(string) string { return env }, &out)
				require.Error(t, err)
				assert.NotContains(t, err.Error(), "secret", args)
				assert.NotContains(t, out.String(), "secret", args)
			}
		}
	}
}

func TestHelp(t *testing.T) {
	for _, args := range [][]string{{"-h"}, {"--help"}, {"--nothing", "-h"}, {"extra", "--wait", "x", "-help"}} {
		var out bytes.Buffer
		o := told{Text: "as it was"}
		_, err := table(&o).Parse(args, func(string) string { return "of the variable" }, &out)
		require.Equal(t, flag.ErrHelp, err)
		for _, want := range []string{
			"Usage:\n  server [flags]\n", "  --some-text VALUE\n      a text (X_SOME_TEXT; default \"as it was\")\n", "  --wait time\n      a time (X_WAIT", "  --sure\n",
			"  --share NUMBER\n      how much (X_SHARE or SHARE; default \"none\")", "  --once\n      do it and end\n", "  --version\n", "  --print-config\n", "  --help\n",
		} {
			assert.Contains(t, out.String(), want)
		}
		assert.NotContains(t, out.String(), "of the variable")
	}
}

func TestBytes(t *testing.T) {
	for text, want := range map[string]int64{"0": 0, "1023": 1023, "1KiB": 1 << 10, "64MiB": 64 << 20, "3GiB": 3 << 30, "-1": -1} {
		got, err := settings.ParseBytes(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, got)
		assert.Equal(t, text, settings.FormatBytes(want))
	}
	for _, text := range []string{"", "MiB", "1MB", "1.5KiB", "9223372036854775807KiB", "-9223372036854775807GiB", "1 KiB"} {
		_, err := settings.ParseBytes(text)
		assert.Error(t, err, text)
	}
}

func TestFaults(t *testing.T) {
	var f settings.Faults
	settings.Positive(&f, "a", 1)
	settings.NotNegative(&f, "b", time.Duration(0))
	require.NoError(t, f.Err())
	settings.Positive(&f, "a", time.Duration(0))
	settings.NotNegative(&f, "b", -1)
	settings.NotNegative(&f, "c", math.NaN())
	settings.Positive(&f, "d", math.NaN())
	f.Add("e: %w", io.EOF)
	assert.EqualError(t, f.Err(), `--a "0s": want more than 0
--b "-1": want 0 or more
--c "NaN": want 0 or more
--d "NaN": want more than 0
e: EOF`)
	assert.ErrorIs(t, f.Err(), io.EOF)
}

func TestDurations(t *testing.T) {
	for text, d := range map[string]time.Duration{
		"6h": 6 * time.Hour, "1m": time.Minute, "1h30m": 90 * time.Minute, "1h0m5s": time.Hour + 5*time.Second, "1m30s": 90 * time.Second,
		"0s": 0, "250ms": 250 * time.Millisecond, "10s": 10 * time.Second, "20m": 20 * time.Minute, "-2h": -2 * time.Hour,
	} {
		assert.Equal(t, text, settings.FormatDuration(d))
		read, err := time.ParseDuration(text)
		require.NoError(t, err)
		assert.Equal(t, d, read)
	}
}

// --version works with any other arguments, and nothing is started.
func TestVersion(t *testing.T) {
	var out bytes.Buffer
	var o told
	_, err := table(&o).Parse([]string{"--wait", "3s", "--version"}, func(string) string { return "" }, &out)
	require.Equal(t, flag.ErrHelp, err)
	assert.Regexp(t, `^server \S+ \(go.*\)\n$`, out.String())
	_, err = table(&o).Parse([]string{"--version", "--nothing"}, func(string) string { return "" }, &out)
	assert.ErrorContains(t, err, "--nothing: no such flag")
}

// The options are printed as flags that a shell can parse, each with the source of its
// value, and without passwords.
func TestPrintConfig(t *testing.T) {
	var out bytes.Buffer
	o := told{Text: "as it was", Duration: 6 * time.Hour, Bytes: 64 << 10}
	parsed := table(&o)
	parsed.Text("url", new(string), "a `URL`")
	parsed.Derive(func(given map[string]bool) {
		if !given["count"] {
			o.Int = 42
		}
	})
	env := map[string]string{"X_SHARE": "0.5", "X_URL": "http://u:hidden@h/db?t=hidden"}
	_, err := parsed.Parse([]string{"--print-config", "--some-text", "it's", "--letters=ab"}, func(name string) string { return env[name] }, &out)
	require.Equal(t, flag.ErrHelp, err)
	assert.Equal(t, `--some-text='it'\''s' # flag
--wait=6h # default
--sure=false # default
--count=42 # default
--share=0.5 # environment X_SHARE
--size=64KiB # default
--letters=ab # flag
--url='http://u:***@h/db?***' # environment X_URL
`, regexp.MustCompile(" +#").ReplaceAllString(out.String(), " #"))
}

func TestPrintConfigMasksWhatMayBeSecret(t *testing.T) {
	for text, want := range map[string]string{
		"http://u:hidden@h:5984/x": "http://u:***@h:5984/x", "http://hidden@h": "http://***@h", "u:hidden@h": "***", "http:/u:hidden@h": "***",
		"http://u:hidden@h/%zz": "***", "http://u:hidden @h": "***", "http://h/a?token=hidden": "http://h/a?***", "http://h": "http://h",
		"10.0.0.0/8,::1": "10.0.0.0/8,::1", "::1,10.0.0.0/8": "::1,10.0.0.0/8", "/run/secret file": "/run/secret file",
	} {
		var out bytes.Buffer
		var to string
		one := settings.New("server", "X_")
		one.Text("at", &to, "")
		_, err := one.Parse([]string{"--at", text, "--print-config"}, func(string) string { return "" }, &out)
		require.Equal(t, flag.ErrHelp, err)
		assert.Contains(t, strings.ReplaceAll(out.String(), "'", ""), "--at="+want+" ", text)
	}
}

// The rows for the documentation are those of the help.
func TestRows(t *testing.T) {
	var o told
	shown := settings.New("server", "X_")
	shown.Describe("It serves.", "server token NAME")
	shown.Group("First")
	shown.Duration("wait", &o.Duration, "longest wait")
	shown.Bool("sure", &o.Bool, "whether")
	rows := shown.Rows()
	require.Len(t, rows, 5)
	assert.Equal(t, settings.Row{Group: "First", Flag: "--wait", Placeholder: "DURATION", Variables: []string{"X_WAIT"}, Default: "0s", Help: "longest wait"}, rows[0])
	assert.Equal(t, settings.Row{Group: "First", Flag: "--sure", Variables: []string{"X_SURE"}, Default: "false", Help: "whether"}, rows[1])
	var out bytes.Buffer
	shown.WriteHelp(&out)
	assert.Contains(t, out.String(), "It serves.\n\nUsage:\n  server [flags]\n  server token NAME\n\nA flag overrides")
	assert.Contains(t, out.String(), "\nFirst:\n  --wait DURATION\n      longest wait (X_WAIT; default \"0s\")\n")
}
