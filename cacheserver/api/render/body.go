package render

import (
	"fmt"
	"io"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// Records returns n encoded records from the i-th on.
type Records func(i, n int) [][]byte

// Body is a list in one representation, not yet written: the bytes before,
// between, after and around its records.
type Body struct {
	Head, Tail []byte
	Between    []byte // between two records
	After      []byte // after each record
	Form       Transform
	Count      int
	Records    Records
}

// List returns the body of a plain list: exactly "[" + records joined by ",\n"
// + "]\n" as JSON, one record a line as NDJSON, a header and lines as CSV.
// keys selects keys; empty: all.
func List(format wire.Format, fields []schema.Field, keys []string, count int, records Records) Body {
	b := Body{Count: count, Records: records}
	if len(keys) > 0 {
		b.Form = Project(keys)
	}
	switch format {
	case wire.NDJSON:
		b.After = []byte("\n")
	case wire.CSV:
		b.Head, b.Form = Header(fields, keys), Line(fields, keys)
	default:
		b.Head, b.Between, b.Tail = []byte("["), []byte(",\n"), []byte("]\n")
	}
	return b
}

// Slice returns records that are already in memory.
func Slice(records [][]byte) Records {
	return func(i, n int) [][]byte { return records[min(i, len(records)):min(i+n, len(records))] }
}

// Text returns a body that is complete already.
func Text(text []byte) Body { return Body{Head: text, Records: none} }

func none(int, int) [][]byte { return nil }

// batch is how many records are held at once while a body is written.
const batch = 256

// Size is the length of the body in bytes, if it is known without writing the
// body.
func (b *Body) Size() (size int64, ok bool) {
	if b.Form != nil {
		return 0, false
	}
	size = int64(len(b.Head) + len(b.Tail) + b.Count*len(b.After) + max(0, b.Count-1)*len(b.Between))
	for i := 0; i < b.Count; i += batch {
		for _, r := range b.Records(i, min(batch, b.Count-i)) {
			size += int64(len(r))
		}
	}
	return size, true
}

// mostChunks is the maximum number of records for Chunks: with more records
// the list of chunks needs memory, and a buffer serves as well.
const mostChunks = 2000

// Chunks returns the body as the chunks to write, and their length in bytes,
// without copying a record; ok is false when records have to be transformed or
// are too many.
func (b *Body) Chunks() (chunks [][]byte, size int64, ok bool) {
	if b.Form != nil || b.Count > mostChunks {
		return nil, 0, false
	}
	chunks = make([][]byte, 0, 2*b.Count+2)
	add := func(chunk []byte) {
		if len(chunk) > 0 {
			chunks = append(chunks, chunk)
			size += int64(len(chunk))
		}
	}
	add(b.Head)
	records := b.Records(0, b.Count)
	if len(records) != b.Count {
		return nil, 0, false
	}
	for i, r := range records {
		if i > 0 {
			add(b.Between)
		}
		add(r)
		add(b.After)
	}
	add(b.Tail)
	return chunks, size, true
}

// WriteTo writes the body in constant memory. It writes each chunk separately:
// w gathers them.
func (b *Body) WriteTo(w io.Writer) (int64, error) {
	cw := &countingWriter{w: w}
	err := b.write(cw)
	return cw.n, err
}

func (b *Body) write(w io.Writer) error {
	var scratch []byte
	if _, err := w.Write(b.Head); err != nil {
		return fmt.Errorf("write the head of a list: %w", err)
	}
	written := 0
	for i := 0; i < b.Count; i += batch {
		for _, r := range b.Records(i, min(batch, b.Count-i)) {
			scratch = scratch[:0]
			if written > 0 {
				scratch = append(scratch, b.Between...)
			}
			var err error
			if scratch, err = b.appendRecord(scratch, r); err != nil {
				return err
			}
			if _, err = w.Write(scratch); err != nil {
				return fmt.Errorf("write record %d of a list: %w", written, err)
			}
			written++
		}
	}
	if written != b.Count {
		return fmt.Errorf("write a list: %d records instead of %d", written, b.Count)
	}
	if _, err := w.Write(b.Tail); err != nil {
		return fmt.Errorf("write the tail of a list: %w", err)
	}
	return nil
}

func (b *Body) appendRecord(dst, record []byte) ([]byte, error) {
	if b.Form == nil {
		dst = append(dst, record...)
	} else {
		var err error
		if dst, err = b.Form(dst, record); err != nil {
			return dst, err
		}
	}
	return append(dst, b.After...), nil
}

type countingWriter struct {
	w io.Writer
	n int64
}

func (c *countingWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// AtLeast reports whether the stored records have at least n bytes.
func (b *Body) AtLeast(n int) bool {
	n -= len(b.Head) + len(b.Tail)
	const few = 8
	for i := 0; i < b.Count && n > 0; i += few {
		for _, r := range b.Records(i, min(few, b.Count-i)) {
			n -= len(r)
		}
	}
	return n <= 0
}
