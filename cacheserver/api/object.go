package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/dmwm/wmstats/cacheserver/api/render"
	"github.com/dmwm/wmstats/schema/wire"
)

// objectWriter writes the members of a JSON object one by one, for objects
// with a part that is already encoded or is written later. It keeps the first
// error.
type objectWriter struct {
	bytes []byte
	err   error
}

// key writes the name of the next member and the bytes before it.
func (o *objectWriter) key(name string) {
	if len(o.bytes) == 0 {
		o.bytes = append(o.bytes, '{')
	} else {
		o.bytes = append(o.bytes, ',')
	}
	o.bytes = append(strconv.AppendQuote(o.bytes, name), ':') // names of the schema need no escapes
}

func (o *objectWriter) raw(name string, value []byte) {
	o.key(name)
	o.bytes = append(o.bytes, value...)
}

func (o *objectWriter) number(name string, n int) {
	o.key(name)
	o.bytes = strconv.AppendInt(o.bytes, int64(n), 10)
}

func (o *objectWriter) text(name, text string) { o.value(name, text) }

func (o *objectWriter) value(name string, v any) {
	encoded, err := encode(v)
	if err != nil && o.err == nil {
		o.err = fmt.Errorf("encode %s: %w", name, err)
	}
	o.raw(name, bytes.TrimSuffix(encoded, []byte("\n")))
}

// encode is json.Marshal with a newline and without escapes for HTML, like the
// records.
func encode(v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("encode %T: %w", v, err)
	}
	return buf.Bytes(), nil
}

// nameOf returns the name of an encoded Workflow record: the value of its
// first key.
func nameOf(record []byte) (name string, err error) {
	for m, err := range render.Members(record) {
		if err != nil {
			return "", fmt.Errorf("read the name of a record: %w", err)
		}
		if string(m.Key) != "Workflow" {
			break
		}
		if err := json.Unmarshal(m.Value, &name); err != nil {
			return "", fmt.Errorf("read the name of a record: %w", err)
		}
		return name, nil
	}
	return "", fmt.Errorf("read the name of a record: %w", render.ErrForm)
}

func notNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// writeReports writes the failed jobs that agents count and those whose
// reports are available.
func writeReports(o *objectWriter, r wire.FailureReports) {
	o.value("Failure", r.Failure)
	o.value("ReportedJobs", r.ReportedJobs)
	o.value("Agents", r.Agents)
}
