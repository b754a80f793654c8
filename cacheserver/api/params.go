package api

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/cacheserver/api/negotiate"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// methodQuery is the safe method with a body (RFC 10008).
const methodQuery = "QUERY"

// onlyParams returns the parameters, which must not be changed, and rejects
// unknown ones.
func onlyParams(c echo.Context, allowed ...string) (url.Values, error) {
	if c.Request().URL.RawQuery == "" {
		return nil, nil
	}
	v := c.QueryParams()
	unknown, found := "", false // the first of them by name
	for name := range v {
		if !slices.Contains(allowed, name) && (!found || name < unknown) {
			unknown, found = name, true
		}
	}
	if found {
		return nil, wire.UnknownParameter(unknown, wire.Near(unknown, allowed, 3))
	}
	return v, nil
}

// listParams are the parameters of lists other than workflows.
type listParams struct {
	wire.Query          // Gen, Format, Download
	keys       []string // projection
}

// parseListParams reads gen, format, dl and fields, and leaves those named in
// own to the caller. fields are those of the records of the list; the first,
// their name, is always included.
func parseListParams(c echo.Context, fields []schema.Field, own ...string) (p listParams, err error) {
	v, err := onlyParams(c, append([]string{"gen", "format", "dl", "fields"}, own...)...)
	if err != nil {
		return p, err
	}
	v = maps.Clone(v)
	for _, name := range own {
		delete(v, name)
	}
	asked := v["fields"]
	delete(v, "fields")
	if p.Query, err = wire.ParseQuery(v); err != nil {
		return p, err
	}
	p.keys, err = readKeys(fields, asked)
	return p, err
}

// namesIn returns the names in the values of a parameter.
func namesIn(values []string) []string {
	if len(values) == 0 {
		return nil
	}
	return strings.Split(strings.Join(values, ","), ",")
}

// fieldNamed looks up a field of a record by its key, ignoring case. param is
// the parameter that names it.
func fieldNamed(param string, fields []schema.Field, name string) (schema.Field, error) {
	i := slices.IndexFunc(fields, func(f schema.Field) bool { return strings.EqualFold(f.Key, name) })
	if i < 0 {
		return schema.Field{}, wire.UnknownField(param, name, wire.Near(name, keysOf(fields), 3))
	}
	return fields[i], nil
}

// readKeys reads fields= over the keys of a record; nil: all. The first one,
// its name, is always included.
func readKeys(fields []schema.Field, values []string) (keys []string, err error) {
	for _, name := range namesIn(values) {
		if keys == nil {
			keys = []string{fields[0].Key}
		}
		f, err := fieldNamed("fields", fields, name)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(keys, f.Key) {
			keys = append(keys, f.Key)
		}
	}
	return keys, nil
}

func keysOf(fields []schema.Field) []string {
	keys := make([]string, len(fields))
	for i, f := range fields {
		keys[i] = f.Key
	}
	return keys
}

// pageParams are the parameters of a list that select nothing.
var pageParams = []string{"sort", "fields", "facets", "idx", "limit", "after", "last", "envelope", "dl"}

// parseFilter reads the filters of /fetch and rejects parameters about pages.
func parseFilter(v url.Values, own ...string) (wire.Query, error) {
	if err := noPage(v, own); err != nil {
		return wire.Query{}, err
	}
	return wire.ParseQueryExcept(v, own...)
}

// noPage rejects parameters about pages, but for those that the path has itself.
func noPage(v url.Values, own []string) error {
	for _, name := range pageParams {
		for given := range v {
			if strings.EqualFold(given, name) && !slices.Contains(own, given) {
				return wire.UnknownParameter(given, own)
			}
		}
	}
	return nil
}

// fieldList reads a parameter that names fields, and returns their keys.
func fieldList(v url.Values, param string, most int, allowed func(schema.Field) bool) ([]string, error) {
	var keys []string
	for _, value := range v[param] {
		for name := range strings.SplitSeq(value, ",") {
			if param == "by" && strings.EqualFold(name, wire.AgeField) && !slices.Contains(keys, wire.AgeField) {
				keys = append(keys, wire.AgeField)
				continue
			}
			f, err := wire.FieldNamed(param, name)
			switch {
			case err != nil:
				return nil, err
			case !allowed(f):
				return nil, wire.BadValue(param, fmt.Sprintf("%s can't be used in %s=: sums need integer fields, and groups any field that is not a fraction.", f.Key, param))
			case slices.Contains(keys, f.Key):
				return nil, wire.BadValue(param, fmt.Sprintf("%q appears more than once.", f.Key))
			}
			keys = append(keys, f.Key)
		}
	}
	if len(keys) > most {
		return nil, wire.BadValue(param, fmt.Sprintf("%[2]s= accepts at most %[1]d fields.", most, param))
	}
	return keys, nil
}

// readEnvelope reads envelope= where a list has no pages.
func readEnvelope(values []string, format wire.Format) (bool, error) {
	v := url.Values{}
	if len(values) > 0 {
		v["envelope"] = values
	}
	if format != "" {
		v.Set("format", string(format))
	}
	q, err := wire.ParseQuery(v)
	return q.Envelope, err
}

// limitOf returns the maximum length of a page of workflows; 0: all.
func limitOf(q wire.Query) int {
	if q.All {
		return 0
	}
	return q.PageLimit()
}

// chooseFormat returns the representation that the client asked for: format=
// before Accept, and JSON by default.
func chooseFormat(c echo.Context, asked wire.Format, offered ...wire.Format) (wire.Format, error) {
	if asked != "" {
		if slices.Contains(offered, asked) {
			return asked, nil
		}
		return "", wire.NotAcceptable(string(asked), mediaOf(offered))
	}
	if len(c.Request().Header["Accept"]) == 0 {
		return offered[0], nil
	}
	names := make([][]string, 0, len(offered))
	for _, f := range offered {
		names = append(names, f.MediaTypes())
	}
	accept := strings.Join(c.Request().Header.Values("Accept"), ",")
	i, ok := negotiate.Media(accept, names)
	if !ok {
		return "", wire.NotAcceptable(accept, mediaOf(offered))
	}
	return offered[i], nil
}

func mediaOf(formats []wire.Format) []string {
	types := make([]string, 0, len(formats))
	for _, f := range formats {
		types = append(types, f.MediaTypes()[0])
	}
	return types
}

// listFormat is chooseFormat with the rule that an envelope is JSON.
func listFormat(c echo.Context, q wire.Query) (wire.Format, error) {
	if q.Envelope {
		return chooseFormat(c, q.Format, wire.JSON)
	}
	return chooseFormat(c, q.Format, wire.Formats()...)
}

// preferredWait returns how long the client is willing to wait for data read
// on demand (Prefer: wait=4, RFC 7240); ok is false when it does not say.
func preferredWait(h http.Header) (wait time.Duration, ok bool) {
	const most = 24 * time.Hour
	for _, line := range h["Prefer"] {
		for part := range strings.SplitSeq(line, ",") {
			name, value, _ := strings.Cut(part, "=")
			if !strings.EqualFold(strings.TrimSpace(name), "wait") {
				continue
			}
			value, _, _ = strings.Cut(value, ";")
			if n, err := strconv.Atoi(strings.Trim(value, " \t\"")); err == nil && n >= 0 && n <= int(most/time.Second) {
				return time.Duration(n) * time.Second, true
			}
		}
	}
	return 0, false
}

func isHead(c echo.Context) bool { return c.Request().Method == http.MethodHead }

// readOrder reads sort= over the keys of a record.
func readOrder(fields []schema.Field, values []string) (order []wire.SortKey, err error) {
	for _, name := range namesIn(values) {
		name, desc := strings.CutPrefix(name, "-")
		f, err := fieldNamed("sort", fields, name)
		switch {
		case err != nil:
			return nil, err
		case slices.ContainsFunc(order, func(k wire.SortKey) bool { return k.Field == f.Key }):
			return nil, wire.BadValue("sort", fmt.Sprintf("%q appears more than once.", f.Key))
		}
		order = append(order, wire.SortKey{Field: f.Key, Desc: desc})
	}
	return order, nil
}

// atMostOnce rejects parameters that are given several times.
func atMostOnce(v url.Values, names ...string) error {
	for _, name := range names {
		if len(v[name]) > 1 {
			return wire.BadValue(name, "The parameter may appear only once.")
		}
	}
	return nil
}

// sinceTime reads since=: a time, or an age before now. Without a value it is 0.
func sinceTime(values []string, now time.Time) (since int64, err error) {
	if len(values) == 0 || values[0] == "" {
		return 0, nil
	}
	bound, err := wire.ParseQuery(url.Values{"since": values})
	if err != nil {
		return 0, err
	}
	for _, t := range bound.Terms {
		since = int64(t.Number)
		if t.Op == wire.MaxAge {
			since = now.Unix() - int64(t.Number)
		}
	}
	return since, nil
}

// mostLines is the maximum number of names in one request.
const mostLines = 200

// present removes empty values and duplicates.
func present(values []string) []string {
	var out []string
	known := map[string]bool{"": true}
	for _, v := range values {
		if !known[v] {
			known[v] = true
			out = append(out, v)
		}
	}
	return out
}
