module github.com/dmwm/wmstats/static

go 1.26.0

require (
	github.com/stretchr/testify v1.12.1
	github.com/tdewolff/minify/v2 v2.24.25
)

require (
	github.com/tdewolff/parse/v2 v2.8.20 // indirect
	go.yaml.in/yaml/v3 v3.0.6 // indirect
)
