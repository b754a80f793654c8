// Package openapi writes the description of the API as an OpenAPI 3.1
// document, from the schema's description of records, the grammar of list
// requests and a list of operations. It adds no facts of its own, and does not
// depend on handlers.
package openapi

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// Param is one parameter of an operation.
type Param struct {
	Name    string
	In      string // query, path or header; empty: query
	Doc     string
	Schema  map[string]any
	Example string
	List    bool
}

// Operation is one method of one path.
type Operation struct {
	Path, Method, Summary string
	Params                []Param
	List                  bool                    // accepts all parameters of a list request
	Filters               bool                    // accepts its filters, format and gen
	Words                 *wire.Vocabulary        // accepts all parameters of these, as a list other than workflows; nil: none
	Without               []string                // parameters of a list request that it rejects
	Body                  reflect.Type            // JSON of the request; nil: none
	BodyExample           string                  // of the request
	Answers               map[string]reflect.Type // by media type; nil type: text
	Envelope              reflect.Type            // the JSON with envelope=; nil: none
	Open                  bool                    // needs no authentication
}

type object = map[string]any

// builder gathers the components that operations refer to.
type builder struct {
	schemas   object
	docs      map[string]string // of record kinds
	projected map[string]bool   // records of lists that take fields=
}

// At returns a document for an API below a path of its host; "" is the root.
func At(document []byte, path string) []byte {
	servers, err := json.Marshal([]object{{"url": cmp.Or(path, "/")}, {"url": path + "/v1", "description": "alias"}})
	if err != nil { // it has texts only
		return document
	}
	return slices.Concat(bytes.TrimSuffix(document, []byte("}\n")), []byte(`,"servers":`), servers, []byte("}\n"))
}

// Document returns the document as JSON, without the servers, which At adds.
func Document(version string, operations []Operation) ([]byte, error) {
	b := &builder{schemas: object{}, docs: map[string]string{}, projected: projected(operations)}
	for _, k := range schema.Kinds() {
		b.docs[k.Name] = k.Doc
	}
	shared := object{}
	for _, p := range wire.DescribeParams() {
		shared[p.Name] = parameter(listParam(p))
	}
	paths := object{}
	for i := range operations {
		o := &operations[i]
		item, ok := paths[o.Path].(object)
		if !ok {
			item = object{}
			paths[o.Path] = item
		}
		item[strings.ToLower(o.Method)] = b.operation(o)
	}
	b.record(reflect.TypeFor[wire.Problem]())
	doc := object{
		"openapi": "3.1.0",
		"externalDocs": object{
			"description": "The old server's REST API, unless --legacy=false, in a document of its own",
			"url":         "/wmstatsserver/openapi.json",
		},
		"info": object{
			"title": "WMStats cache server", "version": version,
			"description": "Keys and parameters are only added; ignore unknown keys, and treat gen and the URLs in Link as opaque. HEAD works wherever GET does, OPTIONS everywhere, QUERY as POST.",
		},
		"paths":      paths,
		"components": object{"schemas": b.schemas, "parameters": shared, "headers": headers(), "securitySchemes": securitySchemes()},
		// The operator decides which methods are enabled, if any.
		"security": []object{{}, {"bearer": []string{}}, {"basic": []string{}}},
	}
	out, err := json.Marshal(doc)
	if err != nil {
		return nil, fmt.Errorf("write the description of the API: %w", err)
	}
	return append(out, '\n'), nil
}

// projected returns the names of the records of lists that fields= can reduce.
func projected(operations []Operation) map[string]bool {
	out := map[string]bool{}
	for i := range operations {
		o := &operations[i]
		takes := o.Words != nil || slices.ContainsFunc(o.Params, func(p Param) bool { return p.Name == "fields" })
		if list := o.Answers[wire.MediaJSON]; (o.List || takes) && list != nil && list.Kind() == reflect.Slice {
			out[nameOf(list.Elem())] = true
		}
	}
	return out
}

func (b *builder) operation(o *Operation) object {
	params := []object{}
	for _, p := range o.Params {
		params = append(params, parameter(p))
	}
	for _, p := range wire.DescribeParams() {
		own := slices.ContainsFunc(o.Params, func(q Param) bool { return q.Name == p.Name && q.In == "" })
		own = own || slices.Contains(o.Without, p.Name)
		if !own && (o.List || o.Filters && IsFilter(p)) {
			params = append(params, object{"$ref": "#/components/parameters/" + p.Name})
		}
	}
	if o.Words != nil {
		shared := wire.DescribeParams()
		for _, p := range o.Words.Describe() {
			if slices.Contains(o.Without, p.Name) {
				continue
			}
			if slices.Contains(shared, p) {
				params = append(params, object{"$ref": "#/components/parameters/" + p.Name})
			} else {
				params = append(params, parameter(listParam(p)))
			}
		}
	}
	content := object{}
	for media, t := range o.Answers {
		switch {
		case t == nil:
			content[media] = object{"schema": object{"type": "string"}}
		case o.Envelope != nil && media == wire.MediaJSON:
			content[media] = object{"schema": object{"oneOf": []object{b.schema(t), b.schema(o.Envelope)}}}
		default:
			content[media] = object{"schema": b.schema(t)}
		}
	}
	problem := func(what string, headers object) object {
		out := object{"description": what, "content": object{wire.MediaProblem: object{"schema": ref("Problem")}}}
		if headers != nil {
			out["headers"] = headers
		}
		return out
	}
	responses := object{
		"200":     object{"description": "the answer", "content": content, "headers": headerRefs()},
		"304":     object{"description": "not modified: If-None-Match contains the ETag"},
		"default": problem("a problem (RFC 9457)", nil),
	}
	out := object{"summary": o.Summary, "parameters": params, "responses": responses}
	if o.Open {
		out["security"] = []object{}
	} else {
		responses["401"] = problem("authentication is required", object{"WWW-Authenticate": header("the supported methods")})
		responses["422"] = problem("the request exceeds the limit on work per request", nil)
		responses["429"] = problem("too many requests, or too many expensive ones at once", object{"Retry-After": header("seconds to wait")})
	}
	if o.Body != nil {
		body := object{"schema": b.schema(o.Body)}
		if o.BodyExample != "" {
			body["example"] = json.RawMessage(o.BodyExample)
		}
		out["requestBody"] = object{"required": true, "content": object{wire.MediaJSON: body}}
	}
	return out
}

// IsFilter reports whether a parameter of lists is a filter, not one for pages
// or formats.
func IsFilter(p wire.Param) bool {
	return !slices.Contains([]string{"sort", "fields", "facets", "idx", "limit", "after", "last", "envelope", "dl"}, p.Name)
}

func ref(name string) object { return object{"$ref": "#/components/schemas/" + name} }

// listParam returns a parameter of lists with its schema and an example.
func listParam(p wire.Param) Param {
	text := object{"type": "string"}
	out := Param{Name: p.Name, Doc: p.Doc, List: p.List, Schema: text, Example: "a"}
	switch p.Form {
	case wire.FormNumber:
		out.Schema, out.Example = object{"type": "number"}, "1"
		if p.List { // excluded with ! in front
			out.Schema = text
		}
	case wire.FormWhole:
		out.Schema, out.Example = object{"type": "integer", "minimum": 0}, "0"
	case wire.FormFlag:
		out.Schema, out.Example = object{"type": "string", "enum": []string{"0", "1", "true", "false"}}, "1"
		if p.List {
			out.Schema = text
		}
	case wire.FormTime:
		out.Doc += "; RFC 3339, a date, Unix seconds, or a duration such as 2d before the generation"
		out.Example = "2026-01-31"
	case wire.FormDuration:
		out.Example = "1m"
	case wire.FormField:
		out.Example = "Running" // a key of all records in such lists
	case wire.FormFacet:
		out.Example = "Status"
	case wire.FormLimit:
		out.Schema, out.Example = object{"type": "string", "pattern": "^([1-9][0-9]{0,4}|all)$"}, "2"
	case wire.FormFormat:
		out.Schema, out.Example = object{"type": "string", "enum": []string{"json", "ndjson", "jsonl", "csv"}}, "json"
	case wire.FormGeneration:
		out.Example = "g1f2e3-1834"
	}
	return out
}

func parameter(p Param) object {
	in, shape := p.In, p.Schema
	if in == "" {
		in = "query"
	}
	if shape == nil {
		shape = object{"type": "string"}
	}
	out := object{"name": p.Name, "in": in, "description": p.Doc, "schema": shape}
	if p.Example != "" {
		out["example"] = p.Example
		if shape["type"] == "number" || shape["type"] == "integer" {
			out["example"] = json.RawMessage(p.Example)
		}
	}
	if p.List {
		out["schema"] = object{"type": "array", "items": shape}
		out["explode"] = true
		out["example"] = []any{out["example"]}
	}
	if in == "path" {
		out["required"] = true
	}
	return out
}

var answerHeaders = []struct{ name, doc string }{
	{wire.HeaderGeneration, "generation that the answer is from"},
	{wire.HeaderGenerationTime, "when it was published, RFC 3339"},
	{wire.HeaderTotal, "number of records that match the filters, over all pages"},
	{wire.HeaderLink, "first, prev, next and last page; the last page has no next"},
	{wire.HeaderStale, "1 while the source does not answer"},
	{wire.HeaderStaleReason, "why"},
	{wire.HeaderRequestID, "id of the request in the log"},
	{wire.HeaderHistoryStart, "time of the first stored point, RFC 3339; only /history"},
	{wire.HeaderTiming, "times of the steps of the answer, in ms"},
	{"ETag", "identifies the content"},
}

func header(doc string) object {
	return object{"description": doc, "schema": object{"type": "string"}}
}

func headers() object {
	out := object{}
	for _, h := range answerHeaders {
		out[h.name] = header(h.doc)
	}
	return out
}

// securitySchemes are the methods of authentication.
func securitySchemes() object {
	return object{
		"bearer": object{"type": "http", "scheme": "bearer", "description": "a token issued by the operator of the server"},
		"basic":  object{"type": "http", "scheme": "basic", "description": "a user and a password"},
	}
}

func headerRefs() object {
	out := object{}
	for _, h := range answerHeaders {
		out[h.name] = object{"$ref": "#/components/headers/" + h.name}
	}
	return out
}
