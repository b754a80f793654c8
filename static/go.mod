module github.com/dmwm/wmstats/static

go 1.26.0
