module github.com/dmwm/wmstats/mock

go 1.26.0

require (
	github.com/dmwm/wmstats/schema v0.0.0
)

replace (
	github.com/dmwm/wmstats/schema => ../schema
)
