package legacy

import (
	"encoding/json"
	"slices"
)

// Types of the description of the old API (OpenAPI 3.1).
type (
	openAPI struct {
		OpenAPI    string                          `json:"openapi"`
		Info       openAPIInfo                     `json:"info"`
		Paths      map[string]map[string]operation `json:"paths"`
		Components openAPIComponents               `json:"components"`
	}
	openAPIInfo struct {
		Title       string `json:"title"`
		Version     string `json:"version"`
		Description string `json:"description"`
	}
	openAPIComponents struct {
		Responses map[string]response `json:"responses"`
	}
	operation struct {
		OperationID string              `json:"operationId"`
		Summary     string              `json:"summary"`
		Parameters  []parameter         `json:"parameters,omitempty"`
		Responses   map[string]response `json:"responses"`
	}
	parameter struct {
		Name        string         `json:"name"`
		In          string         `json:"in"`
		Required    bool           `json:"required,omitempty"`
		Description string         `json:"description,omitempty"`
		Style       string         `json:"style,omitempty"`
		Explode     *bool          `json:"explode,omitempty"`
		Schema      map[string]any `json:"schema"`
	}
	response struct {
		Ref         string           `json:"$ref,omitempty"`
		Description string           `json:"description,omitempty"`
		Headers     map[string]any   `json:"headers,omitempty"`
		Content     map[string]media `json:"content,omitempty"`
	}
	media struct {
		Schema map[string]any `json:"schema"`
	}
)

// describe returns the description of the old API.
func (h *Handler) describe() []byte {
	object := func(required string, value any) map[string]any {
		return map[string]any{"type": "object", "required": []string{required}, "properties": map[string]any{required: value}}
	}
	text := map[string]any{"type": "string"}
	rowsOf := map[string]map[string]any{
		"info": text, "teams": text, "globallocks": text, "protectedlfns": text, "protectedlfns_final": text, "isfinished": {"type": "boolean"},
	}
	problem := func(what string) response {
		header := map[string]any{"schema": text}
		return response{
			Description: what, Content: map[string]media{"application/problem+json": {map[string]any{"type": "object"}}},
			Headers: map[string]any{"X-REST-Status": header, "X-Error-HTTP": header, "X-Error-ID": header, "X-Error-Detail": header, "X-Error-Info": header},
		}
	}
	doc := openAPI{
		OpenAPI: "3.1.0",
		Info: openAPIInfo{
			Title: "The REST API of the old WMStats server", Version: "2.4.5",
			Description: "The calls of the old WMStats server, at the same paths, with the same line format and headers. New clients should use the API described by /openapi.json. Each answer is an object whose only member, result, is a list with one row per line, in ASCII. If an answer might be incomplete, it is 503.",
		},
		Paths: map[string]map[string]operation{},
		Components: openAPIComponents{Responses: map[string]response{
			"Invalid":       problem("An argument is invalid or not expected."),
			"Forbidden":     problem("The client is not identified."),
			"NotAcceptable": problem("None of the accepted media types is supported."),
			"Unavailable":   problem("The data are not available, too old, or might be incomplete. Retry after the time in Retry-After."),
		}},
	}
	for name, a := range h.apis {
		row, ok := rowsOf[name]
		if !ok {
			row = map[string]any{"type": "object"}
		}
		list := object("result", map[string]any{"type": "array", "items": row})
		content := map[string]media{mediaJSON: {list}}
		if a.plain {
			content["text/plain"] = media{list}
		}
		path, op := h.prefix+"/"+name, operation{OperationID: name, Summary: a.doc, Responses: map[string]response{
			"200": {Description: "The rows.", Content: content}, "400": {Ref: "#/components/responses/Invalid"}, "403": {Ref: "#/components/responses/Forbidden"},
			"406": {Ref: "#/components/responses/NotAcceptable"}, "503": {Ref: "#/components/responses/Unavailable"},
		}}
		if a.named {
			path += "/{name}"
			op.Parameters = append(op.Parameters, parameter{Name: "name", In: "path", Required: true, Description: "name of the workflow", Schema: text})
		}
		if name == "isfinished" {
			op.Responses["404"] = response{Description: "There is no such workflow.", Content: map[string]media{"application/problem+json": {map[string]any{"type": "object"}}}}
		}
		explode := true
		if slices.Contains(a.params, "*") {
			op.Parameters = append(op.Parameters,
				parameter{Name: "mask", In: "query", Description: "property to return; may be repeated. Without it, whole documents are returned", Style: "form", Explode: &explode, Schema: map[string]any{"type": "array", "items": text}},
				parameter{Name: "filters", In: "query", Description: "any other parameter is a filter: the name of a property and a value that it must have; if repeated, one of the values", Style: "form", Explode: &explode, Schema: map[string]any{"type": "object", "additionalProperties": text}})
		}
		if slices.Contains(a.params, "sample_size") {
			op.Parameters = append(op.Parameters, parameter{Name: "sample_size", In: "query", Description: "most samples of each group", Schema: map[string]any{"type": "integer", "minimum": 0, "maximum": mostSamples, "default": 1}})
		}
		doc.Paths[path] = map[string]operation{"get": op}
	}
	encoded, err := json.MarshalIndent(doc, "", "  ")
	if err != nil { // of texts and maps of texts
		return []byte("{}\n")
	}
	return append(encoded, '\n')
}
