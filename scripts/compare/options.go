package compare

import (
	"errors"
	"flag"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/dmwm/wmstats/program/settings"
)

// Options of the compare program.
type Options struct {
	Old   Old
	New   string        // address of the new server's API
	Calls []string      // names of calls of the old API that are compared too
	Pause time.Duration // between the two reads; 0: one read
	Limit time.Duration // for all of it
	Shown int           // rows of the table for people
	JSON  bool

	CA, Cert, Key string // files for both servers
	TokenFile     string // for the new server
}

// Old is where the old server's answers come from: a file of a requestcache, or the
// address of one, or that of its folder of calls.
type Old string

// data returns the address of the folder of calls; "" for a file.
func (o Old) data() string {
	if !isURL(string(o)) {
		return ""
	}
	text := strings.TrimSuffix(strings.TrimRight(string(o), "/"), "/requestcache")
	if u, err := url.Parse(text); err == nil && u.Path == "" {
		return text + "/wmstatsserver/data"
	}
	return text
}

func (o Old) requestcache() string {
	if data := o.data(); data != "" {
		return data + "/requestcache"
	}
	return string(o)
}

// Defaults are the options without flags and environment.
func Defaults() Options {
	o := Options{Pause: 6 * time.Minute, Limit: time.Hour, Shown: 40}
	for _, c := range calls() {
		o.Calls = append(o.Calls, c.name)
	}
	return o
}

// Settings is the table of the options.
func (o *Options) Settings() *settings.Table {
	t := settings.New("compare", "WMSTATS_COMPARE_")
	t.Describe(`compare prints the differences of numbers between an old WMStats server and a cache
server, each with its documented reason, or as unexplained. It exits with 0 if none
is unexplained, with 1 if some are, and with 2 if a side could not be read.`)
	t.Func("old", "", "the old server: the `SOURCE` is its address, that of its requestcache, or a file with the answer (JSON or gzip)", func(text string) error { o.Old = Old(text); return nil })
	t.Text("new", &o.New, "`URL` of the new server's API: of a cache server, or of a UI server with /api")
	t.Func("calls", strings.Join(o.Calls, ","), "`CALLS` of the old API to compare on both servers, with commas; none leaves them out", func(text string) error {
		if o.Calls = nil; text == "none" {
			return nil
		}
		o.Calls = strings.Split(text, ",")
		for _, name := range o.Calls {
			if !slices.ContainsFunc(calls(), func(c call) bool { return c.name == name }) {
				return errors.New("want none, or some of " + strings.Join(Defaults().Calls, ", "))
			}
		}
		return nil
	}).Default("all; none for a file")
	t.Duration("pause", &o.Pause, "time before what differs is read again, and before a third read of what stays unexplained; longer than the old server keeps an answer (5 minutes); 0 reads once").Default("6m; 0s for a file")
	t.Duration("limit", &o.Limit, "longest time for all of it")
	t.Int("shown", &o.Shown, "unexplained differences in the table for people; JSON has all")
	t.Bool("json", &o.JSON, "print JSON")
	t.Text("ca", &o.CA, "`FILE` with the authorities of both servers' certificates; if empty, those of the machine")
	t.Text("cert", &o.Cert, "`FILE` with the client certificate for both servers")
	t.Text("key", &o.Key, "`FILE` with the key of --cert; if empty, it is in the same file")
	t.Text("token-file", &o.TokenFile, "`FILE` with a token for the new server")
	t.Derive(func(given map[string]bool) {
		if o.Old.data() != "" {
			if strings.HasSuffix(o.Old.data(), "/t0_reqmon/data") && !given["calls"] {
				o.Calls = nil // Tier-0 has none of them
			}
			return
		}
		if !given["calls"] {
			o.Calls = nil
		}
		if !given["pause"] {
			o.Pause = 0
		}
	})
	return t
}

// ParseOptions reads flags and environment. help gets what -h, --version and
// --print-config print; the error is then flag.ErrHelp.
func ParseOptions(args []string, getenv func(string) string, help io.Writer) (Options, error) {
	o := Defaults()
	_, err := o.Settings().Parse(args, getenv, help)
	if errors.Is(err, flag.ErrHelp) {
		return o, err
	}
	var f settings.Faults
	if o.Old == "" {
		f.Add("--old: want an address or a file")
	}
	if u, parse := url.Parse(o.New); parse != nil || !isURL(o.New) || u.Host == "" {
		f.Add("--new: want an address such as http://127.0.0.1:8081")
	}
	if o.Old.data() == "" && len(o.Calls) > 0 {
		f.Add("--calls: want none; a file has only the requestcache")
	}
	if o.Pause < 0 {
		f.Add("--pause \"%s\": want 0 or more", settings.FormatDuration(o.Pause))
	}
	if o.Limit <= o.Pause {
		f.Add("--limit \"%s\": want more than --pause", settings.FormatDuration(o.Limit))
	}
	if o.Shown < 0 {
		f.Add("--shown \"%d\": want 0 or more", o.Shown)
	}
	if o.Key != "" && o.Cert == "" {
		f.Add("--key: want --cert too")
	}
	o.New = strings.TrimRight(o.New, "/")
	return o, errors.Join(err, f.Err())
}
