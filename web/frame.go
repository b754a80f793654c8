package web

import (
	"net/url"
	"strings"

	"github.com/a-h/templ"

	"github.com/dmwm/wmstats/schema"
)

// Frame is what every page shares: where the reader is, and how fresh the data
// are.
type Frame struct {
	Title    string // of the document, without the name of the program
	Section  string // entry of the navigation that is current, such as /workflows
	Now      int64  // Unix s
	Assets   AssetURLs
	Data     Data
	Search   string // text of the search box
	Released string // version of the UI server
}

// AssetURLs are the addresses of the embedded files.
type AssetURLs struct{ Style, Script, Icon string }

// State says how fresh the data of a page are.
type State string

const (
	Fresh   State = "fresh"
	Ageing  State = "ageing"  // the cache server has not heard of its source for a while
	Stale   State = "stale"   // the source fails
	Loading State = "loading" // the first full read runs
	Down    State = "down"    // the cache server does not answer
	Unknown State = "unknown" // the page came, its state did not
)

// Data is the state of the cache server as of this page.
type Data struct {
	State      State
	Info       schema.CacheInfo // as far as it is known
	Generation string           // that the page was cut from; may be older than Info's
	Attention  int              // workflows and agents under a rule; 0 also when it is not known
	Newest     string           // address of this page on the newest generation
	Pulse      string           // address that tells what changed in what the page shows; "" when nothing can be told
}

// Tag is the ETag of the news that a page has: it changes with the newest
// generation and with the state of the source.
func (d Data) Tag() string { return `"` + d.Info.Generation + "." + string(d.State) + `"` }

// htmxConfig are the settings of htmx. Nothing is evaluated and no style is put
// in, as the content policy demands. No page is kept in the browser's storage:
// a step back reads the page again, whole. A 5xx page is opened, not put in
// place, because its Refresh header makes it try again by itself.
const htmxConfig = `{"allowEval":false,"allowScriptTags":false,"includeIndicatorStyles":false,"historyCacheSize":0,` +
	`"refreshOnHistoryMiss":true,"scrollIntoViewOnBoost":false,"defaultSettleDelay":0,` +
	`"responseHandling":[{"code":"5..","swap":false,"error":true},{"code":"...","swap":true}]}`

// boost lets htmx follow the links and forms of an element: they replace main,
// and the address changes as it would without it.
var boost = templ.Attributes{"hx-boost": "true"}

// Mock reports whether the documents are invented.
func (d Data) Mock() bool {
	return len(d.Info.Source) >= 4 && d.Info.Source[:4] == "mock"
}

// navigation are the entries of the top bar; Key after g leads there.
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
	{AboutPath, "About", "b"},
}

// Sections are the addresses of the top bar, but for the overview.
func Sections() []string {
	var paths []string
	for _, entry := range navigation[1:] {
		paths = append(paths, entry.Path)
	}
	return paths
}

// Badge is the number beside an entry of the top bar; "" for none.
func (f Frame) Badge(path string) string {
	if path != AttentionPath || f.Data.Attention <= 0 {
		return ""
	}
	return Int(int64(f.Data.Attention))
}

// Note is a message above the content of a page: something in the address that
// could not be used, or something the reader should know.
type Note struct {
	Bad   bool
	Text  string
	Links []Link // suggestions
}

// Link is a text with an address.
type Link struct{ Text, Href string }

// Field is one input of a form that carries a value along.
type Field struct{ Name, Value string }

// SourceName is a name of the source for people: the host of its address, or
// what it calls itself.
func SourceName(source string) string {
	if source == "" {
		return "not named"
	}
	if u, err := url.Parse(source); err == nil && u.Host != "" {
		return "CouchDB at " + u.Host
	}
	if seed, ok := strings.CutPrefix(source, "mock seed "); ok {
		return "invented data, seed " + seed
	}
	return source
}

// sourceState says in words how the source is.
func sourceState(d Data) string {
	source := SourceName(d.Info.Source)
	switch d.State {
	case Fresh:
		return "source ok (" + source + ")"
	case Ageing:
		return "source silent (" + source + ")"
	case Stale:
		return "source does not answer (" + source + ")"
	case Loading:
		return "first read of the source"
	case Down:
		return "cache server does not answer"
	}
	return "state of the source not known"
}

// unpinned is where the refresh pill leads: the same page on the newest
// generation. An empty reference is the page itself.
func unpinned(f Frame) string {
	if f.Data.Newest != "" {
		return f.Data.Newest
	}
	return "?"
}
