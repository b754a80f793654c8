package web

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// Frame is shared by all pages: where the reader is, and how fresh the data are.
type Frame struct {
	Title    string // of the document, without the program name
	Section  string // current navigation entry, such as /workflows
	Now      int64  // Unix s
	Assets   AssetURLs
	Data     Data
	Search   string // text of the search box
	Released string // version of the UI server
}

// AssetURLs are the addresses of the embedded files.
type AssetURLs struct{ Style, Script, Icon string }

// State is the freshness of the data of a page.
type State string

const (
	Fresh   State = "fresh"
	Ageing  State = "ageing"  // CouchDB has not answered for a while
	Stale   State = "stale"   // CouchDB does not answer
	Loading State = "loading" // the first full read runs
	Down    State = "down"    // the cache server does not answer
	Unknown State = "unknown" // the state could not be read, but the page could
)

// Data is the state of the cache server as of this page.
type Data struct {
	State      State
	Info       schema.CacheInfo // as far as known
	Generation string           // of the page; may be older than Info's
	Attention  int              // workflows and agents under a rule; 0 also if unknown
	New        int              // those that are new since the reader's last visit of Attention; 0 or less for none
	Newest     string           // address of this page on the newest generation
	Pulse      string           // address that says what changed on the page; "" for none
}

// Tag is the ETag of the pulse that a page has seen: it changes with the newest
// generation, with the state of the data and with the number of new items.
func (d Data) Tag() string {
	return `"` + d.Info.Generation + "." + string(d.State) + "." + strconv.Itoa(max(d.New, 0)) + `"`
}

// htmxConfig are the settings of htmx. It evaluates nothing and inserts no styles,
// as the content security policy requires. It keeps no pages in the browser's
// storage: going back loads the whole page again. A 5xx page is opened instead of
// swapped in, because its Refresh header makes it retry automatically.
const htmxConfig = `{"allowEval":false,"allowScriptTags":false,"includeIndicatorStyles":false,"historyCacheSize":0,` +
	`"refreshOnHistoryMiss":true,"scrollIntoViewOnBoost":false,"defaultSettleDelay":0,` +
	`"responseHandling":[{"code":"5..","swap":false,"error":true},{"code":"...","swap":true}]}`

// boost lets htmx handle the links and forms of an element: it replaces main and
// sets the address as plain navigation would.
var boost = templ.Attributes{"hx-boost": "true"}

// Links of a list replace less than main: the results, and what has the query in its
// own links.
const listParts = "#data,#banner,#notes,#filters,#facets,#views"

var (
	boostSort = templ.Attributes{"hx-boost": "true", "hx-target": "#results", "hx-select": "#results", "hx-select-oob": listParts}
	inResults = templ.Attributes{"hx-target": "#results", "hx-select": "#results", "hx-select-oob": listParts} // around boosted links
)

// Mock reports whether the data are mock data.
func (d Data) Mock() bool {
	return len(d.Info.Source) >= 4 && d.Info.Source[:4] == "mock"
}

// aboutKey is the key of About after g.
const aboutKey = "b"

// navigation lists the entries of the top bar; g and then Key opens one.
var navigation = []struct{ Path, Name, Key string }{
	{OverviewPath, "Overview", "o"},
	{AttentionPath, "Attention", "l"},
	{WorkflowsPath, "Workflows", "w"},
	{CampaignsPath, "Campaigns", "c"},
	{SitesPath, "Sites", "s"},
	{ReleasesPath, "Releases", "r"},
	{AgentsPath, "Agents", "a"},
	{ErrorsPath, "Errors", "e"},
	{APIPrefix, "API", "p"},
}

// Sections returns the addresses in the top bar except the overview, and that of About,
// which is at the foot of the page.
func Sections() []string {
	var paths []string
	for _, entry := range navigation[1:] {
		paths = append(paths, entry.Path)
	}
	return append(paths, AboutPath)
}

// Badge is the number beside an entry of the top bar; "" for none.
func (f Frame) Badge(path string) string {
	if path != AttentionPath || f.Data.Attention <= 0 {
		return ""
	}
	return Int(int64(f.Data.Attention))
}

// Fresh is the number of new items beside an entry of the top bar; "" for none.
func (f Frame) Fresh(path string) string {
	if path != AttentionPath || f.Data.New <= 0 {
		return ""
	}
	return Int(int64(f.Data.New))
}

// Note is a message above the content of a page, such as an invalid parameter in
// the address.
type Note struct {
	Bad   bool
	Text  string
	Links []Link // suggestions
}

// Link is a text with an address.
type Link struct{ Text, Href string }

// Field is one input of a form that carries a value along.
type Field struct{ Name, Value string }

// SourceName is the name of the source of the data for people: CouchDB with its
// host, or the name of a file or of mock data.
func SourceName(source string) string {
	if source == "" {
		return "unnamed"
	}
	if u, err := url.Parse(source); err == nil && u.Host != "" {
		return "CouchDB at " + u.Host
	}
	if seed, ok := strings.CutPrefix(source, "mock seed "); ok {
		return "mock data, seed " + seed
	}
	return source
}

// generationText names the generation of a page and its time.
func generationText(d Data) string {
	var parts []string
	if d.Generation != "" {
		parts = append(parts, "generation "+d.Generation)
	}
	if d.Info.CacheTime > 0 {
		parts = append(parts, UTC(d.Info.CacheTime))
	}
	return strings.Join(parts, ", ")
}

// sourceState describes the state of the source of the data.
func sourceState(d Data) string {
	source := SourceName(d.Info.Source)
	switch d.State {
	case Fresh:
		return source + ": ok"
	case Ageing:
		return source + ": silent"
	case Stale:
		if wire.OfTheLog(d.Info.StaleReason) {
			return d.Info.StaleReason
		}
		return source + ": no answer"
	case Loading:
		return "first full read"
	case Down:
		return "cache server does not answer"
	}
	return "state of CouchDB unknown"
}

// silent says what does not answer.
func silent(reason string) string {
	if wire.OfTheLog(reason) {
		return strings.ToUpper(reason[:1]) + reason[1:]
	}
	return "CouchDB does not answer"
}

// unpinned is the address that the refresh pill links to: the same page on the
// newest generation.
func unpinned(f Frame) string {
	if f.Data.Newest != "" {
		return f.Data.Newest
	}
	return "?"
}
