package query_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/uiserver/query"
	"github.com/dmwm/wmstats/web"
)

// An address returns the pins and the states that it was written from, in any order,
// whatever the names are.
func TestPinsRoundTrip(t *testing.T) {
	names := []string{"plain", "a b", "+%2F|~,", `<script>"'`, "__proto__", "é\u202e", "*", "&pin=site x", strings.Repeat("n", 500)}
	v := url.Values{}
	states := map[web.Pin]web.PinState{}
	for i, name := range names {
		pin := web.Pin{Kind: web.PinKinds()[i%4], Name: name}
		states[pin] = web.PinState{Time: int64(1_760_000_000 + i), Is: "status|" + name, Failure: int64(i) - 1, Success: 1 << 40, Alerts: []string{"site_error", "own +|" + name}[:i%3]}
		if i%3 == 0 {
			states[pin] = web.PinState{}
		}
		v.Add(query.PinParam, pin.Key())
		v[query.SeenParam] = append([]string{query.Token(pin, states[pin])}, v[query.SeenParam]...)
	}
	pins, notes := query.ReadPins(&url.URL{RawQuery: v.Encode()})
	assert.Empty(t, notes)
	require.Len(t, pins.List, len(names))
	for i, pin := range pins.List {
		assert.Equal(t, names[i], pin.Name)
		seen, ok := pins.Seen(pin)
		require.True(t, ok, pin.Name)
		if len(states[pin].Alerts) == 0 {
			seen.Alerts = states[pin].Alerts
		}
		assert.Equal(t, states[pin], seen)
	}
	again, _ := query.ReadPins(parse(t, pins.Address()))
	assert.Equal(t, pins.List, again.List)
	_, ok := again.Seen(again.List[0])
	assert.False(t, ok, "an address for others does not have what this reader has seen")
}

// A value that is not a pin is named, and a state that can't be read is as none.
func TestPinsThatAreNone(t *testing.T) {
	pin := web.Pin{Kind: "site", Name: "T2_CH_CERN"}
	for raw, bad := range map[string]int{
		"": 0, "pin=": 1, "pin=site": 1, "pin=site+": 1, "pin=release+x": 1, "pin=site+T2_CH_CERN&pin=site+T2_CH_CERN": 0,
		"pin=site+T2_CH_CERN&seen=x": 0, "pin=site+T2_CH_CERN&seen=a|b|c|d|e|f": 0, "pin=site+T2_CH_CERN&seen=" + url.QueryEscape(query.Token(web.Pin{Kind: "agent", Name: pin.Name}, web.PinState{})): 0,
		"pin=site+T2_CH_CERN&seen=" + url.QueryEscape(strings.Replace(query.Token(pin, web.PinState{Is: "x"}), "|x|", "|%zz|", 1)): 0,
	} {
		pins, notes := query.ReadPins(&url.URL{RawQuery: raw})
		assert.Len(t, notes, bad, raw)
		_, ok := pins.Seen(pin)
		assert.False(t, ok, raw)
		assert.LessOrEqual(t, len(pins.List), 1, raw)
	}
	v := url.Values{}
	for i := range query.MostPins + 5 {
		v.Add(query.PinParam, fmt.Sprint("workflow w", i))
	}
	pins, notes := query.ReadPins(&url.URL{RawQuery: v.Encode()})
	assert.Len(t, pins.List, query.MostPins)
	assert.Len(t, notes, 1)
	assert.True(t, notes[0].Bad)
}
