package app

import (
	"errors"
	"flag"
	"io"
	"net/url"
	"os"
	"strings"

	"github.com/dmwm/wmstats/program"
	"github.com/dmwm/wmstats/program/settings"
	"github.com/dmwm/wmstats/program/tlsclient"
	"github.com/dmwm/wmstats/uiserver/apiproxy"
	"github.com/dmwm/wmstats/uiserver/pages"
	"github.com/dmwm/wmstats/uiserver/query"
)

// Options is everything that flags and environment can say. The zero value is
// not valid: take Defaults.
type Options struct {
	program.Options // of every server

	CacheURL       string // of the cache server
	CacheTokenFile string // token of this server at the cache server
	CacheTLS       tlsclient.Files
	LinksFile      string // templates of links to other systems; "" for those of CMS
	ViewsFile      string // names of filters that many ask for; "" for those that are built in

	links    []pages.LinkTemplate
	views    []query.View
	cacheURL *url.URL
}

// Defaults are the options without flags and environment.
func Defaults() Options {
	return Options{Options: program.Defaults("127.0.0.1:8080"), CacheURL: "http://127.0.0.1:8081"}
}

// Settings is the table of the options, for ParseOptions and for the reference.
func (o *Options) Settings() *settings.Table {
	t := settings.New("uiserver", "WMSTATS_UI_")
	t.Describe("The UI server serves the dashboard, and the API of a cache server under /api.",
		"uiserver token NAME    make a bearer token (token -h says more)")
	t.Group("Cache server")
	t.Text("cache-url", &o.CacheURL, "`URL` of the cache server, with its base path if it has one").Or("WMSTATS_CACHE_URL")
	t.Text("cache-token-file", &o.CacheTokenFile, "`FILE` with this server's bearer token for the cache server: used for pages, and for API requests without credentials")
	o.CacheTLS.Add(t, "cache", "the cache server")
	t.Group("Pages")
	t.Text("links", &o.LinksFile, "JSON `FILE` with links to other systems: a list of {\"Label\", \"URL\"}; the URL may have {workflow}, {prepid}, {campaign}, {release} and {requestor}")
	t.Text("views", &o.ViewsFile, "YAML `FILE` with views of the list: views: [{name, filter, sort, columns}]")
	o.Options.Add(t)
	return t
}

// ParseOptions reads flags, and the environment for what no flag says. Its
// error names all errors at once. out gets what -h, --version and --print-config
// print; the error is then flag.ErrHelp.
func ParseOptions(args []string, getenv func(string) string, out io.Writer) (Options, error) {
	o := Defaults()
	_, err := o.Settings().Parse(args, getenv, out)
	if errors.Is(err, flag.ErrHelp) {
		return o, err
	}
	return o, errors.Join(err, o.validate())
}

// validate reports all faults at once, and keeps what it had to read.
func (o *Options) validate() error {
	var f settings.Faults
	o.Validate(&f)
	if o.HealthCheck {
		return f.Err() // nothing else is used
	}
	o.Reserve(&f, apiproxy.OldPrefixes()...)
	o.CacheTLS.Validate(&f, "cache", o.CacheURL)
	var err error
	o.cacheURL, err = url.Parse(strings.TrimSuffix(o.CacheURL, "/"))
	if err != nil || o.cacheURL.Host == "" || (o.cacheURL.Scheme != "http" && o.cacheURL.Scheme != "https") || o.cacheURL.RawQuery != "" {
		f.Add("--cache-url: want http://host:port, or with a path http://host:port/path") // it may have a password in it, also where it can't be parsed
	}
	o.links, o.views = pages.DefaultLinks(), query.DefaultViews()
	if o.LinksFile != "" {
		if o.links, err = readFile(o.LinksFile, pages.ParseLinks); err != nil {
			f.Add("--links %s: %w", o.LinksFile, err)
		}
	}
	if o.ViewsFile != "" {
		if o.views, err = readFile(o.ViewsFile, query.ParseViews); err != nil {
			f.Add("--views %s: %w", o.ViewsFile, err)
		}
	}
	return f.Err()
}

// readFile reads and parses a configuration file.
func readFile[T any](name string, parse func([]byte) (T, error)) (T, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		var none T
		return none, err
	}
	return parse(data)
}
