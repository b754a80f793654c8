package web

import (
	"net/url"

	"github.com/dmwm/wmstats/schema"
)

// Addresses of the pages, and of the API as the UI server forwards it.
const (
	APIPrefix     = "/api" // also the page that describes it
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

// Names come from data, so every one is escaped; a slash in a name becomes %2F
// and stays part of it.

func WorkflowPath(name string) string { return WorkflowsPath + "/" + url.PathEscape(name) }
func SitePath(name string) string     { return SitesPath + "/" + url.PathEscape(name) }

// JobSitePath is the page of the site that a failing job names; "" where it names
// none.
func JobSitePath(site string) string {
	if site == "" || site == schema.Unknown || site == schema.None {
		return ""
	}
	return SitePath(site)
}

func CampaignPath(name string) string { return CampaignsPath + "/" + url.PathEscape(name) }
func ReleasePath(name string) string  { return ReleasesPath + "/" + url.PathEscape(name) }
func AgentPath(name string) string    { return AgentsPath + "/" + url.PathEscape(name) }
