package query

import (
	"net/url"

	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/web"
)

// SinceParam is the generation that an open page shows.
const SinceParam = "since"

// PulseAddress is where a page on the conditions of q asks for its news; "" when
// its generation is not known.
func PulseAddress(q wire.Query, generation string) string {
	if generation == "" {
		return ""
	}
	v := Conditions(q).Values()
	if at := v.Get(SinceParam); at != "" { // since= is the generation here, as in /changes
		v.Set("minStatusTime", at)
	}
	v.Set(SinceParam, generation)
	return web.PulsePath + "?" + v.Encode()
}

// ReadPulse reads such an address.
func ReadPulse(u *url.URL) (q wire.Query, since string, err error) {
	values, _ := url.ParseQuery(u.RawQuery)
	since = values.Get(SinceParam)
	values.Del(SinceParam)
	q, err = wire.ParseQuery(wire.DropEmpty(values))
	return q, since, err
}
