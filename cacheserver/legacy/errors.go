package legacy

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/dmwm/wmstats/cacheserver/ondemand"
	"github.com/dmwm/wmstats/schema/wire"
)

// fault is an error with the fields that the old API reports.
type fault struct {
	status int
	code   int    // X-REST-Status; 0: the old server sends none
	bare   bool   // the old server sends no X-Error headers either
	detail string // X-Error-Detail: the same for every error of this kind
	info   string // X-Error-Info: specific to this error; may be empty
	retry  int    // Retry-After in seconds; 0: none
	slug   wire.Slug
	cause  error // only logged
}

func (f *fault) Error() string {
	if f.info != "" {
		return f.detail + ": " + f.info
	}
	return f.detail
}

func (f *fault) Unwrap() error { return f.cause }

// Errors of the old API with fixed texts.
var (
	errNoAPI         = &fault{status: http.StatusBadRequest, code: 205, detail: "API not specified", slug: wire.SlugBadValue}
	errUnknownAPI    = &fault{status: http.StatusNotFound, code: 207, detail: "API not supported", slug: wire.SlugNotFound}
	errNoName        = &fault{status: http.StatusBadRequest, code: 301, detail: "Missing required parameter", slug: wire.SlugBadValue}
	errNotAcceptable = &fault{status: http.StatusNotAcceptable, code: 201, detail: "Not acceptable", slug: wire.SlugNotAcceptable}
	errMethod        = &fault{status: http.StatusMethodNotAllowed, code: 202, detail: "Request method not supported", slug: wire.SlugMethodNotAllowed}
	errForbidden     = &fault{status: http.StatusForbidden, detail: "You are not allowed to access this resource.", slug: wire.SlugUnauthorized}
	errNoWorkflow    = &fault{status: http.StatusNotFound, bare: true, slug: wire.SlugNotFound, detail: "There is no such workflow"}
)

// invalid returns the error for an invalid argument.
func invalid(info string) *fault {
	return &fault{status: http.StatusBadRequest, code: 302, detail: "Invalid input parameter", info: info, slug: wire.SlugBadValue}
}

// notReady returns the error for an answer that might be incomplete.
func notReady(info string) *fault {
	const soon = 30 // s
	return &fault{status: http.StatusServiceUnavailable, code: 208, detail: "DataCache is Empty", info: info, retry: soon, slug: wire.SlugNotReady}
}

// busy returns the error for too many concurrent requests.
func busy(info string) *fault {
	const soon = 30 // s
	return &fault{status: http.StatusServiceUnavailable, code: 401, detail: "Database unavailable", info: info, retry: soon, slug: wire.SlugRateLimited}
}

// sourceFailed returns the error for a failed read of the source.
func sourceFailed(cause error) *fault {
	const soon = 10 // s
	return &fault{status: http.StatusServiceUnavailable, code: 401, detail: "Database unavailable", info: "The source could not be read.", retry: soon, slug: wire.SlugSourceFailed, cause: cause}
}

// faultOf converts any error to a fault.
func faultOf(err error) *fault {
	var f *fault
	var crash *panicError
	var read *ondemand.PanicError
	switch {
	case errors.As(err, &f):
		return f
	case errors.As(err, &crash), errors.As(err, &read), errors.Is(err, errMemory):
		return &fault{status: http.StatusInternalServerError, code: 403, detail: "Execution error", slug: wire.SlugInternal, cause: err}
	case errors.Is(err, ondemand.ErrBusy):
		return busy("Too many reads wait for the source.")
	}
	if p := wire.ProblemOf(err); p != nil {
		switch p.Slug() {
		case wire.SlugUnauthorized:
			return errForbidden
		default:
			return &fault{status: p.Status, code: p.Status, detail: p.Title, info: p.Detail, retry: p.RetryAfter, slug: p.Slug()}
		}
	}
	return sourceFailed(err)
}

// errMemory means that a block of documents could not be decompressed.
var errMemory = errors.New("stored request documents cannot be decompressed")

// fail sends an error. If the answer has already begun, it cuts the connection
// instead: a partial answer must not look complete.
func (c *call) fail(err error) {
	f := faultOf(err)
	var raw [16]byte
	_, _ = rand.Read(raw[:]) // never fails
	id := hex.EncodeToString(raw[:])
	c.log(f, err, id)
	if c.answer != nil && c.answer.sent || c.r.Context().Err() != nil {
		panic(http.ErrAbortHandler)
	}
	h := c.w.Header()
	for _, name := range []string{"Etag", "Content-Encoding", "Trailer", "Content-Length"} {
		h.Del(name)
	}
	if f.code != 0 {
		h.Set("X-Rest-Status", strconv.Itoa(f.code))
	}
	if !f.bare {
		h.Set("X-Error-Http", strconv.Itoa(f.status))
		h.Set("X-Error-Id", id)
		h.Set("X-Error-Detail", f.detail)
		if f.info != "" {
			h.Set("X-Error-Info", oneLine(f.info))
		}
	}
	if f.retry > 0 {
		h.Set("Retry-After", strconv.Itoa(f.retry))
	}
	if f.status == http.StatusMethodNotAllowed {
		h.Set("Allow", "GET HEAD") // as the old server writes it
	}
	c.common(h)
	h.Set("Content-Type", wire.MediaProblem)
	h.Set("Vary", "Accept")
	p := wire.NewProblem(f.slug, strings.TrimSuffix(f.Error(), ": "))
	p.Status = f.status
	body, err := json.Marshal(p)
	if err != nil {
		body = []byte("{}")
	}
	body = append(body, '\n')
	h.Set("Content-Length", strconv.Itoa(len(body)))
	c.w.WriteHeader(f.status)
	if c.r.Method != http.MethodHead {
		_, _ = c.w.Write(body) // an error here is a client that left
	}
}

// log logs an error.
func (c *call) log(f *fault, err error, id string) {
	ctx := context.WithoutCancel(c.r.Context())
	client := c.h.o.Gate.Who(c.r)
	log := c.h.o.Log.With("api", c.api, "path", c.r.URL.Path, "error_id", id)
	var crash *panicError
	switch {
	case errors.As(err, &crash):
		log.With(client).ErrorContext(ctx, "old API: handler panicked", "err", err, "stack", string(crash.stack))
	case c.r.Context().Err() != nil:
		log.DebugContext(ctx, "old API: client left", "err", err)
	case c.answer != nil && c.answer.sent:
		log.With(client).WarnContext(ctx, "old API: the answer failed after it had begun; the connection was cut", "err", err)
	case f.status == http.StatusInternalServerError:
		log.With(client).ErrorContext(ctx, "old API: request failed", "err", err)
	case f.slug == wire.SlugSourceFailed:
		log.With(client).WarnContext(ctx, "old API: source failed", "err", err)
	default:
		log.DebugContext(ctx, "old API: request refused", "status", f.status, "detail", f.detail, "info", f.info)
	}
}

// oneLine shortens a text and removes what a header may not contain.
func oneLine(text string) string {
	const longest = 200
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return ' '
		}
		return r
	}, text)
	return text[:min(len(text), longest)]
}

// admit checks the identity and the rate limit of the client. Cms-Auth-Status NONE
// means that the front end could not identify the client.
func (c *call) admit() error {
	if c.h.o.Gate.Asks() && strings.EqualFold(c.r.Header.Get("Cms-Auth-Status"), "NONE") {
		return errForbidden
	}
	_, err := c.h.o.Gate.Admit(c.r, c.began)
	return err
}
