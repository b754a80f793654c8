// Package schema is the static schema of WMStats: flat records, their JSON
// form, and the rules that derive sums, shares, alerts and the health of
// agents. Package raw turns raw documents into records.
//
// Records have a fixed set of CamelCase keys. Each key is always present, has
// one type and is never null, so a client can be written once and a table has
// columns.
//
// The package is pure. It opens no files or connections, logs nothing and reads
// no clock: a rule that needs the present time takes it as an argument. Paging,
// filtering and storage belong to cacheserver/store, the query language to
// schema/wire.
//
// A record is a Go struct whose field names are the JSON keys. Its struct tags
// are the only description of the schema: unit, meaning ("doc"), raw origin
// ("from") and, where it is not the key in lower case, the name of the filter
// parameter ("param"). Describe reads them; docs/reference/schema.md, CSV
// headers, parameter checks and OpenAPI are generated from its result.
package schema

//go:generate go run ./cmd/schemadoc -o ../docs/reference/schema.md
