package web

import (
	"net/url"

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
	AboutPath     = "/about"
	ChangedPath   = "/changed"
	ColumnsPath   = "/columns"
	FacetPath     = "/facet/" // a field follows
	GoPath        = "/go"
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
