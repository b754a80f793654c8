package query

import (
	"net/url"
	"strings"

	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/web"
)

// Export are links to the same list for programs; origin is this server as the
// reader sees it. They don't pin a generation: who reads them later wants the
// workflows of then.
func (q List) Export(origin string) web.Export {
	return web.Export{
		JSON:   q.fetch(func(a *wire.Query) { a.Envelope, a.Idx = true, q.Idx }),
		NDJSON: q.fetch(func(a *wire.Query) { a.Format, a.All = wire.NDJSON, true }),
		CSV:    q.fetch(func(a *wire.Query) { a.Format, a.All, a.Download = wire.CSV, true, true }),
		Curl:   Curl(origin + q.fetch(func(a *wire.Query) { a.Format, a.All = wire.NDJSON, true })),
	}
}

// NamesOnly is the export of the names alone.
func (q List) NamesOnly() string {
	return q.fetch(func(a *wire.Query) {
		a.Format, a.All, a.Download, a.Fields = wire.CSV, true, true, []string{"Workflow"}
	})
}

// fetch is the list at the API, with a change.
func (q List) fetch(change func(*wire.Query)) string {
	api := q.Top().Query
	change(&api)
	return web.APIPrefix + "/fetch?" + api.Values().Encode()
}

// APIParams are the conditions as parameters of the API, without page and
// columns.
func (q List) APIParams() url.Values {
	v := q.Query
	v.Limit, v.Idx, v.Gen = 0, 0, ""
	return v.Values()
}

// Curl is the command that asks for an address; a quote in the address can't end
// the argument.
func Curl(address string) string {
	return "curl -sf --compressed '" + strings.ReplaceAll(address, "'", "%27") + "'"
}
