module github.com/dmwm/wmstats/program

go 1.26.0

require (
	github.com/dmwm/wmstats/schema v0.0.0
	github.com/stretchr/testify v1.12.1
	golang.org/x/crypto v0.57.0
	golang.org/x/time v0.16.0
)

require (
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	go.yaml.in/yaml/v3 v3.0.6 // indirect
)

replace github.com/dmwm/wmstats/schema => ../schema
