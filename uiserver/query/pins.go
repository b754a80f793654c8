package query

import (
	"fmt"
	"hash/fnv"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/dmwm/wmstats/web"
)

// Parameters of pinned names: pin=KIND NAME for each, and seen=TOKEN with the state
// in which the reader last saw one of them.
const (
	PinParam  = "pin"
	SeenParam = "seen"
)

// MostPins is how many names one address may have.
const MostPins = 20

// Pins are the pinned names of an address, with their states at the last look.
type Pins struct {
	List []web.Pin
	seen map[string]web.PinState // by hash of the name
}

// ReadPins parses the pinned names of an address.
func ReadPins(u *url.URL) (p Pins, notes []web.Note) {
	values, _ := url.ParseQuery(u.RawQuery)
	p.seen = map[string]web.PinState{}
	for _, key := range values[PinParam] {
		kind, name, _ := strings.Cut(key, " ")
		switch one := (web.Pin{Kind: kind, Name: name}); {
		case !slices.Contains(web.PinKinds(), kind) || name == "":
			notes = append(notes, web.Note{Bad: true, Text: fmt.Sprintf("pin=%.80s is not one of %s, a blank and a name.", key, strings.Join(web.PinKinds(), ", "))})
		case slices.Contains(p.List, one):
		case len(p.List) == MostPins:
			return p, append(notes, web.Note{Bad: true, Text: fmt.Sprintf("At most %d names can be pinned. The first %d are shown.", MostPins, MostPins)})
		default:
			p.List = append(p.List, one)
		}
	}
	for _, token := range values[SeenParam] {
		if hash, state, ok := readToken(token); ok {
			p.seen[hash] = state
		}
	}
	return p, notes
}

// Seen returns the state of a name at the last look; false if it is not known.
func (p Pins) Seen(pin web.Pin) (web.PinState, bool) {
	s, ok := p.seen[hashOf(pin)]
	return s, ok
}

// Address returns the address of the page with these names, without their states.
func (p Pins) Address() string {
	v := url.Values{}
	for _, pin := range p.List {
		v.Add(PinParam, pin.Key())
	}
	return At(web.PinnedPath, v)
}

// tokenFields is the number of fields of a token.
const tokenFields = 6

// Token encodes the state of a name for SeenParam. It has a hash of the name, so that
// tokens may come in any order and one of another name is not used.
func Token(pin web.Pin, s web.PinState) string {
	alerts := make([]string, len(s.Alerts))
	for i, a := range s.Alerts {
		alerts[i] = url.QueryEscape(a)
	}
	return strings.Join([]string{
		hashOf(pin), strconv.FormatInt(s.Time, 36), url.QueryEscape(s.Is), strconv.FormatInt(s.Failure, 36), strconv.FormatInt(s.Success, 36), strings.Join(alerts, ";"),
	}, "|")
}

func readToken(token string) (hash string, s web.PinState, ok bool) {
	parts := strings.Split(token, "|")
	if len(parts) != tokenFields {
		return "", s, false
	}
	var errs [4]error
	s.Time, errs[0] = strconv.ParseInt(parts[1], 36, 64)
	s.Is, errs[1] = url.QueryUnescape(parts[2])
	s.Failure, errs[2] = strconv.ParseInt(parts[3], 36, 64)
	s.Success, errs[3] = strconv.ParseInt(parts[4], 36, 64)
	for _, err := range errs {
		if err != nil {
			return "", s, false
		}
	}
	for text := range strings.SplitSeq(parts[5], ";") {
		if alert, err := url.QueryUnescape(text); err == nil && alert != "" {
			s.Alerts = append(s.Alerts, alert)
		}
	}
	return parts[0], s, true
}

func hashOf(pin web.Pin) string {
	h := fnv.New32a()
	h.Write([]byte(pin.Key()))
	return strconv.FormatUint(uint64(h.Sum32()), 36)
}
