package alertmanager

import (
	"encoding/json"
	"maps"
	"slices"
	"time"
)

// perPost is the largest number of alerts in a post, and of alerts that hold:
// beyond it a rule is posted as one alert.
const perPost = 2000

// alert is one alert that holds.
type alert struct {
	labels      map[string]string // its identity; empty ones are left out
	annotations map[string]string
	link        string    // page of the dashboard; "": none
	since       time.Time // zero: unknown
}

// entry is an alert in a set.
type entry struct {
	alert
	starts, ends time.Time // ends: zero while it holds
}

// set are the alerts that hold, and those that ended lately, by identity.
type set struct {
	remember time.Duration // how long an alert is posted as ended, and how long after a post it ends if no other follows
	entries  map[string]*entry
}

func newSet(remember time.Duration) set {
	return set{remember: remember, entries: map[string]*entry{}}
}

// update makes alerts those that hold, and reports whether one began or ended.
// An alert whose labels change ends under the old ones and begins under the
// new ones.
func (s *set) update(alerts []alert, now time.Time) (changed bool) {
	holds := make(map[string]bool, len(alerts))
	for _, a := range alerts {
		key := identity(a.labels)
		holds[key] = true
		e := s.entries[key]
		if e == nil || !e.ends.IsZero() {
			e = &entry{starts: now}
			s.entries[key] = e
			changed = true
		}
		e.alert = a
		// Alertmanager puts an alert without a start into the future, and
		// refuses one that starts after its end. So an unknown start is when
		// the alert was first seen; of several servers it keeps the earliest.
		if !a.since.IsZero() && !a.since.After(now) {
			e.starts = a.since
		}
	}
	for key, e := range s.entries {
		switch {
		case holds[key]:
		case e.ends.IsZero():
			e.ends, changed = now, true
		case now.Sub(e.ends) > s.remember: // it has ended in any case
			delete(s.entries, key)
		}
	}
	return changed
}

// identity returns the labels as one text.
func identity(labels map[string]string) string {
	maps.DeleteFunc(labels, func(_, value string) bool { return value == "" })
	key, _ := json.Marshal(labels) // keys are sorted; texts have no error
	return string(key)
}

// posted is an alert as Alertmanager's API wants it.
type posted struct {
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations"`
	StartsAt     time.Time         `json:"startsAt"`
	EndsAt       time.Time         `json:"endsAt"`
	GeneratorURL string            `json:"generatorURL,omitempty"`
}

// bodies returns the set as requests, those that hold first.
func (s *set) bodies(now time.Time) (bodies [][]byte) {
	var hold, over []posted
	for _, key := range slices.Sorted(maps.Keys(s.entries)) {
		e := s.entries[key]
		p := posted{e.labels, e.annotations, e.starts.UTC(), now.Add(s.remember).UTC(), e.link}
		if e.ends.IsZero() {
			hold = append(hold, p)
			continue
		}
		p.EndsAt = e.ends.UTC()
		over = append(over, p)
	}
	all := slices.Concat(hold, over)
	if len(all) == 0 {
		return [][]byte{[]byte("[]")} // shows that the member accepts posts
	}
	for chunk := range slices.Chunk(all, perPost) {
		body, _ := json.Marshal(chunk) // texts and times of this century have no error
		bodies = append(bodies, body)
	}
	return bodies
}
