// Package identity authenticates requests by the configured methods: a bearer token,
// a user with a password, a name set by a trusted front end, or one signed by CMS's
// front end. Of tokens and passwords it stores only hashes. It re-reads the files of
// secrets when they change. There is no authorization:
// every authenticated client may read everything.
package identity

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dmwm/wmstats/program/access/limit"
	"github.com/dmwm/wmstats/program/access/peers"
	"github.com/dmwm/wmstats/program/filewatch"
	"github.com/dmwm/wmstats/schema/wire"
)

// Options are the methods of authentication. Any of those that are set is enough.
type Options struct {
	Tokens   string     // file of bearer tokens, hashed; see ParseTokens
	Htpasswd string     // file of users and bcrypt hashes, written by htpasswd -B
	Header   string     // header with the user name, accepted only from Peers
	Peers    peers.List // front ends that may set Header; required with it
	HMAC     string     // file with the key of the front end that signs its headers

	Recheck time.Duration // longest time until a changed file is noticed; 0: 2 s
	Now     func() time.Time
	Log     *slog.Logger
}

// file returns the options of a file with what as its content.
func (o *Options) file(what string) filewatch.Options {
	return filewatch.Options{What: what, Every: o.Recheck, Now: o.Now, Log: o.Log}
}

func (o *Options) complete() {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Recheck == 0 {
		o.Recheck = 2 * time.Second
	}
}

// Checker authenticates requests. It is safe for concurrent use.
type Checker struct {
	header     string // canonical
	peers      peers.List
	tokens     *filewatch.File[tokens]
	users      *filewatch.File[*users]
	key        *filewatch.File[signingKey]
	challenges []string
	failures   *limit.Buckets[netip.Addr] // limits verifications of new passwords by address
	busy       chan struct{}              // limits concurrent runs of bcrypt
	now        func() time.Time
}

// Limits of expensive work: verifying a new password takes about 50 ms of a core.
const (
	triesPerSecond = 2
	tries          = 50
	addresses      = 10_000
	atOnce         = 2
)

// New returns a Checker with its files read. Without any method it returns nil: no
// authentication is required.
func New(o Options) (*Checker, error) {
	if o.Tokens == "" && o.Htpasswd == "" && o.Header == "" && o.HMAC == "" {
		return nil, nil
	}
	if err := CheckHeader(o.Header); err != nil {
		return nil, err
	}
	if o.Header != "" && len(o.Peers) == 0 {
		return nil, errors.New("a header with the identity needs the list of front ends that may set it")
	}
	o.complete()
	c := &Checker{
		header: http.CanonicalHeaderKey(o.Header), peers: o.Peers, now: o.Now,
		failures: limit.NewBuckets[netip.Addr](triesPerSecond, tries, addresses), busy: make(chan struct{}, atOnce),
	}
	var err error
	if o.Tokens != "" {
		if c.tokens, err = filewatch.Open(o.Tokens, ParseTokens, o.file("credentials")); err != nil {
			return nil, err
		}
		c.challenges = append(c.challenges, `Bearer realm="wmstats"`)
	}
	if o.Htpasswd != "" {
		if c.users, err = filewatch.Open(o.Htpasswd, parseUsers, o.file("credentials")); err != nil {
			return nil, err
		}
		c.challenges = append(c.challenges, `Basic realm="wmstats", charset="UTF-8"`)
	}
	if o.HMAC != "" {
		file := o.file("front end key")
		file.Settle = true // any part of a key is a key
		if c.key, err = filewatch.Open(o.HMAC, parseKey, file); err != nil {
			return nil, err
		}
	}
	if len(c.challenges) == 0 {
		c.challenges = []string{`Frontend realm="wmstats"`} // a 401 must name a method
	}
	return c, nil
}

// ofRequests are headers that can't contain the user name: net/http removes them,
// they have another meaning here, or every client sends them.
var ofRequests = []string{
	"Accept", "Accept-Charset", "Accept-Encoding", "Accept-Language", "Authorization", "Cache-Control", "Connection", "Content-Encoding",
	"Content-Language", "Content-Length", "Content-Range", "Content-Type", "Cookie", "Date", "Expect", "Forwarded", "Host", "If-Match",
	"If-Modified-Since", "If-None-Match", "If-Range", "If-Unmodified-Since", "Keep-Alive", "Last-Event-Id", "Max-Forwards", "Origin", "Pragma",
	"Prefer", "Proxy-Authorization", "Proxy-Connection", "Range", "Referer", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "User-Agent",
	"Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Prefix", "X-Forwarded-Proto", "X-Real-Ip", "X-Request-Id",
}

// CheckHeader returns an error if a header name can't be used for the identity. ""
// means no header and is valid.
func CheckHeader(name string) error {
	const marks = "!#$%&'*+-.^_`|~" // RFC 9110, 5.6.2
	bad := func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && !strings.ContainsRune(marks, r)
	}
	switch {
	case strings.ContainsFunc(name, bad):
		return fmt.Errorf("%q can't be the name of a header: want one such as X-Remote-User", name)
	case slices.Contains(ofRequests, http.CanonicalHeaderKey(name)):
		return fmt.Errorf("%s can't be the identity header: it has another meaning; use a header such as X-Remote-User", name)
	}
	return nil
}

// Identify returns the authenticated name of the client, which is at address from.
// Its error is a *wire.Problem, unauthorized or rate-limited.
//
// What the front end says decides alone: a request with its headers and without a good
// signature is refused, whatever else is in it.
func (c *Checker) Identify(r *http.Request, from netip.Addr) (name string, err error) {
	if c.key != nil && fromFrontEnd(r.Header) {
		name, fault := c.key.Value().verify(r.Header)
		if fault != "" {
			return "", c.refuse(fault)
		}
		return name, nil
	}
	if c.header != "" {
		if given := r.Header[c.header]; len(given) > 0 && c.peers.Contains(peers.Peer(r)) {
			if len(given) == 1 && goodName(given[0]) {
				return given[0], nil
			}
			return "", c.refuse("The front end sent no valid user name.")
		}
	}
	given := r.Header["Authorization"]
	switch {
	case len(given) == 0:
		return "", c.refuse("Authentication is required: " + c.ways() + ".")
	case len(given) > 1 || len(given[0]) > longest:
		return "", c.refuse("The request must have one Authorization header of usual length.")
	}
	scheme, secret, _ := strings.Cut(given[0], " ")
	switch {
	case c.tokens != nil && strings.EqualFold(scheme, "Bearer"):
		if name, ok := c.tokens.Value().find(strings.TrimSpace(secret)); ok {
			return name, nil
		}
		return "", c.refuse("The token is unknown; it may have been revoked.")
	case c.users != nil && strings.EqualFold(scheme, "Basic"):
		return c.user(r, given[0], from)
	}
	return "", c.refuse("Unsupported authentication method; the server accepts: " + c.ways() + ".")
}

// Reload re-reads the files now, without waiting for Recheck.
func (c *Checker) Reload() {
	for _, f := range c.files() {
		f.Reload()
	}
}

// Faults names the files that can't be used, with reasons; their last good content is
// in use. The texts contain no secrets.
func (c *Checker) Faults() (faults []string) {
	for _, f := range c.files() {
		if fault := f.Fault(); fault != "" {
			faults = append(faults, fault)
		}
	}
	return faults
}

// watched is a file that is re-read.
type watched interface {
	Reload()
	Fault() string
}

func (c *Checker) files() (list []watched) {
	if c.tokens != nil {
		list = append(list, c.tokens)
	}
	if c.users != nil {
		list = append(list, c.users)
	}
	if c.key != nil {
		list = append(list, c.key)
	}
	return list
}

// ways lists the methods of authentication.
func (c *Checker) ways() string {
	var ways []string
	if c.tokens != nil {
		ways = append(ways, "a bearer token")
	}
	if c.users != nil {
		ways = append(ways, "a user and a password")
	}
	if c.header != "" || c.key != nil {
		ways = append(ways, "the front end that logs people in")
	}
	return strings.Join(ways, ", or ")
}

func (c *Checker) refuse(detail string) *wire.Problem { return wire.Unauthorized(detail, c.challenges) }

// longest is the longest accepted Authorization header.
const longest = 1024

// goodName reports whether a name may be used in logs and limits.
func goodName(name string) bool {
	const most = 128
	return name != "" && len(name) <= most && utf8.ValidString(name) &&
		!strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f })
}
