module github.com/dmwm/wmstats/uiserver

go 1.26.0

require (
	github.com/dmwm/wmstats/schema v0.0.0
	github.com/dmwm/wmstats/web v0.0.0
	github.com/dmwm/wmstats/static v0.0.0
)

replace (
	github.com/dmwm/wmstats/schema => ../schema
	github.com/dmwm/wmstats/web => ../web
	github.com/dmwm/wmstats/static => ../static
)
