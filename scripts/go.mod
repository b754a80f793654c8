module github.com/dmwm/wmstats/scripts

go 1.26.0

require (
	github.com/dmwm/wmstats/cacheserver v0.0.0
	github.com/dmwm/wmstats/mock v0.0.0
	github.com/dmwm/wmstats/schema v0.0.0
	github.com/dmwm/wmstats/static v0.0.0
	github.com/dmwm/wmstats/uiserver v0.0.0
	github.com/dmwm/wmstats/web v0.0.0
)

require (
	github.com/PuerkitoBio/goquery v1.13.0 // indirect
	github.com/andybalholm/cascadia v1.3.4 // indirect
	github.com/chromedp/cdproto v0.159.0 // indirect
	github.com/chromedp/chromedp v0.22.1 // indirect
	github.com/compose-spec/compose-go/v2 v2.16.2 // indirect
	github.com/go-json-experiment/json v0.0.0-20260213210345-44df1a37e875 // indirect
	github.com/stretchr/testify v1.12.1 // indirect
	golang.org/x/net v0.59.0 // indirect
)

replace (
	github.com/dmwm/wmstats/cacheserver => ../cacheserver
	github.com/dmwm/wmstats/mock => ../mock
	github.com/dmwm/wmstats/schema => ../schema
	github.com/dmwm/wmstats/static => ../static
	github.com/dmwm/wmstats/uiserver => ../uiserver
	github.com/dmwm/wmstats/web => ../web
)
