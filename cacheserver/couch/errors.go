package couch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"

	"github.com/go-kivik/kivik/v4/couchdb/chttp"

	"github.com/dmwm/wmstats/program/tlsclient"
)

// Kinds of failure that a caller can act on. Every error of this package is an
// *Error that wraps one of them.
var (
	ErrUnauthorized = errors.New("credentials refused")
	ErrForbidden    = errors.New("not allowed") // the user is known
	ErrNoDatabase   = errors.New("database does not exist")
	ErrNotFound     = errors.New("not found")                    // a view or a document
	ErrGone         = errors.New("document is deleted")          // it existed
	ErrSeqUnknown   = errors.New("position unknown to server")   // a full read is needed
	ErrFrozen       = errors.New("no sign of life from server")  // connected, but silent for too long
	ErrCut          = errors.New("answer was cut")               // it ended before its closing line
	ErrRow          = errors.New("server failed in the answer")  // an error object instead of a row
	ErrForm         = errors.New("answer is not CouchDB's form") // a login page, a wrong URL
	ErrRefused      = errors.New("request refused")              // any other 4xx
	ErrServer       = errors.New("server error")                 // 5xx, 408, 429
	ErrUnreachable  = errors.New("server not reachable")         // no connection
)

// Error is a failed call: the operation, the kind of failure, and the server's
// text. Error() contains neither URL nor credentials.
type Error struct {
	Op     string // operation
	Kind   error  // one of the Err values
	Status int    // HTTP status, 0 if there was none
	Code   string // "error" of CouchDB's answer
	Reason string // "reason" of CouchDB's answer
	Err    error  // cause, or nil
}

func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %v", e.Op, e.Kind)
	if e.Status != 0 {
		fmt.Fprintf(&b, " (status %d)", e.Status)
	}
	if e.Code != "" || e.Reason != "" {
		fmt.Fprintf(&b, ": %s %s", e.Code, e.Reason)
	}
	if e.Err != nil {
		fmt.Fprintf(&b, ": %v", e.Err)
	}
	return b.String()
}

// Unwrap returns the kind and the cause.
func (e *Error) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.Err}
}

// failure is a kind of failure with its texts for people and metrics.
type failure struct {
	kind   error
	reason string // short, for metrics
	text   string
}

// failures lists all kinds. The first match counts.
func failures() []failure {
	list := []failure{{context.Canceled, "stopped", "the read was stopped"}}
	for _, r := range tlsclient.Reasons() {
		list = append(list, failure{r.Err, r.Name, unreachableText + ": " + r.Err.Error()})
	}
	return append(list, []failure{
		{ErrUnauthorized, "unauthorized", "the database server refuses the credentials"},
		{ErrForbidden, "forbidden", "the database server denies read access"},
		{ErrNoDatabase, "no_database", "a database does not exist"},
		{ErrSeqUnknown, "position", "the database server no longer knows the position; a full read is needed"},
		{ErrFrozen, "frozen", "the database server is silent"},
		{ErrCut, "cut", "an answer of the database server was cut"},
		{ErrRow, "row", "the database server failed in the middle of an answer"},
		{ErrForm, "form", "the answer is not that of a CouchDB server"},
		{ErrServer, "server", "the database server failed"},
		{ErrRefused, "refused", "the database server refuses the request"},
		{ErrGone, "deleted", "the document is deleted"},
		{ErrNotFound, "not_found", "not found"},
		{syscall.ECONNREFUSED, "connection_refused", "connection to the database server refused"},
		{context.DeadlineExceeded, "timeout", "the database server took too long"},
		{ErrUnreachable, "unreachable", unreachableText},
	}...)
}

const (
	statusText      = "the database server answers with status "
	lockedText      = "the database server has locked the user after wrong passwords"
	unreachableText = "the database server can't be reached"
	otherReason     = "other"
)

// Reasons returns all values of Reason.
func Reasons() []string {
	list := []string{"locked", otherReason}
	for _, f := range failures() {
		list = append(list, f.reason)
	}
	return list
}

// Reason returns the short name of a text of Public, for metrics; "other" for
// any other text.
func Reason(text string) string {
	switch {
	case strings.HasPrefix(text, statusText):
		return "server"
	case text == lockedText:
		return "locked"
	}
	for _, r := range tlsclient.Reasons() { // of another server, such as that of a requestcache
		if strings.HasSuffix(text, ": "+r.Err.Error()) {
			return r.Name
		}
	}
	for _, f := range failures() {
		if f.text == text {
			return f.reason
		}
	}
	return otherReason
}

// Public returns why a call failed, in words that are safe to publish: no URL,
// address, path, database name or text of the server. Errors of other packages
// may have a text of their own in a method PublicText.
func Public(err error) string {
	var e *Error
	var own interface{ PublicText() string }
	if errors.As(err, &own) && own.PublicText() != "" {
		return own.PublicText()
	}
	if errors.As(err, &e) && errors.Is(e.Kind, ErrServer) && e.Status != 0 {
		return statusText + strconv.Itoa(e.Status)
	}
	if errors.As(err, &e) && strings.Contains(e.Reason, lockedReason) {
		return lockedText
	}
	for _, f := range failures() {
		if errors.Is(err, f.kind) {
			return f.text
		}
	}
	return "the source can't be read"
}

// ofStatus returns the error of an answer with a status of 400 or more.
func ofStatus(op string, status int, code, reason string) *Error {
	e := &Error{Op: op, Status: status, Code: code, Reason: reason}
	text := strings.ToLower(reason)
	switch {
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		e.Kind = kindOfRefusal(status)
	case status == http.StatusNotFound && (strings.Contains(text, "database does not exist") || text == "no_db_file"):
		e.Kind = ErrNoDatabase
	case status == http.StatusNotFound && text == "deleted":
		e.Kind = ErrGone
	case status == http.StatusNotFound:
		e.Kind = ErrNotFound
	case status == http.StatusBadRequest && (strings.Contains(text, "since") || strings.Contains(text, "sequence")):
		e.Kind = ErrSeqUnknown
	case status >= 500, status == http.StatusRequestTimeout, status == http.StatusTooManyRequests:
		e.Kind = ErrServer
	default:
		e.Kind = ErrRefused
	}
	return e
}

// kindOfRefusal returns the kind of a 401 or 403.
func kindOfRefusal(status int) error {
	if status == http.StatusUnauthorized {
		return ErrUnauthorized
	}
	return ErrForbidden
}

// ofTransport returns the error of a call that got no answer or only part of
// one. The context's own cause (frozen) says more than the error that it led to.
func ofTransport(ctx context.Context, op string, err error) *Error {
	if cause := context.Cause(ctx); cause != nil {
		if errors.Is(cause, ErrFrozen) {
			return &Error{Op: op, Kind: ErrFrozen}
		}
		return &Error{Op: op, Kind: cause}
	}
	if refused := new(Error); errors.As(err, &refused) { // an error of login
		refused := *refused
		refused.Op = op
		return &refused
	}
	var netErr net.Error
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return &Error{Op: op, Kind: ErrCut, Err: plain(err)}
	case errors.As(err, &netErr) && netErr.Timeout():
		return &Error{Op: op, Kind: ErrUnreachable, Err: errors.Join(context.DeadlineExceeded, plain(err))}
	}
	return &Error{Op: op, Kind: ErrUnreachable, Err: plain(err)}
}

// plain removes the URL from an error of net/http; Op names the operation.
func plain(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// viaKivik runs a call of kivik. If it panics, as other calls of that library
// did on odd answers, only this call fails.
func viaKivik(ctx context.Context, op string, call func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = &Error{Op: op, Kind: ErrForm, Err: fmt.Errorf("the client library panicked: %v", r)}
		}
	}()
	if err := call(); err != nil {
		return fromKivik(ctx, op, err)
	}
	return nil
}

// fromKivik converts an error of kivik to an *Error.
func fromKivik(ctx context.Context, op string, err error) error {
	var answered *chttp.HTTPError
	if errors.As(err, &answered) {
		return ofStatus(op, answered.HTTPStatus(), "", answered.Reason)
	}
	var syntax *json.SyntaxError
	var form *json.UnmarshalTypeError
	if errors.As(err, &syntax) || errors.As(err, &form) {
		return &Error{Op: op, Kind: ErrForm, Err: err}
	}
	return ofTransport(ctx, op, err)
}
