module github.com/dmwm/wmstats/cacheserver

go 1.26.0

require (
	github.com/dmwm/wmstats/schema v0.0.0
	github.com/dmwm/wmstats/mock v0.0.0
)

replace (
	github.com/dmwm/wmstats/schema => ../schema
	github.com/dmwm/wmstats/mock => ../mock
)
