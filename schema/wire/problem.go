package wire

import (
	"errors"
	"fmt"
	"strings"
)

// Problem is the one error body of the API (RFC 9457).
type Problem struct { //nolint:errname // the name is that of RFC 9457
	Type       string   `json:"type"` // /problems/<slug>
	Title      string   `json:"title"`
	Status     int      `json:"status"`
	Detail     string   `json:"detail"`
	Param      string   `json:"param,omitempty"`
	DidYouMean []string `json:"did_you_mean,omitempty"`
	Restart    string   `json:"restart,omitempty"`  // generation-expired: the URL that starts again
	Continue   string   `json:"continue,omitempty"` // generation-expired: the URL that continues by name
	Cause      error    `json:"-"`                  // for the log only
	RetryAfter int      `json:"-"`                  // seconds, for the header of that name; 0: none
	Challenges []string `json:"-"`                  // unauthorized: values of WWW-Authenticate
}

func (p *Problem) Error() string {
	if p.Detail == "" {
		return p.Title
	}
	return p.Detail
}

func (p *Problem) Unwrap() error { return p.Cause }

// Slug names the kind of a problem: the last part of its Type.
func (p *Problem) Slug() Slug {
	return Slug(strings.TrimPrefix(p.Type, problemPath))
}

const problemPath = "/problems/"

// Slug is a kind of problem, from the closed set that Kinds lists.
type Slug string

const (
	SlugUnknownParameter  Slug = "unknown-parameter"
	SlugBadValue          Slug = "bad-value"
	SlugUnknownField      Slug = "unknown-field"
	SlugBadSelector       Slug = "bad-selector"
	SlugUnauthorized      Slug = "unauthorized"
	SlugNotFound          Slug = "not-found"
	SlugMethodNotAllowed  Slug = "method-not-allowed"
	SlugGenerationExpired Slug = "generation-expired"
	SlugWrongHost         Slug = "wrong-host"
	SlugNotAcceptable     Slug = "not-acceptable"
	SlugTooLarge          Slug = "too-large"
	SlugTooExpensive      Slug = "too-expensive"
	SlugRateLimited       Slug = "rate-limited"
	SlugNotReady          Slug = "not-ready"
	SlugSourceFailed      Slug = "source-failed"
	SlugNotInSource       Slug = "not-in-source"
	SlugInternal          Slug = "internal"
)

// ProblemKind describes one slug: what /problems/{slug} says.
type ProblemKind struct {
	Slug   Slug
	Status int
	Title  string
	Help   string // what it means
	Action string // what a client should do
}

// kinds is the one table from slug to status and title.
var kinds = []ProblemKind{
	{SlugUnknownParameter, 400, "Unknown query parameter",
		"There is no query parameter of this name. The request is refused, because an ignored filter would return too much.",
		"Correct the name; did_you_mean lists similar ones."},
	{SlugBadValue, 400, "Invalid parameter value",
		"The value of the parameter in param has the wrong format, is out of range, is empty, or is repeated where one is allowed.",
		"Correct the value; detail says what is accepted."},
	{SlugUnknownField, 400, "Unknown field",
		"A field in sort, fields, facets, has, by, sum or a path is not a key of the schema.",
		"Correct the name; did_you_mean lists similar ones."},
	{SlugBadSelector, 400, "Invalid selector",
		"The selector of /find is invalid.",
		"Correct the selector; detail says what is wrong."},
	{SlugUnauthorized, 401, "Unauthorized",
		"Authentication is required. The WWW-Authenticate header lists the methods: a bearer token, a user and a password, or a front end that logs users in.",
		"Send credentials. The operator of the server issues tokens."},
	{SlugNotFound, 404, "Not found",
		"This generation has no such workflow, site, campaign, agent, release or page. A list without matches is not an error: it is 200 and empty.",
		"Correct the name; did_you_mean lists similar ones."},
	{SlugMethodNotAllowed, 405, "Method not allowed",
		"The resource does not support this method.",
		"Use a method that the Allow header lists."},
	{SlugGenerationExpired, 410, "Generation expired",
		"The generation in gen is no longer kept, or belongs to another process.",
		"Request the URL in restart to start again on the newest generation, or the URL in continue to continue after the last workflow that was read: every workflow that exists and matches during the whole scan is then returned exactly once. continue is absent if the order is not by name or the last workflow is unknown."},
	{SlugNotAcceptable, 406, "Not acceptable",
		"The server supports none of the accepted media types.",
		"Accept one of those in did_you_mean."},
	{SlugTooLarge, 413, "Request too large",
		"The body, the header or the URL of the request is larger than the server accepts.",
		"Send less, or send it in several requests."},
	{SlugWrongHost, 421, "Unknown host name",
		"The server requires no authentication, so it answers only requests for host names that it knows: those of its own machine, and those in --hosts. Otherwise any web page could read it through a browser on that machine.",
		"Use a known name, or have the operator add the name to --hosts."},
	{SlugTooExpensive, 422, "Too expensive",
		"The answer would cost more than a single request may.",
		"Request less, or split the request; detail says what helps."},
	{SlugRateLimited, 429, "Too many requests",
		"The client sends more requests or has more streams open than one client may, or it has tried too many passwords.",
		"Wait for the time in the Retry-After header. Larger pages and limit=all need fewer requests."},
	{SlugNotReady, 503, "Not ready",
		"The first full read of the source has not finished. The server never returns an empty list instead.",
		"Retry after the time in the Retry-After header."},
	{SlugSourceFailed, 502, "Source failed",
		"Data that are read on demand could not be read from the source. Lists and the list record of the workflow are still available.",
		"Retry after the time in the Retry-After header."},
	{SlugNotInSource, 404, "Not in the source",
		"The source of this server does not provide such data: the requestcache of the old server has no job documents and no log, and a CouchDB may lack a view or a database. It does not mean that there are none.",
		"Do not retry: it will not help."},
	{SlugInternal, 500, "Internal error",
		"The server has a bug. Its log has the cause under the request ID in the X-Request-Id header.",
		"Report it to the operator with the request ID."},
}

// Kinds lists all problems in the order of the API's documentation.
func Kinds() []ProblemKind { return append([]ProblemKind(nil), kinds...) }

// KindOf returns the row of a slug; ok is false for an unknown slug.
func KindOf(slug Slug) (kind ProblemKind, ok bool) {
	for _, k := range kinds {
		if k.Slug == slug {
			return k, true
		}
	}
	return ProblemKind{}, false
}

// NewProblem returns a problem with the status and title of its slug. An
// unknown slug becomes an internal error.
func NewProblem(slug Slug, detail string) *Problem {
	k, ok := KindOf(slug)
	if !ok {
		k, _ = KindOf(SlugInternal)
	}
	return &Problem{Type: problemPath + string(k.Slug), Title: k.Title, Status: k.Status, Detail: detail}
}

// UnknownParameter reports that param is not a parameter; near lists names that
// resemble it.
func UnknownParameter(param string, near []string) *Problem {
	p := NewProblem(SlugUnknownParameter, fmt.Sprintf("'%s' is not a parameter of this resource.", shorten(param)))
	p.Param, p.DidYouMean = shorten(param), near
	return p
}

// BadValue reports what is wrong with the value of param.
func BadValue(param, detail string) *Problem {
	p := NewProblem(SlugBadValue, detail)
	p.Param = param
	return p
}

// UnknownField reports that field, named in param, is not in the schema.
func UnknownField(param, field string, near []string) *Problem {
	p := NewProblem(SlugUnknownField, fmt.Sprintf("'%s' is not a field that %s can use.", shorten(field), param))
	p.Param, p.DidYouMean = param, near
	return p
}

// NotFound reports that nothing of that kind (workflow, site, ...) has that
// name.
func NotFound(kind, name string, near []string) *Problem {
	p := NewProblem(SlugNotFound, fmt.Sprintf("There is no %s '%s'.", kind, shorten(name)))
	p.DidYouMean = near
	return p
}

// GenerationExpired reports that gen can't be read any more. next is the URL
// that continues by name, or "" where that is not possible.
func GenerationExpired(gen, restart, next string) *Problem {
	p := NewProblem(SlugGenerationExpired, fmt.Sprintf("Generation '%s' is not available on this server.", shorten(gen)))
	p.Param, p.Restart, p.Continue = "gen", restart, next
	return p
}

// NotAcceptable lists the media types that are available.
func NotAcceptable(asked string, offered []string) *Problem {
	p := NewProblem(SlugNotAcceptable, fmt.Sprintf("'%s' is not supported; supported types: %s.", shorten(asked), strings.Join(offered, ", ")))
	p.DidYouMean = offered
	return p
}

// TooExpensive reports which limit the request exceeds.
func TooExpensive(detail string) *Problem { return NewProblem(SlugTooExpensive, detail) }

// RateLimited tells the client to wait.
func RateLimited(detail string) *Problem {
	p := NewProblem(SlugRateLimited, detail)
	p.RetryAfter = 1
	return p
}

// Unauthorized reports why the client is not authenticated, and the methods to
// authenticate.
func Unauthorized(detail string, challenges []string) *Problem {
	p := NewProblem(SlugUnauthorized, detail)
	p.Challenges = challenges
	return p
}

// ReadingPrefix begins the part of a not-ready problem's detail that says how far
// the full read is.
const ReadingPrefix = "Progress: "

// NotReady reports that the first full read has not finished.
func NotReady() *Problem {
	return NewProblem(SlugNotReady, "The first full read of the source has not finished; retry soon.")
}

// NotReadyYet is NotReady with the progress of the read; reading may be empty.
func NotReadyYet(reading string) *Problem {
	p := NotReady()
	if reading != "" {
		p.Detail += " " + ReadingPrefix + reading + "."
	}
	return p
}

// NotReadyHere reports that another server has made a generation that the answering
// one has not applied yet.
func NotReadyHere(generation string) *Problem {
	p := NewProblem(SlugNotReady, fmt.Sprintf("This server has not applied generation %q yet; retry in a second.", generation))
	p.RetryAfter = 1
	return p
}

// SourceFailed reports what could not be read; cause goes to the log only.
func SourceFailed(detail string, cause error) *Problem {
	p := NewProblem(SlugSourceFailed, detail)
	p.Cause = cause
	return p
}

// NotInSource reports what the source does not provide.
func NotInSource(detail string) *Problem { return NewProblem(SlugNotInSource, detail) }

// Internal hides its cause from the client.
func Internal(cause error) *Problem {
	p := NewProblem(SlugInternal, "The server failed; its log has the cause.")
	p.Cause = cause
	return p
}

// Shorten truncates what a client sent before it is quoted back to the client.
func Shorten(s string) string { return shorten(s) }

func shorten(s string) string {
	const most = 80
	s = strings.ToValidUTF8(s, "\uFFFD")
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

// ProblemOf returns the problem in an error, nil when there is none.
func ProblemOf(err error) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	return nil
}
