package render

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/dmwm/wmstats/schema"
)

// Transform appends the transformed record to dst.
type Transform func(dst, record []byte) ([]byte, error)

// Project keeps the named keys of a record, in the record's own order.
func Project(keys []string) Transform {
	want := make(map[string]bool, len(keys))
	for _, k := range keys {
		want[k] = true
	}
	return func(dst, record []byte) ([]byte, error) {
		dst = append(dst, '{')
		left := len(want)
		for m, err := range Members(record) {
			switch {
			case err != nil:
				return dst, fmt.Errorf("project a record: %w", err)
			case !want[string(m.Key)]:
				continue
			}
			if dst[len(dst)-1] != '{' {
				dst = append(dst, ',')
			}
			dst = append(append(dst, '"'), m.Key...)
			dst = append(append(dst, '"', ':'), m.Value...)
			if left--; left == 0 {
				break
			}
		}
		return append(dst, '}'), nil
	}
}

// Header returns the first line of a CSV: the keys of the fields, or only
// those in keys unless it is empty.
func Header(fields []schema.Field, keys []string) []byte {
	var names []string
	for _, f := range fields {
		if len(keys) == 0 || contains(keys, f.Key) {
			names = append(names, f.Key)
		}
	}
	return []byte(strings.Join(names, ",") + "\r\n")
}

func contains(keys []string, key string) bool {
	for _, k := range keys {
		if k == key {
			return true
		}
	}
	return false
}

// Line writes a record as one line of CSV (RFC 4180): its keys in the order of
// fields, or only those in keys unless it is empty. The elements of a list are
// joined by a space. A text that a spreadsheet would take for a formula gets
// an apostrophe in front.
func Line(fields []schema.Field, keys []string) Transform {
	columns := map[string]bool{}
	for _, f := range fields {
		if len(keys) == 0 || contains(keys, f.Key) {
			columns[f.Key] = true
		}
	}
	return func(dst, record []byte) ([]byte, error) {
		first := true
		for m, err := range Members(record) {
			if err != nil {
				return dst, fmt.Errorf("write a record as CSV: %w", err)
			}
			if !columns[string(m.Key)] {
				continue
			}
			if !first {
				dst = append(dst, ',')
			}
			first = false
			if dst, err = appendCell(dst, m.Value); err != nil {
				return dst, fmt.Errorf("write %s as CSV: %w", m.Key, err)
			}
		}
		return append(dst, '\r', '\n'), nil
	}
}

// appendCell copies only the appended bytes, unless a text has to be changed.
func appendCell(dst, value []byte) ([]byte, error) {
	switch {
	case len(value) == 0:
		return dst, ErrForm
	case value[0] == '"':
		text, err := unquote(value)
		return appendText(dst, text), err
	case value[0] != '[':
		return append(dst, value...), nil // a number or true or false
	}
	begin, first := len(dst), true
	for element, err := range Elements(value) {
		if err != nil {
			return dst, err
		}
		text, err := unquote(element)
		if err != nil {
			return dst, err
		}
		if !first {
			dst = append(dst, ' ')
		}
		first = false
		dst = append(dst, text...)
	}
	if text := dst[begin:]; isFormula(text) || wantsQuotes(text) {
		return appendText(dst[:begin], bytes.Clone(text)), nil
	}
	return dst, nil
}

// unquote returns the text of a value, without a copy if it has no escapes.
func unquote(value []byte) ([]byte, error) {
	if len(value) >= 2 && bytes.IndexByte(value, '\\') < 0 {
		return value[1 : len(value)-1], nil
	}
	var text string
	if err := json.Unmarshal(value, &text); err != nil {
		return nil, fmt.Errorf("read a text: %w", err)
	}
	return []byte(text), nil
}

// isFormula reports whether a spreadsheet would take a cell for a formula,
// which depends on the first character, quoted or not.
func isFormula(text []byte) bool {
	return len(text) > 0 && strings.IndexByte("=+-@\t\r", text[0]) >= 0
}

func wantsQuotes(text []byte) bool {
	return bytes.ContainsAny(text, "\",\r\n") || len(text) > 0 && (text[0] == ' ' || text[len(text)-1] == ' ')
}

// appendText writes a text cell; text must not overlap the free space of dst.
func appendText(dst, text []byte) []byte {
	quotes := wantsQuotes(text)
	if quotes {
		dst = append(dst, '"')
	}
	if isFormula(text) {
		dst = append(dst, '\'')
	}
	if !quotes {
		return append(dst, text...)
	}
	for _, b := range text {
		if b == '"' {
			dst = append(dst, '"')
		}
		dst = append(dst, b)
	}
	return append(dst, '"')
}
