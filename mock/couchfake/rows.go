package couchfake

import (
	"bufio"
	"bytes"
	"net/http"
	"slices"
)

// rowBuffer is how much of an answer is buffered before it goes to the network.
const rowBuffer = 128 << 10

// rowWriter writes an answer of rows: a head, rows with a separator between
// them, a tail. Faults of rows take effect here.
type rowWriter struct {
	c     *call
	out   *bufio.Writer
	sep   string
	n     int      // rows written
	ended bool     // a fault stopped the rows: no more are written
	held  [][]byte // rows that a fault sends at the end, in the opposite order
}

// rows starts a chunked answer. Nothing is sent before the first flush.
func (c *call) rows(sep string, headers ...string) *rowWriter {
	c.begun = true
	for i := 0; i+1 < len(headers); i += 2 {
		c.w.Header()[headers[i]] = []string{headers[i+1]}
	}
	c.commonHeaders()
	out, ok := c.server.writers.Get().(*bufio.Writer)
	if !ok {
		out = bufio.NewWriterSize(nil, rowBuffer)
	}
	out.Reset(c.w)
	return &rowWriter{c: c, out: out, sep: sep}
}

// close returns the buffer to the pool. Nothing may be written after it.
func (rw *rowWriter) close() {
	rw.out.Reset(nil) // drop the reference to the answer
	rw.c.server.writers.Put(rw.out)
}

// text writes anything that is not a row.
func (rw *rowWriter) text(s string) error {
	_, err := rw.out.WriteString(s)
	return err
}

// row writes the row of a document, id, after the faults of rows.
func (rw *rowWriter) row(id string, b []byte) error {
	for _, row := range rw.c.lens.rewrite(id, b) {
		if err := rw.send(row); err != nil {
			return err
		}
	}
	return nil
}

// send writes one row, or keeps it for the end.
func (rw *rowWriter) send(b []byte) error {
	if rw.ended {
		return nil
	}
	l := &rw.c.lens
	if l.turn {
		rw.held = append(rw.held, bytes.Clone(b))
		return nil
	}
	if l.errorRow != nil && rw.n == l.errorRow.Rows {
		rw.ended = l.errorRow.Stop
		if err := rw.plain([]byte(errorRow)); err != nil || rw.ended {
			return err
		}
	}
	if l.cutRow != nil && rw.n == l.cutRow.fault.Rows {
		return rw.cut(b, l.cutRow)
	}
	return rw.plain(b)
}

// cut sends half of a row, and the rest only if the fault freezes and is
// cleared.
func (rw *rowWriter) cut(b []byte, a *ActiveFault) error {
	half := len(b) / 2
	if err := rw.plain(b[:half]); err != nil {
		return err
	}
	if err := rw.flush(); err != nil {
		return err
	}
	if a.fault.Kind == CutInRow {
		return rw.c.abort()
	}
	if err := rw.c.freeze(a); err != nil {
		return err
	}
	_, err := rw.out.Write(b[half:])
	return err
}

func (rw *rowWriter) plain(b []byte) error {
	if rw.n > 0 {
		if _, err := rw.out.WriteString(rw.sep); err != nil {
			return err
		}
	}
	rw.n++
	_, err := rw.out.Write(b)
	return err
}

// flush sends the buffered bytes.
func (rw *rowWriter) flush() error {
	if err := rw.out.Flush(); err != nil {
		return err
	}
	return http.NewResponseController(rw.c.w).Flush()
}

// end writes the tail. A short answer is still sent in chunks, without a
// Content-Length, as CouchDB sends it.
func (rw *rowWriter) end(tail string) error {
	rw.c.lens.turn = false
	for _, row := range slices.Backward(rw.held) {
		if err := rw.send(row); err != nil {
			return err
		}
	}
	if err := rw.text(tail); err != nil {
		return err
	}
	return rw.flush()
}
