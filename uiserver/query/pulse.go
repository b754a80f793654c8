package query

import (
	"net/url"

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

// ReadPulse parses such an address, except the pinned names that the page may add to
// it (ReadPins).
func ReadPulse(u *url.URL) (q wire.Query, since string, err error) {
	values, _ := url.ParseQuery(u.RawQuery)
	since = values.Get(SinceParam)
	for _, other := range []string{SinceParam, PinParam, SeenParam} {
		values.Del(other)
	}
	q, err = wire.ParseQuery(wire.DropEmpty(values))
	return q, since, err
}
