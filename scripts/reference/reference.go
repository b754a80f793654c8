// Package reference writes the pages of docs/reference that are generated from the
// code: the options of each program, the metrics of both servers, and the kinds of
// problems of the API. It adds no facts: correct an error of a page in the code
// that states it.
package reference

import (
	"bytes"
	"fmt"
	"strings"
)

// Page is one file of docs/reference.
type Page struct {
	File string
	Text []byte
}

// Pages returns all pages.
func Pages() ([]Page, error) {
	metrics, err := Metrics()
	if err != nil {
		return nil, err
	}
	return []Page{{"options.md", Options()}, {"metrics.md", metrics}, {"problems.md", Problems()}}, nil
}

// cell escapes a text for a cell of a table.
func cell(text string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ", "<", "&lt;").Replace(text)
}

// sentence returns text with a capital first letter and a full stop.
func sentence(text string) string {
	if text == "" {
		return ""
	}
	if !strings.HasSuffix(text, ".") {
		text += "."
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

// row writes a row of a table.
func row(out *bytes.Buffer, cells ...string) {
	fmt.Fprintf(out, "| %s |\n", strings.Join(cells, " | "))
}

// head writes the first two rows of a table.
func head(out *bytes.Buffer, names ...string) {
	row(out, names...)
	fmt.Fprintf(out, "|%s\n", strings.Repeat("---|", len(names)))
}
