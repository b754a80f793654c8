package couch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Sizes of the buffer of an answer. Most answers are a few lines; the others
// have gigabytes.
const (
	firstBuffer = 8 << 10
	bulkBuffer  = 256 << 10
)

// maxKept is the largest line buffer that is kept after its line: one document
// of 20 MB must not hold 20 MB for ever.
const maxKept = 1 << 20

// stream is one answer, read line by line under a deadline that restarts with
// each received piece.
type stream struct {
	op     string
	number int // of the certificate and authorities when the request was sent
	ctx    context.Context
	cancel context.CancelCauseFunc
	body   io.ReadCloser
	timer  *time.Timer
	idle   time.Duration
	most   int64 // maximum bytes of a line

	buf        []byte
	start, end int // the unread part of buf
	err        error
}

// open sends a request and returns its answer, or an *Error for any status but
// 200. The idle deadline starts now. The caller must close the stream.
func (c *Client) open(ctx context.Context, op, method string, db Database, path string, query url.Values, body any, idle time.Duration) (*stream, error) {
	u := *c.base
	u.Path = strings.TrimSuffix(u.Path, "/") + "/" + c.DatabaseName(db) + "/" + path
	u.RawPath = strings.TrimSuffix(c.base.EscapedPath(), "/") + "/" + url.PathEscape(c.DatabaseName(db)) + "/" + path
	u.RawQuery = query.Encode()
	var payload io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return nil, &Error{Op: op, Kind: ErrRefused, Err: err}
		}
		payload = bytes.NewReader(encoded)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	s := &stream{op: op, number: c.o.TLS.Number(), ctx: ctx, cancel: cancel, idle: idle, most: c.o.MaxAnswer}
	s.timer = time.AfterFunc(idle, func() { cancel(ErrFrozen) })
	req, err := http.NewRequestWithContext(ctx, method, u.String(), payload)
	if err != nil {
		s.close()
		return nil, &Error{Op: op, Kind: ErrRefused, Err: plain(err)}
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", c.o.UserAgent)
	if payload != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.http.Do(req) //nolint:bodyclose // the stream closes it
	if err != nil {
		defer s.close()
		return nil, ofTransport(ctx, op, err)
	}
	s.timer.Stop()
	s.body = resp.Body
	if resp.StatusCode != http.StatusOK {
		defer s.close()
		return nil, s.refusal(resp.StatusCode)
	}
	return s, nil
}

// refusal reads the body of an error answer.
func (s *stream) refusal(status int) error {
	var said struct{ Error, Reason string }
	body, _ := io.ReadAll(io.LimitReader(s, 64<<10)) // an unreadable body has no error text
	if json.Unmarshal(body, &said) != nil {
		said.Error, said.Reason = "", ""
	}
	return ofStatus(s.op, status, said.Error, said.Reason)
}

func (s *stream) close() {
	s.timer.Stop()
	s.cancel(nil)
	if s.body != nil {
		_ = s.body.Close() // nothing was written, so nothing can be lost
	}
}

// Read reads from the answer. Only the wait for the server counts toward the
// deadline, not the caller's time between two reads.
func (s *stream) Read(p []byte) (int, error) {
	s.timer.Reset(s.idle)
	n, err := s.body.Read(p)
	s.timer.Stop()
	return n, err
}

// all reads up to most bytes of an answer without rows.
func (s *stream) all(most int64) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(s, most))
	if err != nil {
		return nil, ofTransport(s.ctx, s.op, err)
	}
	return text, nil
}

// line returns the next line without its end, and whether it had one. It is
// valid until the next call. A line has at most MaxAnswer bytes. At the end of
// the answer the error is io.EOF.
func (s *stream) line() (line []byte, whole bool, err error) {
	for scanned := 0; ; {
		if i := bytes.IndexByte(s.buf[s.start+scanned:s.end], '\n'); i >= 0 {
			line = s.buf[s.start : s.start+scanned+i]
			s.start += scanned + i + 1
			return bytes.TrimSuffix(line, []byte{'\r'}), true, nil
		}
		scanned = s.end - s.start
		switch {
		case int64(scanned) > s.most:
			return nil, false, &Error{Op: s.op, Kind: ErrForm, Err: errTooLarge(s.most), Reason: "a row does not end"}
		case s.err == nil:
		case !errors.Is(s.err, io.EOF) || context.Cause(s.ctx) != nil:
			return nil, false, ofTransport(s.ctx, s.op, s.err)
		case s.start == s.end:
			return nil, false, io.EOF
		default:
			line = s.buf[s.start:s.end]
			s.start = s.end
			return line, false, nil
		}
		s.fill()
	}
}

// fill makes room and reads once.
func (s *stream) fill() {
	unread := s.end - s.start
	switch {
	case s.buf == nil:
		s.buf = make([]byte, firstBuffer)
	case unread == 0 && len(s.buf) > maxKept:
		s.buf = make([]byte, bulkBuffer)
		s.start, s.end = 0, 0
	case s.end == len(s.buf) && len(s.buf) < bulkBuffer: // the answer is longer than a few lines
		s.grow(bulkBuffer)
	case unread == len(s.buf):
		s.grow(2 * len(s.buf))
	case s.start > 0 && len(s.buf)-s.end < 32<<10:
		copy(s.buf, s.buf[s.start:s.end])
		s.start, s.end = 0, unread
	}
	n, err := s.Read(s.buf[s.end:])
	s.end += n
	s.err = err
}

// grow moves the unread bytes to the beginning of a larger buffer.
func (s *stream) grow(size int) {
	buf := make([]byte, size)
	s.end = copy(buf, s.buf[s.start:s.end])
	s.buf, s.start = buf, 0
}

// tail is the content of an answer besides its rows.
type tail struct {
	LastSeq  json.RawMessage `json:"last_seq"`
	Pending  json.RawMessage `json:"pending"`    // changes after this answer
	Total    json.RawMessage `json:"total_rows"` // of the whole index; the answer may have only part of it
	Bookmark json.RawMessage `json:"bookmark"`   // after the last row of a query

	Error, Reason string // the server failed after the rows

	rows int64 // rows received
}

// rows calls fn with each row of an answer in the form
//
//	{"rows":[      or "results", or "docs"
//	{…},
//	{…}
//	]}             or more members and then }
//
// one row a line, as CouchDB writes them (these answers have up to gigabytes,
// and finding line ends is the cheapest way through). A row is valid inside fn
// only. An answer that ends before its closing line is ErrCut, an error object
// instead of a row is ErrRow. alive is called for blank lines.
func (s *stream) rows(fn func(row []byte) error, alive func()) (tail, error) {
	head, err := s.head()
	if err != nil {
		return tail{}, err
	}
	var came int64
	each := fn
	fn = func(row []byte) error { came++; return each(row) }
	if !bytes.HasSuffix(head, []byte{'['}) {
		t, err := s.inOnePiece(head, fn)
		t.rows = came
		return t, err
	}
	for {
		line, whole, err := s.line()
		switch {
		case err != nil:
			return tail{}, s.cut(err)
		case len(bytes.TrimSpace(line)) == 0:
			alive()
		case line[0] == ']':
			t, err := s.tail(head, line)
			t.rows = came
			return t, err
		case !whole:
			return tail{}, &Error{Op: s.op, Kind: ErrCut, Reason: "in the middle of a row"}
		case line[0] != '{':
			return tail{}, &Error{Op: s.op, Kind: ErrForm, Reason: "a line that is not a row"}
		default:
			if err := s.row(bytes.TrimSuffix(line, []byte{','}), fn); err != nil {
				return tail{}, err
			}
		}
	}
}

// head returns the line that opens an answer.
func (s *stream) head() ([]byte, error) {
	for {
		line, _, err := s.line()
		if err != nil {
			return nil, s.cut(err)
		}
		line = bytes.TrimSpace(line)
		switch {
		case len(line) == 0:
		case line[0] != '{':
			return nil, &Error{Op: s.op, Kind: ErrForm, Reason: "not a JSON object"}
		default:
			return bytes.Clone(line), nil
		}
	}
}

// row passes on one row, unless it is an error of the server.
func (s *stream) row(row []byte, fn func([]byte) error) error {
	if bytes.HasPrefix(row, []byte(`{"error":`)) {
		var said struct{ Error, Reason string }
		if err := json.Unmarshal(row, &said); err != nil {
			return &Error{Op: s.op, Kind: ErrRow, Err: err}
		}
		return &Error{Op: s.op, Kind: ErrRow, Code: said.Error, Reason: said.Reason}
	}
	return fn(row)
}

// tail reads what follows the rows; line is its first line, head what came
// before the rows.
func (s *stream) tail(head, line []byte) (t tail, err error) {
	text := slices.Concat(head, line)
	for !bytes.HasSuffix(bytes.TrimSpace(text), []byte{'}'}) {
		if line, _, err = s.line(); err != nil {
			return t, s.cut(err)
		}
		text = append(text, line...)
	}
	if err := json.Unmarshal(text, &t); err != nil {
		return t, &Error{Op: s.op, Kind: ErrForm, Err: err}
	}
	if t.Error != "" {
		return t, &Error{Op: s.op, Kind: ErrRow, Code: t.Error, Reason: t.Reason}
	}
	// Read to the end of the body, or the connection can't be reused.
	// Everything that matters has been read, so the wait is short.
	for s.idle = time.Second; err == nil; {
		_, _, err = s.line()
	}
	return t, nil
}

// inOnePiece reads an answer that another implementation wrote on one line.
func (s *stream) inOnePiece(head []byte, fn func([]byte) error) (t tail, err error) {
	rest, err := io.ReadAll(io.LimitReader(&remainder{s}, s.most+1))
	if err != nil {
		return t, ofTransport(s.ctx, s.op, err)
	}
	if int64(len(rest)) > s.most {
		return t, &Error{Op: s.op, Kind: ErrForm, Err: errTooLarge(s.most), Reason: "an answer in one line does not end"}
	}
	var all struct {
		Rows, Results, Docs []json.RawMessage
		tail
	}
	switch err := json.Unmarshal(append(head, rest...), &all); {
	case err != nil && strings.Contains(err.Error(), "unexpected end"):
		return t, &Error{Op: s.op, Kind: ErrCut, Err: err}
	case err != nil:
		return t, &Error{Op: s.op, Kind: ErrForm, Err: err}
	case all.Error != "":
		return t, &Error{Op: s.op, Kind: ErrRow, Code: all.Error, Reason: all.Reason}
	case all.Rows == nil && all.Results == nil && all.Docs == nil:
		return t, &Error{Op: s.op, Kind: ErrForm, Reason: "no rows in the answer"}
	}
	for _, rows := range [][]json.RawMessage{all.Rows, all.Results, all.Docs} {
		for _, row := range rows {
			if err := s.row(row, fn); err != nil {
				return t, err
			}
		}
	}
	return all.tail, nil
}

// remainder returns the rest of the answer after the lines that were read.
type remainder struct{ s *stream }

func (r *remainder) Read(p []byte) (int, error) {
	if s := r.s; s.start < s.end {
		n := copy(p, s.buf[s.start:s.end])
		s.start += n
		return n, nil
	}
	if r.s.err != nil {
		return 0, r.s.err
	}
	return r.s.Read(p)
}

// cut returns the error of an answer that ended too early.
func (s *stream) cut(err error) error {
	if errors.Is(err, io.EOF) && !errors.Is(err, ErrCut) {
		return &Error{Op: s.op, Kind: ErrCut, Reason: "no closing line"}
	}
	return err
}
