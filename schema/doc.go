// Package schema is the static schema of WMStats: flat records, their form as
// JSON, and the rules of what follows from them (sums, shares, alerts, health of
// agents). How raw documents become records is the business of package raw.
//
// Records have a fixed set of CamelCase keys, always present, one type each, no
// null, so that a client can be written once and a table has columns.
//
// The package is pure. It opens no file and no connection, logs nothing and
// reads no clock: the present time is an argument where a rule needs it. Paging, filtering and storage are
// the business of cacheserver/store, the query language that of schema/wire.
//
// A record is a Go struct whose field names are the JSON keys. Its struct tags
// are the one description of the schema: unit, meaning ("doc"), raw origin
// ("from") and, where it is not the key in lower case, the name of the filter
// parameter ("param"). Describe reads them; docs/reference/schema.md, CSV headers,
// parameter checks and OpenAPI are made from what it returns.
package schema

//go:generate go run ./cmd/schemadoc -o ../docs/reference/schema.md
