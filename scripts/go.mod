module github.com/dmwm/wmstats/scripts

go 1.26.0

require (
	github.com/dmwm/wmstats/cacheserver v0.0.0
	github.com/dmwm/wmstats/uiserver v0.0.0
	github.com/dmwm/wmstats/schema v0.0.0
	github.com/dmwm/wmstats/mock v0.0.0
	github.com/dmwm/wmstats/web v0.0.0
	github.com/dmwm/wmstats/static v0.0.0
)

replace (
	github.com/dmwm/wmstats/cacheserver => ../cacheserver
	github.com/dmwm/wmstats/uiserver => ../uiserver
	github.com/dmwm/wmstats/schema => ../schema
	github.com/dmwm/wmstats/mock => ../mock
	github.com/dmwm/wmstats/web => ../web
	github.com/dmwm/wmstats/static => ../static
)
