package web

import "net/url"

// Paths of the pages. Names come from data, so every one is escaped; a slash in
// a name becomes %2F and stays part of it.

func WorkflowPath(name string) string { return "/workflows/" + url.PathEscape(name) }
func SitePath(name string) string     { return "/sites/" + url.PathEscape(name) }
func CampaignPath(name string) string { return "/campaigns/" + url.PathEscape(name) }
func ReleasePath(name string) string  { return "/releases/" + url.PathEscape(name) }
func AgentPath(name string) string    { return "/agents/" + url.PathEscape(name) }
