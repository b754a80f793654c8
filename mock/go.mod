module github.com/dmwm/wmstats/mock

go 1.26.0

require github.com/dmwm/wmstats/schema v0.0.0

require (
	github.com/go-kivik/kivik/v4 v4.5.2 // indirect
	github.com/google/uuid v1.6.0 // indirect
	github.com/stretchr/testify v1.12.1 // indirect
	golang.org/x/sync v0.11.0 // indirect
)

replace github.com/dmwm/wmstats/schema => ../schema
