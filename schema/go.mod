module github.com/dmwm/wmstats/schema

go 1.26.0
