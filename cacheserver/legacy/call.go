package legacy

import (
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"
)

// api describes one call of the old API.
type api struct {
	path   string // its name in the URL
	doc    string
	named  bool     // the path ends with the name of a workflow
	params []string // accepted query parameters; "*": any
	plain  bool     // text/plain is supported too, and */* selects it
	answer func(c *call) error
}

const unknownAPI = "(unknown)"

func (h *Handler) table() map[string]api {
	all := []api{
		{"info", "version of this server", false, nil, false, (*call).info},
		{"teams", "names of the teams of all agents", false, nil, false, (*call).teams},
		{"requestcache", "one row: all current requests with their agents' reports, by name", false, nil, true, (*call).requestcache},
		{"filtered_requests", "requests that match all filters: whole, or the properties named by mask", false, []string{"*"}, true, (*call).filtered},
		{"globallocks", "names of the datasets of all locked requests", false, nil, true, (*call).globallocks},
		{"protectedlfns", "directories of unmerged files of all locked requests", false, nil, true, (*call).protectedLFNs},
		{"protectedlfns_final", "the same directories, derived from the names of output datasets", false, nil, true, (*call).protectedFinal},
		{"request", "one row: the request with this name, in any status; {} if there is none", true, nil, false, (*call).request},
		{"isfinished", "whether all jobs of the workflow have ended", true, nil, false, (*call).isFinished},
		{"jobdetail", "one row: failing jobs of the workflow by task, state, exit code and site, with samples", true, []string{"sample_size"}, true, (*call).jobDetail},
		{"proc_status", "process id, time and uptime of this server", false, nil, true, (*call).procStatus},
	}
	apis := map[string]api{}
	for _, a := range all {
		switch {
		case h.o.TierZero && a.path != "requestcache" && a.path != "info" && a.path != "jobdetail":
		case a.path == "requestcache" && h.o.AtOnce < 0:
		default:
			apis[a.path] = a
		}
	}
	return apis
}

// call is one request to the old API.
type call struct {
	h     *Handler
	w     http.ResponseWriter
	r     *http.Request
	began time.Time

	api   string // label for metrics
	from  string // label for metrics
	name  string // from the path
	query query
	media string
	coded bool // the answer is compressed with gzip

	answer *answer // nil until begin
}

// serve writes the answer, or returns an error for fail to write.
func (c *call) serve() error {
	if err := c.admit(); err != nil {
		return err
	}
	if single(c.r.URL.Path) == PathOpenAPI {
		c.api, c.from = "openapi.json", fromMemory
		return c.showOpenAPI()
	}
	parts := strings.Split(strings.TrimPrefix(single(c.r.URL.EscapedPath()), c.h.prefix), "/")[1:]
	if n := len(parts); n > 0 && parts[n-1] == "" {
		parts = parts[:n-1]
	}
	if len(parts) == 0 {
		return errNoAPI
	}
	a, ok := c.h.apis[parts[0]]
	if !ok {
		return errUnknownAPI
	}
	c.api = a.path
	if c.r.Method != http.MethodGet && c.r.Method != http.MethodHead {
		return errMethod
	}
	var acceptable bool
	if c.media, acceptable = chooseMedia(c.r.Header.Values("Accept"), a.plain); !acceptable {
		return errNotAcceptable
	}
	c.coded = takesGzip(c.r.Header.Values("Accept-Encoding"))
	if err := c.arguments(a, parts[1:]); err != nil {
		return err
	}
	c.h.note(c)
	return a.answer(c)
}

// arguments parses the rest of the path and the query.
func (c *call) arguments(a api, path []string) error {
	var ok bool
	if c.query, ok = parseQuery(c.r.URL.RawQuery); !ok {
		return invalid("The query is not UTF-8.")
	}
	for _, name := range c.query.names {
		if len(a.params) == 0 || a.params[0] != "*" && a.params[0] != name {
			return invalid("There is no parameter " + name + ".")
		}
	}
	switch {
	case a.named && len(path) == 0:
		return errNoName
	case a.named && len(path) == 1:
		name, err := url.PathUnescape(path[0])
		if err != nil || !utf8.ValidString(name) {
			return invalid("The name in the path is not UTF-8.")
		}
		c.name = name
	case len(path) > 0:
		return invalid("The path has more segments than this call takes.")
	}
	return nil
}

// query holds the parsed query parameters.
type query struct {
	names  []string // in order of first occurrence
	values map[string][]string
}

// parseQuery parses a query as the old server does: extra & are ignored, + is a
// space, a name without = has an empty value, and an invalid escape is kept as it
// is. Not ok if a name or value is not UTF-8.
func parseQuery(raw string) (q query, ok bool) {
	q.values = map[string][]string{}
	for pair := range strings.SplitSeq(raw, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name, value = unescape(name), unescape(value)
		if !utf8.ValidString(name) || !utf8.ValidString(value) {
			return query{}, false
		}
		if _, known := q.values[name]; !known {
			q.names = append(q.names, name)
		}
		q.values[name] = append(q.values[name], value)
	}
	return q, true
}

func unescape(text string) string {
	if !strings.ContainsAny(text, "%+") {
		return text
	}
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '+':
			out = append(out, ' ')
		case text[i] == '%' && i+2 < len(text) && digit(text[i+1]) >= 0 && digit(text[i+2]) >= 0:
			out = append(out, byte(digit(text[i+1])<<4|digit(text[i+2]))) //nolint:gosec // two digits
			i += 2
		default:
			out = append(out, text[i])
		}
	}
	return string(out)
}

func digit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
