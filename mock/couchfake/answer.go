package couchfake

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/klauspost/compress/gzip"
	"github.com/tidwall/gjson"
)

// maxRequestBytes limits the size of a request body after unpacking.
const maxRequestBytes = 1 << 30

// call is one request in progress: what it asks for, and which faults apply to
// it.
type call struct {
	server *Server
	w      http.ResponseWriter
	r      *http.Request
	path   []string // unescaped segments
	query  url.Values
	lens   lens
	salt   byte            // of the seqs in this answer
	begun  bool            // the head of the answer may have been sent
	held   *bufferedWriter // output that a fault holds back; nil: none
}

// reading reports whether the method only reads; HEAD is GET without its body.
func (c *call) reading() bool {
	return c.r.Method == http.MethodGet || c.r.Method == http.MethodHead
}

// body reads the request body, unpacked.
func (c *call) body() ([]byte, error) {
	var in io.Reader = http.MaxBytesReader(c.w, c.r.Body, maxRequestBytes)
	switch enc := c.r.Header.Get("Content-Encoding"); enc {
	case "", "identity":
	case "gzip":
		unzip, err := gzip.NewReader(in)
		if err != nil {
			return nil, badRequest("Request body is not properly gzipped.")
		}
		in = io.LimitReader(unzip, maxRequestBytes+1)
	default:
		return nil, &Error{http.StatusUnsupportedMediaType, "bad_ctype", enc + " not a supported content encoding."}
	}
	body, err := io.ReadAll(in)
	if err != nil {
		return nil, badRequest("request body: " + err.Error())
	}
	if len(body) > maxRequestBytes {
		return nil, &Error{http.StatusRequestEntityTooLarge, "too_large", "the request entity is too large"}
	}
	return body, nil
}

// jsonBody reads a JSON body. An empty one is the null value.
func (c *call) jsonBody() (gjson.Result, error) {
	if t := c.r.Header.Get("Content-Type"); t != "" && !strings.HasPrefix(t, "application/json") {
		return gjson.Result{}, &Error{http.StatusUnsupportedMediaType, "bad_content_type",
			"Content-Type must be application/json"}
	}
	body, err := c.body()
	if err != nil {
		return gjson.Result{}, err
	}
	if len(body) == 0 {
		return gjson.Result{}, nil
	}
	if !utf8.Valid(body) || !json.Valid(body) {
		return gjson.Result{}, invalidJSON()
	}
	return gjson.ParseBytes(body), nil
}

// flag reads a true/false parameter.
func (c *call) flag(name string) (bool, error) {
	switch v := c.query.Get(name); v {
	case "", "false":
		return false, nil
	case "true":
		return true, nil
	default:
		return false, queryError(fmt.Sprintf("Invalid boolean parameter: %q", v))
	}
}

// send answers with a complete body, which gets CouchDB's final newline.
func (c *call) send(status int, body string, headers ...string) error {
	c.begun = true
	h := c.w.Header()
	for i := 0; i+1 < len(headers); i += 2 {
		h[headers[i]] = []string{headers[i+1]}
	}
	c.commonHeaders()
	h.Set("Content-Length", strconv.Itoa(len(body)+1))
	c.w.WriteHeader(status)
	_, err := io.WriteString(c.w, body+"\n")
	return err
}

// commonHeaders are on every answer but 304.
func (c *call) commonHeaders() {
	c.w.Header().Set("Cache-Control", "must-revalidate")
	c.w.Header().Set("Content-Type", "application/json")
}

// notModified answers 304. net/http sends no Content-Length with it; CouchDB
// sends 0.
func (c *call) notModified(etag string) error {
	c.w.Header()["ETag"] = []string{etag}
	c.w.WriteHeader(http.StatusNotModified)
	return nil
}

// fail answers with an error.
func (c *call) fail(e *Error) error {
	body := append([]byte(`{"error":`), appendString(nil, e.Name)...)
	body = append(body, `,"reason":`...)
	body = append(appendString(body, e.Reason), '}')
	return c.send(e.Status, string(body))
}

// allow refuses methods that are not named.
func (c *call) allow(methods ...string) error {
	for _, m := range methods {
		if c.r.Method == m {
			return nil
		}
	}
	list := strings.Join(methods, ",")
	c.w.Header().Set("Allow", list)
	return &Error{http.StatusMethodNotAllowed, "method_not_allowed", "Only " + list + " allowed"}
}

// location is the absolute address of a path on this server.
func (c *call) location(segments ...string) string {
	address := "http://" + c.r.Host
	for _, s := range segments {
		address += "/" + url.PathEscape(s)
	}
	return address
}

const hexDigits = "0123456789abcdef"

// appendString writes a JSON string as CouchDB does: it escapes only what must
// be escaped; other text stays UTF-8.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := 0; i < len(s); i++ {
		switch b := s[i]; {
		case b == '"' || b == '\\':
			dst = append(dst, '\\', b)
		case b == '\n':
			dst = append(dst, '\\', 'n')
		case b == '\r':
			dst = append(dst, '\\', 'r')
		case b == '\t':
			dst = append(dst, '\\', 't')
		case b < 0x20:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[b>>4], hexDigits[b&15])
		default:
			dst = append(dst, b)
		}
	}
	return append(dst, '"')
}

func quoted(s string) string { return string(appendString(nil, s)) }
