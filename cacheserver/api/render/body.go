package render

import (
	"fmt"
	"io"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// Records hands out n encoded records from the i-th on.
type Records func(i, n int) [][]byte

// Body is a list in one representation, not yet written: what stands before,
// between, after and around its records.
type Body struct {
	Head, Tail []byte
	Between    []byte // between two records
	After      []byte // after each record
	Form       Transform
	Count      int
	Records    Records
}

// List makes the body of a plain list: exactly "[" + records joined by ",\n" +
// "]\n" as JSON, one record a line as NDJSON, a header and lines as CSV. keys
// projects; empty takes all.
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

// Slice serves records that are already in memory.
func Slice(records [][]byte) Records {
	return func(i, n int) [][]byte { return records[min(i, len(records)):min(i+n, len(records))] }
}

// Text is a body that is there as a whole.
func Text(text []byte) Body { return Body{Head: text, Records: none} }

func none(int, int) [][]byte { return nil }

// batch is how many records are held at once while a body is written.
const batch = 256

// Size is the length of the body in bytes, when it is known without writing it.
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

// mostChunks is the number of records up to which Chunks is of use: beyond it
// the list of chunks takes memory, and a buffer does as well.
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

// WriteTo writes the body in constant memory. It writes each chunk by itself:
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

// AtLeast says whether the records, as they are kept, have at least n bytes.
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
