package legacy

import (
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"
)

// api is one call of the old API.
type api struct {
	path   string // its name
	doc    string
	named  bool     // it takes a name in the path
	params []string // that it takes; "*": any
	plain  bool     // it makes text/plain too, which is what */* gets
	answer func(c *call) error
}

const unknownAPI = "(unknown)"

func (h *Handler) table() map[string]api {
	all := []api{
		{"info", "version of this server", false, nil, false, (*call).info},
		{"teams", "names of teams that agents are of", false, nil, false, (*call).teams},
		{"requestcache", "one row: all current requests with what their agents report, by name", false, nil, true, (*call).requestcache},
		{"filtered_requests", "requests that match all filters, whole or as the masks say", false, []string{"*"}, true, (*call).filtered},
		{"globallocks", "names of the datasets of all locked requests", false, nil, true, (*call).globallocks},
		{"protectedlfns", "folders of unmerged files of all locked requests", false, nil, true, (*call).protectedLFNs},
		{"protectedlfns_final", "the same, as they follow from the names of output datasets", false, nil, true, (*call).protectedFinal},
		{"request", "one row: the request of this name in any status, by name; {} where there is none", true, nil, false, (*call).request},
		{"isfinished", "whether all jobs of the workflow have ended", true, nil, false, (*call).isFinished},
		{"jobdetail", "one row: failing jobs of the workflow by task, state, exit code and site, with samples", true, []string{"sample_size"}, true, (*call).jobDetail},
		{"proc_status", "of this process", false, nil, true, (*call).procStatus},
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

	api   string // for metrics
	from  string // the same
	name  string // in the path
	query query
	media string
	coded bool // the client takes gzip

	answer *answer // nil before it is begun
}

// serve answers; what it returns becomes the error of the call.
func (c *call) serve() error {
	if err := c.admit(); err != nil {
		return err
	}
	if c.r.URL.Path == PathOpenAPI {
		c.api, c.from = "openapi.json", fromMemory
		return c.showOpenAPI()
	}
	parts := strings.Split(strings.TrimPrefix(c.r.URL.EscapedPath(), c.h.prefix), "/")[1:]
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

// arguments reads what stands behind the name of the API.
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

// query is what stands behind the question mark.
type query struct {
	names  []string // in their order, each once
	values map[string][]string
}

// parseQuery reads a query as the old server does: & may stand anywhere, + is a
// space, a name without = is the empty text, and what is no escape stands for
// itself. It is not ok when a text is not UTF-8.
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
