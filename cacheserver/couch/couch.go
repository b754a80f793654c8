// Package couch reads the documents of WMStats from CouchDB: the full read, the
// changes after it, and single workflows on demand. It turns HTTP answers into
// rows, and failures into a closed set of errors. It decodes no documents
// (except for Detail, which uses schema), keeps no position, does not retry
// after a failure (the follower does), and never writes to CouchDB.
//
// Server information, database information and single documents are read through
// kivik. Views, queries, bulk reads and the changes feed are not (scan.go;
// decision 0005), for three reasons. kivik passes on rows that are errors and
// drops an error that follows the rows, so a missing document goes unnoticed. On
// CouchDB 3.5 with 404 MB of documents, kivik reads 35 to 64 MB/s with 5 to 6 s
// of client CPU, while net/http with a line scan reads 72 to 104 MB/s with 0.65
// s. And kivik v4.5.2 panics when a continuous feed ends, can't send
// filter=_selector, and has no deadline for a silent server. Both ways share one
// connection pool and one set of credentials.
package couch

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/go-kivik/kivik/v4"
	"github.com/go-kivik/kivik/v4/couchdb"

	"github.com/dmwm/wmstats/program/tlsclient"
)

// Database is one of the databases that WMStats reads.
type Database uint8

const (
	Requests Database = iota + 1 // request documents, reqmgr_workload_cache
	WMStats                      // agent_request, agent_info and jobsummary documents, wmstats
	LogDB                        // log messages, wmstats_logdb
)

// String returns the name in logs and metrics; the name on the server is in
// Options.
func (d Database) String() string {
	switch d {
	case Requests:
		return "requests"
	case WMStats:
		return "wmstats"
	case LogDB:
		return "logdb"
	}
	return "unknown"
}

// Options are the address of CouchDB, credentials, names and timeouts.
type Options struct {
	URL      string // http or https; a user and password in it are used when User is empty
	User     string
	Password string

	// PasswordNow returns the current password before each request and replaces
	// Password. Refused is called when the server refuses that password, before
	// PasswordNow is called again. Both must return quickly. nil: the password
	// does not change.
	PasswordNow func() string
	Refused     func()

	// Token returns the current bearer token before each request. nil: none. It
	// excludes a user.
	Token func() string

	// TLS has the trusted authorities and the client certificate of connections; a
	// feed ends after they have changed, and its next one uses the new ones. nil:
	// the system's authorities, and no certificate.
	TLS *tlsclient.Client

	RequestDB string // "": reqmgr_workload_cache
	Design    string // design document of the view bystatus in RequestDB; "": ReqMgr
	WMStatsDB string // "": wmstats
	LogDB     string // "": wmstats_logdb

	ConnectTimeout time.Duration // 0: 10 s, for connecting and the TLS handshake
	CallTimeout    time.Duration // 0: 30 s, for a small answer as a whole
	ReadIdle       time.Duration // 0: 10 min without a byte in a bulk read: CouchDB builds an index before it answers the first query
	Heartbeat      time.Duration // 0: 10 s, interval of heartbeats in a feed; a feed ends after 3 missing ones

	MaxAnswer int64 // 0: 256 MiB; maximum size of one document, one row, or an answer on one line

	// Dial opens a connection to the server within ConnectTimeout. Simulations
	// use a network of their own. nil: TCP.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	// Answered is called with the time to the first byte of each answer; what
	// names database and resource. It may be nil.
	Answered func(what string, took time.Duration)

	UserAgent string       // "": wmstats
	Log       *slog.Logger // nil: none
}

// withDefaults sets defaults and reports all invalid options at once.
func (o Options) withDefaults() (Options, *url.URL, error) {
	var invalid []error
	u, err := url.Parse(o.URL)
	switch {
	case err != nil:
		// The cause would repeat the URL with its password.
		invalid = append(invalid, errors.New("CouchDB URL can't be parsed"))
		u = &url.URL{}
	case u.Scheme != "http" && u.Scheme != "https", u.Host == "":
		invalid = append(invalid, errors.New("CouchDB URL must be http://host:port or https://host:port"))
	case u.RawQuery != "" || u.Fragment != "":
		invalid = append(invalid, errors.New("CouchDB URL must not have a query or fragment"))
	}
	if u.User != nil && o.User == "" {
		o.User = u.User.Username()
		o.Password, _ = u.User.Password()
	}
	u.User = nil
	if (o.Password != "" || o.PasswordNow != nil) && o.User == "" {
		invalid = append(invalid, errors.New("CouchDB password without a user"))
	}
	if o.Token != nil && o.User != "" {
		invalid = append(invalid, errors.New("a token and a user for CouchDB: set one of them"))
	}
	if o.TLS == nil {
		none, err := tlsclient.New(tlsclient.Options{})
		o.TLS, invalid = none, append(invalid, err)
	}
	for _, d := range []struct {
		name  string
		value *time.Duration
		std   time.Duration
	}{
		{"ConnectTimeout", &o.ConnectTimeout, 10 * time.Second},
		{"CallTimeout", &o.CallTimeout, 30 * time.Second},
		{"ReadIdle", &o.ReadIdle, 10 * time.Minute},
		{"Heartbeat", &o.Heartbeat, 10 * time.Second},
	} {
		if *d.value < 0 {
			invalid = append(invalid, fmt.Errorf("%s must not be negative", d.name))
		}
		*d.value = cmp.Or(*d.value, d.std)
	}
	o.Design = cmp.Or(o.Design, "ReqMgr")
	o.RequestDB = cmp.Or(o.RequestDB, "reqmgr_workload_cache")
	o.WMStatsDB = cmp.Or(o.WMStatsDB, "wmstats")
	o.LogDB = cmp.Or(o.LogDB, "wmstats_logdb")
	o.MaxAnswer = cmp.Or(o.MaxAnswer, defaultMaxAnswer)
	o.UserAgent = cmp.Or(o.UserAgent, "wmstats")
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o, u, errors.Join(invalid...)
}

// Client reads one CouchDB. It is safe for concurrent use.
type Client struct {
	o         Options
	base      *url.URL // without credentials
	transport *tlsclient.Transport
	http      *http.Client
	kivik     *kivik.Client
	login     *login

	jobs jobView

	mu       sync.Mutex
	selector map[Database]*selectorState
	indexing map[Database]*IndexBuild // being built
}

// New checks the options and creates a client. It does not connect.
func New(o Options) (*Client, error) {
	o, base, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	transport := o.TLS.Transport(&http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         o.dialer(),
		TLSHandshakeTimeout: o.ConnectTimeout,
		MaxIdleConnsPerHost: 8,
		IdleConnTimeout:     90 * time.Second,
		DisableCompression:  true, // CouchDB does not compress, and a proxy's compression would cost more than it saves
		ReadBufferSize:      64 << 10,
	})
	login := newLogin(&o, base, o.observed(transport))
	c := &Client{
		o: o, base: base, transport: transport, login: login,
		http:     &http.Client{Transport: login}, // no Timeout: it would end feeds
		selector: map[Database]*selectorState{},
		indexing: map[Database]*IndexBuild{},
	}
	options := []kivik.Option{
		couchdb.OptionHTTPClient(&http.Client{Transport: boundedTransport{login, o.MaxAnswer}}),
		couchdb.OptionNoRequestCompression(), // a proxy or a stand-in may not support it
		couchdb.OptionUserAgent(o.UserAgent),
	}
	if c.kivik, err = kivik.New("couch", base.String(), options...); err != nil {
		return nil, fmt.Errorf("set up the CouchDB client: %w", err)
	}
	return c, nil
}

// dialer returns the function that opens connections within ConnectTimeout.
func (o *Options) dialer() func(ctx context.Context, network, address string) (net.Conn, error) {
	if o.Dial == nil {
		return (&net.Dialer{Timeout: o.ConnectTimeout, KeepAlive: 30 * time.Second}).DialContext
	}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(ctx, o.ConnectTimeout)
		defer cancel()
		return o.Dial(ctx, network, address)
	}
}

// Close closes idle connections. Reads in progress end with their contexts.
func (c *Client) Close() error {
	err := c.kivik.Close()
	c.transport.CloseIdleConnections()
	if err != nil {
		return fmt.Errorf("close the CouchDB client: %w", err)
	}
	return nil
}

// Login returns whether the server accepts the user and the password.
func (c *Client) Login() LoginState { return c.login.state() }

// DatabaseName returns the database's name on the server.
func (c *Client) DatabaseName(db Database) string {
	switch db {
	case Requests:
		return c.o.RequestDB
	case WMStats:
		return c.o.WMStatsDB
	}
	return c.o.LogDB
}

// Name asks the server for its identity and returns a name for people: "mock
// seed 1" for the stand-in, otherwise the URL without user and password.
func (c *Client) Name(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, c.o.CallTimeout)
	defer cancel()
	var v *kivik.ServerVersion
	err := viaKivik(ctx, "ask CouchDB for its name", func() (err error) {
		v, err = c.kivik.Version(ctx)
		return err
	})
	if err != nil {
		return "", err
	}
	var welcome struct {
		Vendor struct {
			Name string          `json:"name"`
			Seed json.RawMessage `json:"seed"`
		} `json:"vendor"`
	}
	// Ignore a vendor field of any other form.
	if json.Unmarshal(v.RawResponse, &welcome) == nil && len(welcome.Vendor.Seed) > 0 {
		seed := strings.Trim(string(welcome.Vendor.Seed), `"`)
		return cmp.Or(welcome.Vendor.Name, "mock") + " seed " + seed, nil
	}
	return c.PublicURL(), nil
}

// PublicURL returns the URL without user and password.
func (c *Client) PublicURL() string { return c.base.String() }

// Position asks a database for its newest seq and its instance.
func (c *Client) Position(ctx context.Context, db Database) (Position, error) {
	op := "ask " + db.String() + " for its position"
	stats, err := c.databaseInfo(ctx, op, db)
	if err != nil {
		return Position{}, err
	}
	var info struct {
		UpdateSeq json.RawMessage `json:"update_seq"`
		Instance  json.RawMessage `json:"instance_start_time"`
		PurgeSeq  json.RawMessage `json:"purge_seq"`
		Live      *int64          `json:"doc_count"`
		Deleted   *int64          `json:"doc_del_count"`
	}
	if err := json.Unmarshal(stats.RawResponse, &info); err != nil {
		return Position{}, &Error{Op: op, Kind: ErrForm, Err: err}
	}
	p := Position{Seq: seqOf(info.UpdateSeq), Instance: string(seqOf(info.Instance)), PurgeSeq: seqOf(info.PurgeSeq)}
	if p.Seq == "" { // an empty seq would mean the beginning
		return Position{}, &Error{Op: op, Kind: ErrForm, Reason: "no update_seq"}
	}
	p.Updates, p.Documents = -1, -1
	if n, ok := p.Seq.Number(); ok {
		p.Updates = n
	}
	if info.Live != nil && info.Deleted != nil { // without del_count the sum would fall after each deletion
		p.Documents = *info.Live + *info.Deleted
	}
	return p, nil
}

// databaseInfo reads the information about a database.
func (c *Client) databaseInfo(ctx context.Context, op string, db Database) (stats *kivik.DBStats, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.o.CallTimeout)
	defer cancel()
	err = viaKivik(ctx, op, func() (err error) {
		stats, err = c.kivik.DB(c.DatabaseName(db)).Stats(ctx)
		return err
	})
	return stats, err
}

// seqOf parses a seq in any of its forms: a string (CouchDB 2 and later), or a
// number or list (older and related servers), which is sent back unchanged.
func seqOf(raw json.RawMessage) Seq {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return Seq(text)
	}
	return Seq(raw)
}
