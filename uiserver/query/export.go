package query

import (
	"net/url"
	"strings"

	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/web"
)

// Export returns links to the same list for programs; origin is the address of this
// server for the reader. They don't pin a generation, because they may be used
// later, for the workflows at that time.
func (q List) Export(origin string) web.Export {
	return web.Export{
		JSON:   q.fetch(func(a *wire.Query) { a.Envelope, a.Idx = true, q.Idx }),
		NDJSON: q.fetch(func(a *wire.Query) { a.Format, a.All = wire.NDJSON, true }),
		CSV:    q.fetch(func(a *wire.Query) { a.Format, a.All, a.Download = wire.CSV, true, true }),
		Curl:   Curl(origin + q.fetch(func(a *wire.Query) { a.Format, a.All = wire.NDJSON, true })),
	}
}

// NamesOnly returns the address that exports only the names.
func (q List) NamesOnly() string {
	return q.fetch(func(a *wire.Query) {
		a.Format, a.All, a.Download, a.Fields = wire.CSV, true, true, []string{"Workflow"}
	})
}

// fetch returns the address of the list in the API, with a change.
func (q List) fetch(change func(*wire.Query)) string {
	api := q.Top().Query
	change(&api)
	return web.APIPrefix + "/fetch?" + api.Values().Encode()
}

// APIParams returns the conditions as parameters of the API, without page and
// columns.
func (q List) APIParams() url.Values {
	v := q.Query
	v.Limit, v.Idx, v.Gen = 0, 0, ""
	if q.inStandardOrder() {
		v.Sort = nil
	}
	return v.Values()
}

// Curl returns the command that requests an address. Quotes in the address are
// encoded, so that they can't end the argument.
func Curl(address string) string {
	return "curl -sf --compressed '" + strings.ReplaceAll(address, "'", "%27") + "'"
}
