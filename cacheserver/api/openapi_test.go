package api_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/api"
	"github.com/dmwm/wmstats/schema/wire"
)

func (f *fixture) description(headers ...string) *openapi3.T {
	f.t.Helper()
	a := f.get("/openapi.json", headers...)
	require.Equal(f.t, 200, a.StatusCode)
	require.Equal(f.t, "application/json", a.Header.Get("Content-Type"))
	zipped := f.get("/openapi.json", append(headers, "Accept-Encoding: gzip")...)
	require.Equal(f.t, string(a.body), string(zipped.plain(f.t)))
	require.Less(f.t, len(zipped.body), len(a.body)/5)
	require.Equal(f.t, 304, f.get("/openapi.json", append(headers, "If-None-Match: "+a.Header.Get("ETag"))...).StatusCode)
	doc, err := openapi3.NewLoader().LoadFromData(a.body)
	require.NoError(f.t, err)
	require.NoError(f.t, doc.Validate(f.t.Context()))
	assert.Equal(f.t, "3.1.0", doc.OpenAPI)
	return doc
}

// strict forbids undescribed keys, so that a forgotten key is found, and
// requires all keys if there is no projection. The document itself is more
// tolerant: clients must ignore unknown keys, and fields= removes keys.
func strict(doc *openapi3.T, whole bool) {
	no := false
	for _, s := range doc.Components.Schemas {
		if len(s.Value.Properties) > 0 {
			s.Value.AdditionalProperties = openapi3.AdditionalProperties{Has: &no}
			if whole && strings.Contains(s.Value.Description, "unless fields=") {
				s.Value.Required = slices.Sorted(maps.Keys(s.Value.Properties))
			}
		}
	}
}

// check validates an answer against the description of its operation.
func check(t *testing.T, op *openapi3.Operation, a answerOf, what string) {
	t.Helper()
	response := op.Responses.Value("200")
	if a.StatusCode != http.StatusOK {
		response = op.Responses.Default()
	}
	media, _, _ := strings.Cut(a.Header.Get("Content-Type"), ";")
	content := response.Value.Content[media]
	require.NotNil(t, content, "%s: %s is not described", what, media)
	if media != wire.MediaJSON && media != wire.MediaProblem {
		return
	}
	var body any
	require.NoError(t, json.Unmarshal(a.body, &body), what)
	require.NoError(t, content.Schema.Value.VisitJSON(body), "%s: %.300s", what, a.body)
}

// values for path parameters that the fixture has.
func pathOf(path string) string {
	known := map[string]string{
		"/fetch/{name}": workflowName(3), "/sites/{name}": "T1_US_FNAL", "/campaign/{name}": "Run3Summer01", "/release/{name}": "CMSSW_14_0_1",
		"/agent/{name}": "vocms1.cern.ch", "/facet/{name}": "site", "/problems/{name}": "not-found",
	}
	for whole, name := range known {
		if strings.HasPrefix(path, whole+"/") {
			return strings.Replace(path, "{name}", name, 1)
		}
	}
	return strings.Replace(path, "{name}", known[path], 1)
}

// Every route is described, every described request is answered, with each
// parameter, and every answer matches the description.
func TestOpenAPI(t *testing.T) {
	f := newFixture(t, 60)
	f.newAPI(func(o *api.Options) { o.Details, o.Jobs = &detailsFake{}, &jobsFake{} })
	doc := f.description()
	strict(doc, true)
	projected := f.description()
	strict(projected, false)

	described := []string{}
	for path := range doc.Paths.Map() {
		described = append(described, path)
	}
	routes := []string{}
	for _, m := range regexp.MustCompile(`(?m)^  (/\S*)`).FindAllStringSubmatch(string(f.get("/").body), -1) {
		routes = append(routes, m[1])
	}
	assert.ElementsMatch(t, routes, described)

	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			t.Run(method+" "+path, func(t *testing.T) {
				require.NotEmpty(t, op.Responses.Value("200").Value.Content, "its answer is not described")
				f.tryOperation(t, method, pathOf(path), op, projected.Paths.Value(path).GetOperation(method))
			})
		}
	}
}

func (f *fixture) tryOperation(t *testing.T, method, path string, op, projected *openapi3.Operation) {
	body := ""
	if op.RequestBody != nil {
		media := op.RequestBody.Value.Content[wire.MediaJSON]
		require.NoError(t, media.Schema.Value.VisitJSON(media.Example))
		raw, err := json.Marshal(media.Example)
		require.NoError(t, err)
		body = string(raw)
	}
	list := ""
	if op.Parameters.GetByInAndName("query", "limit") != nil && path != "/facet/site" {
		list = "limit=2&"
	}
	plain := f.send(method, path+"?"+list, body)
	require.Equal(t, http.StatusOK, plain.StatusCode, string(plain.body))
	check(t, op, plain, path)
	wrong := f.send(method, path+"?no-such-parameter=1", body)
	if wrong.StatusCode != http.StatusOK { // texts for operators may be anything
		check(t, op, wrong, "problem")
	}
	for _, p := range op.Parameters {
		if p.Value.In != "query" || p.Value.Name == "timeout" || p.Value.Name == "read" {
			continue
		}
		example := p.Value.Example
		if several, ok := example.([]any); ok {
			example = several[0]
		}
		value := fmt.Sprint(example)
		switch p.Value.Name {
		case "gen":
			value = f.generation()
		case "limit":
			value = "3"
		}
		given := ""
		if p.Value.Name != "limit" {
			given = list
		}
		target := path + "?" + given + url.Values{p.Value.Name: {value}}.Encode()
		if value == "a" && p.Value.Schema.Value.Type.Is("array") && f.send(method, target, body).StatusCode == http.StatusBadRequest {
			target = path + "?" + given + p.Value.Name + "=1" // a number or flag that may be excluded
		}
		a := f.send(method, target, body)
		require.Equal(t, http.StatusOK, a.StatusCode, "%s: %s", target, a.body)
		if p.Value.Name == "fields" {
			check(t, projected, a, target)
		} else {
			check(t, op, a, target)
		}
	}
	if op.Parameters.GetByInAndName("query", "facets") != nil {
		a := f.send(method, path+"?limit=2&facets=status,site&envelope=1", body)
		check(t, op, a, path+" with facets")
	}
}

// Every parameter of the grammar is described, with its meaning.
func TestOpenAPIDescribesEveryParameter(t *testing.T) {
	f := newFixture(t, 3)
	doc := f.description()
	for _, path := range []string{"/fetch", "/sites/{name}", "/campaign/{name}", "/release/{name}", "/agent/{name}"} {
		op := doc.Paths.Value(path).Get
		for _, name := range wire.Params() {
			p := op.Parameters.GetByInAndName("query", name)
			if assert.NotNil(t, p, "%s %s", path, name) {
				assert.NotEmpty(t, p.Description, name)
			}
		}
	}
	for name, s := range doc.Components.Schemas {
		for key, property := range s.Value.Properties {
			assert.False(t, property.Ref == "" && property.Value.Type == nil && key != "Records", "%s.%s has no type", name, key)
		}
	}
	for _, name := range []string{"Workflow", "Site", "Agent", "Problem", "Stats", "Change", "Attention"} {
		assert.Contains(t, doc.Components.Schemas, name)
	}
}
