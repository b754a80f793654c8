package simulate

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/dmwm/wmstats/schema"
)

// Own rules that every process has: one that depends on the record only, one on
// the record and an age, and one on how long the record has been so.
const (
	failedRule = "sim_failed"
	oldRule    = "sim_old"
	keptRule   = "sim_kept"
)

// keptFor is how long the status of keptRule must last.
const keptFor = 20 * time.Minute

// ticks is the time within which a rule whose time has come must be evaluated.
const ticks = time.Minute

// limits are the thresholds and rules of every process.
func limits() schema.Limits {
	l := schema.DefaultLimits()
	l.Own = []schema.OwnRule{
		{Name: failedRule, Title: "Failed", Query: "status=failed", Severity: schema.SeverityWarning},
		{Name: oldRule, Title: "Acquired for an hour", Query: "status=acquired&minAge=1h", Severity: schema.SeverityWarning},
		{Name: keptRule, Title: "Running open for 20 min", Query: "status=running-open", For: int64(keptFor / time.Second), Severity: schema.SeverityWarning},
	}
	return l
}

// parseAlerts returns the alerts of each workflow of a list.
func parseAlerts(body []byte) (map[string][]string, error) {
	var records []struct {
		Workflow string
		Alerts   []string
	}
	if err := json.Unmarshal(body, &records); err != nil {
		return nil, fmt.Errorf("not a list: %w", err)
	}
	alerts := make(map[string][]string, len(records))
	for _, r := range records {
		alerts[r.Workflow] = r.Alerts
	}
	return alerts, nil
}

// lasting is one version of a workflow, which all looks since a time have had.
type lasting struct {
	version value // without Success, which changes with reports
	since   time.Time
	other   time.Time // the last look before, with another version; zero: this process had none
}

// judged checks the own rules of the list: that of the status in each record, and
// that of a lasting status as far as all looks had the same version of the request,
// in the list and in the source.
func (o *oracle) judged(now time.Time) *Broken {
	if o.lasts == nil {
		o.lasts = map[string]lasting{}
	}
	for name := range o.lasts {
		if _, there := o.list.rows[name]; !there {
			delete(o.lasts, name)
		}
	}
	for name, row := range o.list.rows {
		failed, kept := slices.Contains(o.list.alerts[name], failedRule), slices.Contains(o.list.alerts[name], keptRule)
		open := row.Status == "running-open"
		switch {
		case failed != (row.Status == "failed"):
			return o.broken(Judged, "%s is %s, and its alerts are %v", name, row.Status, o.list.alerts[name])
		case kept && !open:
			return o.broken(Judged, "%s is %s, and has the alert of running-open", name, row.Status)
		}
		version := value{Status: row.Status, Priority: row.Priority}
		was, known := o.lasts[name]
		if !known || was.version != version {
			next := lasting{version: version, since: now}
			if known && was.version.Status != row.Status {
				next.other = o.before
			}
			o.lasts[name], was = next, next
		}
		if right := o.w.source.now[name]; right.Status != version.Status || right.Priority != version.Priority {
			was.since = now // another version may have come and gone
			o.lasts[name] = was
		}
		switch {
		case kept && !was.other.IsZero() && now.Sub(was.other) < keptFor:
			return o.broken(Judged, "%s has the alert of %s in running-open after less than %s", name, keptFor, now.Sub(was.other))
		case open && !kept && now.Sub(was.since) > keptFor+ticks+slack && !o.w.lies() && !o.w.hides():
			return o.broken(Judged, "%s is running-open for %s, and its alerts are %v", name, now.Sub(was.since), o.list.alerts[name])
		}
	}
	o.before = now
	return nil
}
