package query

import (
	"net/url"
	"slices"
	"strconv"

	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/web"
)

// SinceParam is the parameter with the generation shown by an open page.
const SinceParam = "since"

// PulseAddress returns the address that an open page polls for changes under the
// conditions of q; "" if its generation is unknown.
func PulseAddress(q wire.Query, generation string) string {
	if generation == "" {
		return ""
	}
	return web.PulsePath + "?" + q.ValuesSince(generation).Encode()
}

// PulseOfRows is PulseAddress for the rows that a list shows: the address has the
// order, the place and the columns too. Its limit tells it from the others.
func PulseOfRows(q List, generation string) string {
	if generation == "" {
		return ""
	}
	v := q.ValuesSince(generation)
	for name, values := range q.Params() {
		if slices.Contains([]string{sortParam, "idx", "after", ColsParam}, name) {
			v[name] = values
		}
	}
	v.Set("limit", strconv.Itoa(q.Limit))
	return web.PulsePath + "?" + v.Encode()
}

// ReadPulse parses such an address, except the pinned names that the page may add to
// it (ReadPins). rows says that q is a list with its fields, not only conditions.
func (l *Lists) ReadPulse(u *url.URL) (q wire.Query, rows bool, since string, err error) {
	values, _ := url.ParseQuery(u.RawQuery)
	since = values.Get(SinceParam)
	for _, other := range []string{SinceParam, PinParam, SeenParam} {
		values.Del(other)
	}
	if rows = values.Has("limit"); !rows {
		q, err = wire.ParseQuery(wire.DropEmpty(values))
		return q, rows, since, err
	}
	if _, err = wire.ParseQueryExcept(wire.DropEmpty(values), ColsParam); err != nil {
		return q, rows, since, err
	}
	list, _ := l.Read(&url.URL{Path: u.Path, RawQuery: values.Encode()})
	q = list.Query
	q.Fields = l.Fields(list)
	return q, rows, since, nil
}
