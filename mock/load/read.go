package load

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/klauspost/compress/gzip"

	"github.com/dmwm/wmstats/mock/gen"
)

// LineError is a line of input that contains no document.
type LineError struct {
	Line int // from 1
	Err  error
}

func (e *LineError) Error() string { return fmt.Sprintf("line %d: %v", e.Line, e.Err) }
func (e *LineError) Unwrap() error { return e.Err }

// ReadRaw yields the documents of NDJSON in the raw form, {"db":…,"doc":…} a
// line, plain or compressed with gzip (detected by its first bytes, whatever
// the name of the file). A bad line yields a *LineError and reading continues;
// a failing reader yields its error last. Empty lines are skipped.
func ReadRaw(r io.Reader) iter.Seq2[gen.Doc, error] {
	return func(yield func(gen.Doc, error) bool) {
		in, err := unzipped(r)
		if err != nil {
			yield(gen.Doc{}, err)
			return
		}
		for n := 1; ; n++ {
			line, err := in.ReadBytes('\n')
			if trimmed := bytes.TrimSpace(line); len(trimmed) > 0 && (err == nil || err == io.EOF) {
				doc, perr := parseLine(trimmed)
				if perr != nil {
					perr = &LineError{n, perr}
				}
				if !yield(doc, perr) {
					return
				}
			}
			if err == io.EOF {
				return
			}
			if err != nil {
				yield(gen.Doc{}, fmt.Errorf("read line %d: %w", n, err))
				return
			}
		}
	}
}

// unzipped reads r, decompressed if it is gzip. Other forms of compression are
// an error: read as text, each of their lines would be one.
func unzipped(r io.Reader) (*bufio.Reader, error) {
	const size = 256 << 10
	in := bufio.NewReaderSize(r, size)
	magic, _ := in.Peek(6) // input that is short or can't be read fails at the first read
	for _, form := range []struct{ name, magic string }{
		{"zstd", "\x28\xb5\x2f\xfd"}, {"xz", "\xfd7zXZ\x00"}, {"bzip2", "BZh"}, {"zip", "PK\x03\x04"},
	} {
		if bytes.HasPrefix(magic, []byte(form.magic)) {
			return nil, fmt.Errorf("the input is compressed with %s: want NDJSON, plain or gzip", form.name)
		}
	}
	if !bytes.HasPrefix(magic, []byte("\x1f\x8b")) {
		return in, nil
	}
	zr, err := gzip.NewReader(in)
	if err != nil {
		return nil, fmt.Errorf("read gzip: %w", err)
	}
	return bufio.NewReaderSize(zr, size), nil
}

func parseLine(line []byte) (gen.Doc, error) {
	var raw struct {
		DB  string          `json:"db"`
		Doc json.RawMessage `json:"doc"`
	}
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&raw); err != nil {
		return gen.Doc{}, fmt.Errorf(`want {"db":…,"doc":…}: %w`, err)
	}
	if dec.More() {
		return gen.Doc{}, errors.New("more than one value in the line")
	}
	if raw.DB == "" {
		return gen.Doc{}, errors.New(`"db" is missing`)
	}
	var head struct {
		ID *string `json:"_id"`
	}
	if len(raw.Doc) == 0 || raw.Doc[0] != '{' {
		return gen.Doc{}, errors.New(`"doc" is not an object`)
	}
	if err := json.Unmarshal(raw.Doc, &head); err != nil {
		return gen.Doc{}, fmt.Errorf(`"doc": %w`, err)
	}
	if head.ID == nil || *head.ID == "" {
		return gen.Doc{}, errors.New(`"doc" has no _id`)
	}
	return gen.Doc{DB: raw.DB, ID: *head.ID, JSON: raw.Doc}, nil
}
