package simulate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"time"

	"github.com/dmwm/wmstats/schema/wire"
)

// The promises that every run checks our server against.
const (
	Equal    = "I1" // healing after the last fault every record equals a fresh server's, and nothing is marked stale
	Honest   = "I2" // a record that has differed from the source's for a minute is marked stale, with a cause
	Kept     = "I3" // no workflow that the source has leaves the lists
	Answered = "I4" // no list answers 5xx; a scan and /changes are complete
	Stopped  = "I5" // no goroutine is left running after a stop
	Gentle   = "I6" // no requests in a loop without a pause, and none with an old password until the source locks the account
	Judged   = "I7" // own rules hold for the records and the times that they name
)

// Time limits of the promises.
const (
	healing = 5 * time.Minute  // after the last fault
	honesty = time.Minute      // plus the interval of polling
	locked  = 6 * time.Minute  // maximum lockout of an account, plus the time until the next attempt
	slack   = 5 * time.Second  // for a batch that is on its way
	look    = 15 * time.Second // between two checks
)

// Broken is a promise that did not hold.
type Broken struct {
	Promise string
	At      Span // since the start of the run
	What    string
}

func (b *Broken) String() string {
	return fmt.Sprintf("%s broken after %s: %s", b.Promise, b.At, b.What)
}

// listed is a list as the API returned it.
type listed struct {
	generation string
	etag       string
	stale      bool
	reason     string
	rows       map[string]value
	alerts     map[string][]string // by workflow
}

// oracle observes our server from outside, through its API, and compares its
// answers with the content of the source.
type oracle struct {
	w *world

	list     *listed              // the newest of this process; nil: none yet
	seen     map[string]time.Time // workflows in the newest list, and since when this process has had each
	agreed   map[string]time.Time // when a record last equalled the source's
	oddities map[string]oddity
	fresh    time.Time // since when nothing has been marked stale: a record that returned may need a minute to be right
	stale    time.Time // since when something has been marked stale
	reason   string
	lasts    map[string]lasting
	before   time.Time // the previous look
	turn     int
	scan     scan
	follower changesClient
}

func newOracle(w *world) *oracle { return &oracle{w: w} }

// restarted discards the observations of the previous process.
func (o *oracle) restarted() { *o = oracle{w: o.w} }

func (o *oracle) broken(promise, format string, args ...any) *Broken {
	return &Broken{promise, Span(o.w.since()), fmt.Sprintf(format, args...)}
}

const listPath = "/fetch?fields=Status,Priority,Success,Alerts&limit=10000"

// look reads the list and checks all promises except Equal.
func (o *oracle) look() *Broken {
	if n := o.w.source.load.peak(); n > mostAsked {
		return o.broken(Gentle, "the source got more than %d requests in a minute", mostAsked)
	}
	if n := o.w.source.fake.Logins().Locked; n > o.w.locked {
		o.w.locked = n
		if !o.w.excused {
			return o.broken(Gentle, "a password change has led to a lockout")
		}
		o.w.disturbed(locked)
	}
	list, broken := o.read()
	if list == nil || broken != nil {
		return broken
	}
	now := time.Now()
	if list.reason != o.reason {
		o.reason = list.reason
		o.w.trace.add("   state stale=%v %q", list.stale, list.reason)
	}
	if list.stale || o.list == nil {
		o.fresh = now
	}
	if !list.stale {
		o.w.lastFresh = now
	}
	if list.stale && (o.list == nil || !o.list.stale) {
		o.stale = now
	}
	o.list = list
	if broken := o.compare(now); broken != nil {
		return broken
	}
	if broken := o.judged(now); broken != nil {
		return broken
	}
	o.turn++
	if broken := o.answers(); broken != nil {
		return broken
	}
	if broken := o.scan.step(o); broken != nil {
		return broken
	}
	if o.turn%8 == 0 {
		return o.follower.step(o)
	}
	return nil
}

// read requests the list; nil: this process has none yet.
func (o *oracle) read() (*listed, *Broken) {
	etag := ""
	if o.list != nil {
		etag = o.list.etag
	}
	w := o.w.process.get(listPath, "If-None-Match", etag)
	switch {
	case w.Code == http.StatusServiceUnavailable && o.list == nil:
		return nil, nil
	case w.Code == http.StatusNotModified:
	case w.Code != http.StatusOK:
		return nil, o.broken(Answered, "%s answers %d %s", listPath, w.Code, w.Body)
	}
	list, err := parseList(w, o.list)
	if err != nil {
		return nil, o.broken(Answered, "%s: %v", listPath, err)
	}
	return list, nil
}

// parseList reads an answer to listPath; before is the list that it names if it is 304.
func parseList(w *httptest.ResponseRecorder, before *listed) (*listed, error) {
	h := w.Header()
	list := &listed{generation: h.Get(wire.HeaderGeneration), etag: h.Get("ETag"), stale: h.Get(wire.HeaderStale) != "", reason: h.Get(wire.HeaderStaleReason)}
	if w.Code == http.StatusNotModified {
		list.rows, list.alerts = before.rows, before.alerts
		return list, nil
	}
	var err error
	if list.rows, err = parseRows(w.Body.Bytes()); err != nil {
		return nil, err
	}
	if list.alerts, err = parseAlerts(w.Body.Bytes()); err != nil {
		return nil, err
	}
	return list, nil
}

func parseRows(body []byte) (map[string]value, error) {
	var records []struct {
		Workflow, Status  string
		Priority, Success int64
	}
	if err := json.Unmarshal(body, &records); err != nil {
		return nil, fmt.Errorf("not a list: %w", err)
	}
	rows := make(map[string]value, len(records))
	for _, r := range records {
		if _, twice := rows[r.Workflow]; twice {
			return nil, fmt.Errorf("%s appears twice", r.Workflow)
		}
		rows[r.Workflow] = value{r.Status, r.Priority, max(0, r.Success)}
	}
	return rows, nil
}

// compare checks the list against Honest and Kept.
func (o *oracle) compare(now time.Time) *Broken {
	s := o.w.source
	if o.seen == nil {
		o.seen, o.agreed = map[string]time.Time{}, map[string]time.Time{}
	}
	for name, since := range o.seen {
		if _, there := o.list.rows[name]; there {
			continue
		}
		if from, ok := s.since[name]; ok && !from.After(since) && !o.w.hides() {
			return o.broken(Kept, "%s has left the list; the source has it since %s", name, o.w.span(from))
		}
		delete(o.seen, name)
	}
	limit := honesty + slack + time.Duration(o.w.plan.Poll)
	for name, v := range o.list.rows {
		o.seen[name] = now
		if want := s.now[name]; v == want {
			o.agreed[name] = now
		} else {
			if b := o.differs(name, v, want, now, limit); b != nil {
				return b
			}
		}
	}
	for name, want := range s.now {
		if _, there := o.list.rows[name]; !there {
			if b := o.differs(name, absent, want, now, limit); b != nil {
				return b
			}
		}
	}
	return nil
}

// differs checks one record that differs from the source's against Honest.
func (o *oracle) differs(name string, is, want value, now time.Time, limit time.Duration) *Broken {
	right, known := o.w.source.until(name, is)
	if !known { // of documents that arrived out of order, such as one of each database
		right = o.strange(name, is, now)
	}
	// An old value may appear again, computed from other documents.
	if agreed := o.agreed[name]; agreed.After(right) {
		right = agreed
	}
	switch {
	case now.Sub(right) <= limit || o.w.lies():
		return nil
	case o.list.stale:
		began := o.stale
		if right.Before(began) {
			began = right
		}
		if !o.w.explains(o.list.reason, began) {
			return o.broken(Honest, "%s differs since %s; the reason %q names no cause that occurred", name, o.w.span(right), o.list.reason)
		}
		return nil
	case now.Sub(o.fresh) <= limit:
		return nil
	}
	return o.broken(Honest, "%s is %v, the source has %v; differs since %s, and nothing is stale since %s", name, is, want, o.w.span(right), o.w.span(o.fresh))
}

// strange returns when a value that the source never had was first listed.
func (o *oracle) strange(name string, is value, now time.Time) time.Time {
	if o.oddities == nil {
		o.oddities = map[string]oddity{}
	}
	if o.oddities[name].is != is {
		o.oddities[name] = oddity{is, now}
	}
	return o.oddities[name].first
}

// oddity is a value that the source never had.
type oddity struct {
	is    value
	first time.Time
}

// kindsOfList are lists that must always answer.
var kindsOfList = []string{
	"/fetch?limit=5&sort=-Priority", "/sites", "/campaign", "/agent", "/release", "/status", "/stats?by=status&sum=Success", "/attention",
	"/pulse", "/quarantine", "/facet/campaign", "/about", "/fetch?status=running-open&format=csv", "/readyz?verbose",
}

func (o *oracle) answers() *Broken {
	path := kindsOfList[o.turn%len(kindsOfList)]
	w := o.w.process.get(path)
	if w.Code >= 500 && !strings.HasPrefix(path, "/readyz") {
		return o.broken(Answered, "%s answers %d %s", path, w.Code, w.Body)
	}
	return nil
}

// compared are the lists in which a fresh server must return the same.
var compared = []string{"/fetch?limit=all&format=ndjson", "/sites", "/campaign", "/release", "/status"}

// ofTime are the keys that depend on when the server received a document
// (docs/explanation/decisions/0003), and Score, which depends on a rule that does.
var ofTime = regexp.MustCompile(`"(LastAgentUpdate|OldestAgentUpdate|SecondsLeft|Score)":-?[0-9]+,?`)

// ofSince is the alert that depends on since when the server has had a value.
var ofSince = regexp.MustCompile(`,?"` + keptRule + `"`)

// equal compares all records with those of a server that has just read everything.
func (o *oracle) equal() *Broken {
	time.Sleep(slack + time.Duration(o.w.plan.Poll)) // for documents that were written just now
	if broken := o.look(); broken != nil {
		return broken
	}
	if o.list == nil {
		return o.broken(Equal, "the process has no list yet; the last fault ended at %s", o.w.span(o.w.quiet))
	}
	if o.list.stale && o.list.trueLoss(o.w) {
		return o.w.believe()
	}
	if o.list.stale {
		return o.broken(Equal, "the state is stale, %q; the last fault ended at %s", o.list.reason, o.w.span(o.w.quiet))
	}
	fresh, end, err := o.w.fresh()
	if err != nil {
		return o.broken(Equal, "a fresh server: %v", err)
	}
	defer end()
	broken := o.same(fresh)
	// Alerts depend on the time, and each server evaluates them twice a minute: an
	// alert that became due a moment ago may be in only one of the two.
	for tries := 0; broken != nil && tries < 3; tries++ {
		time.Sleep(31 * time.Second)
		broken = o.same(fresh)
	}
	return broken
}

// same compares all lists with those of a fresh server.
func (o *oracle) same(fresh *process) *Broken {
	for _, path := range compared {
		is, want := o.w.process.get(path), fresh.get(path)
		if is.Code != http.StatusOK || want.Code != http.StatusOK {
			return o.broken(Answered, "%s answers %d, a fresh server %d", path, is.Code, want.Code)
		}
		a, b := o.comparable(is.Body.Bytes()), o.comparable(want.Body.Bytes())
		if !bytes.Equal(a, b) {
			return o.broken(Equal, "%s differs from a fresh server's; the last fault ended at %s\n%s", path, o.w.span(o.w.quiet), difference(a, b))
		}
	}
	return nil
}

// ofClocks is the alert that depends on when a document with a future time arrived.
var ofClocks = regexp.MustCompile(`,?"stale_agent"`)

// comparable removes the parts of a body that may differ between two servers.
func (o *oracle) comparable(body []byte) []byte {
	body = ofSince.ReplaceAll(ofTime.ReplaceAll(body, nil), nil)
	if o.w.skewed {
		body = ofClocks.ReplaceAll(body, nil)
	}
	return body
}

// difference returns the first lines that only one of two bodies has, from shortly
// before the place where they begin to differ.
func difference(is, want []byte) string {
	a, b := strings.Split(string(is), "\n"), strings.Split(string(want), "\n")
	for i := range max(len(a), len(b)) {
		x, y := "", ""
		if i < len(a) {
			x = a[i]
		}
		if i < len(b) {
			y = b[i]
		}
		if x == y {
			continue
		}
		at := 0
		for at < min(len(x), len(y)) && x[at] == y[at] {
			at++
		}
		from := max(0, at-30)
		return fmt.Sprintf("is    %s … %s\nfresh %s … %s", head(x, 50), head(x[min(from, len(x)):], 150), head(y, 50), head(y[min(from, len(y)):], 150))
	}
	return "only the order differs"
}
