package openapi

import (
	"encoding/json"
	"reflect"
	"strings"

	"github.com/dmwm/wmstats/schema"
)

// schema returns the schema of a Go type as encoding/json writes it. Structs
// become components under their names.
func (b *builder) schema(t reflect.Type) object {
	switch {
	case t == reflect.TypeFor[json.RawMessage]():
		return object{} // any value
	case t == reflect.TypeFor[[]json.RawMessage]():
		return object{"type": "array", "items": b.schema(reflect.TypeFor[schema.Workflow]())}
	}
	switch t.Kind() {
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Int, reflect.Int64, reflect.Int32:
		return object{"type": "integer", "format": "int64"}
	case reflect.Float64:
		return object{"type": "number", "format": "double"}
	case reflect.Slice:
		return object{"type": "array", "items": b.schema(t.Elem())}
	case reflect.Map:
		return object{"type": "object", "additionalProperties": b.schema(t.Elem())}
	case reflect.Pointer:
		return b.schema(t.Elem())
	case reflect.Interface:
		return object{} // any value
	case reflect.Struct:
		return ref(b.record(t))
	}
	return object{"type": "string"}
}

// nameOf returns the name of a component: that of the type, preceded by the
// name of the type argument of a generic type.
func nameOf(t reflect.Type) string {
	name, argument, generic := strings.Cut(t.Name(), "[")
	if !generic {
		return name
	}
	argument = strings.TrimSuffix(argument, "]")
	return argument[strings.LastIndexByte(argument, '.')+1:] + name
}

// record adds the component of a struct, and returns its name.
func (b *builder) record(t reflect.Type) string {
	name := nameOf(t)
	if _, made := b.schemas[name]; made {
		return name
	}
	properties, required := object{}, []string{}
	out := object{"type": "object", "properties": properties}
	b.schemas[name] = out // before its fields: they may refer to it
	for _, f := range fieldsOf(t) {
		key, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if key == "-" {
			continue
		}
		if key == "" {
			key = f.Name
		}
		property := b.schema(f.Type)
		if doc := docOf(f); doc != "" && property["$ref"] == nil {
			property["description"] = doc
		}
		properties[key] = property
		if !strings.Contains(options, "omitempty") {
			required = append(required, key)
		}
	}
	doc := b.docs[name]
	if b.projected[name] {
		required = required[:1]
		doc = strings.TrimSpace(doc + " All keys are present, unless fields= selects some.")
	}
	if len(required) > 0 {
		out["required"] = required
	}
	if doc != "" {
		out["description"] = doc
	}
	return name
}

func docOf(f reflect.StructField) string {
	doc := f.Tag.Get("doc")
	if unit := f.Tag.Get("unit"); unit != "" {
		doc += " [" + unit + "]"
	}
	return doc
}

// fieldsOf returns the exported fields. Fields of embedded structs take their
// place, except those hidden by a field of the same name further out. An
// embedded struct is not a key itself, so it hides nothing.
func fieldsOf(t reflect.Type) []reflect.StructField {
	all := walk(t, 0)
	least := map[string]int{}
	for _, f := range all {
		if depth, seen := least[f.Name]; !seen || f.depth < depth {
			least[f.Name] = f.depth
		}
	}
	var out []reflect.StructField
	for _, f := range all {
		if f.depth == least[f.Name] {
			out = append(out, f.StructField)
		}
	}
	return out
}

// field is a field and how deep it is embedded.
type field struct {
	reflect.StructField

	depth int
}

func walk(t reflect.Type, depth int) (out []field) {
	for i := range t.NumField() {
		f := t.Field(i)
		switch {
		case f.Anonymous && f.Type.Kind() == reflect.Struct:
			out = append(out, walk(f.Type, depth+1)...)
		case f.IsExported():
			out = append(out, field{f, depth})
		}
	}
	return out
}
