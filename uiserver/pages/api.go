package pages

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/uiserver/query"
	"github.com/dmwm/wmstats/web"
)

// tryParam is a path of the API; the page shows the start of its response.
const (
	tryParam = "try"
	tryBytes = 2 << 10
)

// api is the page that describes the API: its paths and parameters from the OpenAPI
// document of the cache server, and examples for the reader's query in several
// languages. The examples are shown even if the cache server is down.
func (p *Pages) api(c echo.Context) error {
	line, u, asked := query.CutLine(c.Request().URL)
	q, notes := p.lists.Read(u, tryParam)
	if asked {
		next, mistakes := q.Ask(line)
		if len(mistakes) == 0 {
			return redirect(c, http.StatusSeeOther, web.APIPrefix+"?"+next.APIParams().Encode())
		}
		notes = append(notes, web.Note{Bad: true, Text: "Invalid filter: " + mistakes[0].Text})
	} else {
		line = query.Line(q.Query)
	}
	r := p.begin(c)
	doc := r.Apart().OpenAPI()
	state, _ := r.Wait()
	base := origin(c.Request()) + web.APIPrefix
	page := web.APIPage{
		Frame: p.frame(web.APIPrefix, "API", state, noMeta), Notes: notes, Base: base, Line: line,
		Recipes: recipes(base, q.APIParams()), Endpoints: describe(doc.Value, q.APIParams()),
	}
	if doc.Err != nil {
		page.Missing = "The OpenAPI document is unavailable, so the endpoints are not listed."
	}
	if path := u.Query().Get(tryParam); path != "" {
		p.try(c, &page, path, q.APIParams())
	}
	retryLater(c, page.Data.State)
	return p.render(c, status(page.Notes), web.API(page))
}

// try requests a path from the cache server and shows the start of the response.
// Only paths that the page lists with a link are allowed.
func (p *Pages) try(c echo.Context, page *web.APIPage, path string, filters url.Values) {
	i := slices.IndexFunc(page.Endpoints, func(e web.Endpoint) bool { return e.Path == web.APIPrefix+path && e.Try != "" })
	if i < 0 {
		page.Notes = append(page.Notes, web.Note{Bad: true, Text: "'" + wire.Shorten(path) + "' can't be tried here."})
		return
	}
	params := url.Values{}
	if page.Endpoints[i].Filters {
		params = maps.Clone(filters)
	}
	r := p.more(c)
	peek := r.Peek(path, params, tryBytes)
	_, err := r.Wait()
	answer := peek.Value
	page.Tried = &web.Tried{Address: web.APIPrefix + path, Status: answer.Status, Type: answer.ContentType, Text: strings.ToValidUTF8(string(answer.Body), "\uFFFD"), More: answer.More}
	if len(params) > 0 {
		page.Tried.Address += "?" + params.Encode()
	}
	if err != nil {
		page.Tried.Text = "The cache server did not answer."
		if problem := wire.ProblemOf(err); problem != nil {
			page.Tried.Text = problem.Detail
		} else {
			p.Log.Warn("example request to the API failed", "path", path, "err", err)
		}
	}
}

// tryable reports whether a path can be tried: it has no name in it, answers at
// once, and is not the OpenAPI document itself.
func tryable(path string) bool {
	return !strings.ContainsAny(path, "{") && !slices.Contains([]string{"/openapi.json", "/metrics", "/"}, path)
}

// describe returns the endpoints of an OpenAPI document. Parts of an unexpected form
// are skipped.
func describe(doc map[string]any, filters url.Values) []web.Endpoint {
	paths, _ := doc["paths"].(map[string]any)
	components, _ := doc["components"].(map[string]any)
	shared, _ := components["parameters"].(map[string]any)
	var out []web.Endpoint
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		if path == "/metrics" || path == "/" {
			continue // not forwarded
		}
		methods, _ := paths[path].(map[string]any)
		for _, method := range slices.Sorted(maps.Keys(methods)) {
			operation, _ := methods[method].(map[string]any)
			e := web.Endpoint{Method: strings.ToUpper(method), Path: web.APIPrefix + path, Purpose: textIn(operation, "summary")}
			e.Params, e.Filters = params(operation, shared)
			if strings.HasPrefix(path, "/suggest/") {
				e.Params = nil // those of the list that it is about
			}
			if method == "get" && tryable(path) {
				e.Try = web.APIPrefix + "?" + withTry(filters, path).Encode() + "#try-h"
				e.Href = web.APIPrefix + path
				if e.Filters && len(filters) > 0 {
					e.Href += "?" + filters.Encode()
				}
			}
			out = append(out, e)
		}
	}
	return out
}

func withTry(filters url.Values, path string) url.Values {
	v := maps.Clone(filters)
	v.Set(tryParam, path)
	return v
}

// params returns the parameters of an operation. The filters that endpoints share
// with /fetch are listed for /fetch only; for the others, filters is true.
func params(operation, shared map[string]any) (own []web.Param, filters bool) {
	list, _ := operation["parameters"].([]any)
	for _, item := range list {
		param, _ := item.(map[string]any)
		ref := textIn(param, "$ref")
		if ref == "" {
			own = append(own, web.Param{Name: textIn(param, "name"), In: textIn(param, "in"), Text: textIn(param, "description"), Example: textIn(param, "example")})
			continue
		}
		name := ref[strings.LastIndexByte(ref, '/')+1:]
		if named, ok := shared[name].(map[string]any); ok {
			filters = filters || name == "status"
			if !strings.HasPrefix(textIn(operation, "summary"), "list of workflows") && name != "format" && name != "gen" {
				continue
			}
			own = append(own, web.Param{Name: textIn(named, "name"), In: textIn(named, "in"), Text: textIn(named, "description"), Example: textIn(named, "example")})
		}
	}
	return own, filters
}

// textIn returns a text of an object, or the first text of a list; "" for others.
func textIn(object map[string]any, key string) string {
	switch v := object[key].(type) {
	case string:
		return v
	case []any:
		if len(v) > 0 {
			text, _ := v[0].(string)
			return text
		}
	}
	return ""
}

// recipes returns examples for the reader's query in several languages.
func recipes(base string, filters url.Values) []web.Recipe {
	all := maps.Clone(filters)
	all.Set("limit", "all")
	all.Set("format", "ndjson")
	lines := base + "/fetch?" + all.Encode()
	plain := base + "/fetch"
	if len(filters) > 0 {
		plain += "?" + filters.Encode()
	}
	return []web.Recipe{
		{Title: "curl", Command: query.Curl(plain)},
		{Title: "curl and jq: one line per workflow", Command: query.Curl(lines) + " | jq -c '{Workflow,Status,Failure,FailureRate}'"},
		{Title: "curl: CSV file", Command: query.Curl(strings.Replace(lines, "format=ndjson", "format=csv", 1)) + " -o workflows.csv"},
		{Title: "Python", Command: "import json, urllib.request\n\nwith urllib.request.urlopen(" + pythonText(lines) + ") as lines:\n    for line in lines:\n        workflow = json.loads(line)\n        print(workflow[\"Workflow\"], workflow[\"Failure\"])"},
		{Title: "Go", Command: "res, err := http.Get(" + pythonText(lines) + ")\nif err != nil {\n\treturn err\n}\ndefer res.Body.Close()\nif res.StatusCode != http.StatusOK {\n\treturn errors.New(res.Status)\n}\nfor lines := json.NewDecoder(res.Body); ; {\n\tvar workflow struct {\n\t\tWorkflow string\n\t\tFailure  int64\n\t}\n\tif err := lines.Decode(&workflow); err == io.EOF {\n\t\treturn nil\n\t} else if err != nil {\n\t\treturn err\n\t}\n\tfmt.Println(workflow.Workflow, workflow.Failure)\n}"},
		{Title: "Has anything changed?", Command: "curl -sf '" + base + "/pulse' | jq '{Generation,Workflows,Stale}'"},
	}
}

// pythonText formats an address as a string literal of Python and Go. An encoded
// address has neither quotes nor backslashes.
func pythonText(address string) string { return `"` + address + `"` }
