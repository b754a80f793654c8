package web

import (
	"context"
	"net/url"
	"strings"

	"github.com/dmwm/wmstats/schema"
)

// Addresses of the pages, and of the API as the UI server forwards it.
const (
	APIPrefix     = "/api" // also the address of the page that describes it
	OverviewPath  = "/"
	AttentionPath = "/attention"
	WorkflowsPath = "/workflows"
	CampaignsPath = "/campaigns"
	ReleasesPath  = "/releases"
	SitesPath     = "/sites"
	AgentsPath    = "/agents"
	ErrorsPath    = "/errors"
	LogsPath      = "/logs"  // a tab of the page of errors
	StrayPath     = "/stray" // from the page of Attention
	AboutPath     = "/about"
	ChangedPath   = "/changed"
	ComparePath   = "/compare" // of names of one kind
	ColumnsPath   = "/columns"
	FacetPath     = "/facet/" // a field follows
	GoPath        = "/go"
	PinnedPath    = "/pinned"
	PulsePath     = "/pulse"
	SelectionPath = "/selection"
)

// Names come from data, so all are escaped; a slash in a name becomes %2F.

func WorkflowPath(name string) string { return WorkflowsPath + "/" + url.PathEscape(name) }
func SitePath(name string) string     { return SitesPath + "/" + url.PathEscape(name) }

// JobSitePath is the address of the page of the site of a failing job, or "" if
// the job names no site.
func JobSitePath(site string) string {
	if site == "" || site == schema.Unknown || site == schema.None {
		return ""
	}
	return SitePath(site)
}

func CampaignPath(name string) string { return CampaignsPath + "/" + url.PathEscape(name) }
func ReleasePath(name string) string  { return ReleasesPath + "/" + url.PathEscape(name) }
func AgentPath(name string) string    { return AgentsPath + "/" + url.PathEscape(name) }

// CompareWith is the address of the comparison of names of a kind: campaign, release,
// site or agent.
func CompareWith(kind string, names ...string) string {
	return ComparePath + "?" + url.Values{kind: names}.Encode()
}

// HistoryData is the address of the changes of one kind since a time.
func HistoryData(kind string, since int64, more url.Values) string {
	v := url.Values{"since": {digits(since)}}
	for name, values := range more {
		v[name] = values
	}
	return APIPrefix + "/history/" + kind + "?" + v.Encode()
}

// baseKey is that of the base path in the context of a page.
type baseKey struct{}

// WithBase returns the context for a page that clients see below a base path, such as
// /wmstats; "" is the root.
func WithBase(ctx context.Context, base string) context.Context {
	return context.WithValue(ctx, baseKey{}, base)
}

// Base returns the base path of a page.
func Base(ctx context.Context) string {
	base, _ := ctx.Value(baseKey{}).(string)
	return base
}

// At returns an address of this server as clients see it. It is the only place where
// the base path is added: props and everything before them have the addresses above,
// and each attribute with an address is written with At. Addresses of other servers,
// and those relative to the page, stay as they are.
func At(ctx context.Context, address string) string {
	if strings.HasPrefix(address, "/") {
		return Base(ctx) + address
	}
	return address
}

type readerKey struct{}

// Reader is what a request says about its reader.
type Reader struct {
	Theme   string // light or dark; "" for that of the system
	Address string // of the page, as the reader sees it; printed on paper
}

// WithReader returns the context for a page of a reader.
func WithReader(ctx context.Context, r Reader) context.Context {
	return context.WithValue(ctx, readerKey{}, r)
}

// ReaderOf returns the reader of a page.
func ReaderOf(ctx context.Context) Reader {
	r, _ := ctx.Value(readerKey{}).(Reader)
	return r
}
