package app

import (
	"cmp"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/dmwm/wmstats/program/access"
	"github.com/dmwm/wmstats/program/access/hosts"
	"github.com/dmwm/wmstats/program/access/identity"
	"github.com/dmwm/wmstats/program/access/peers"
	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/static"
	"github.com/dmwm/wmstats/uiserver/apiproxy"
	"github.com/dmwm/wmstats/web"
)

// Access are the options about who may ask this server, how much, and how it
// says at the cache server who it is itself.
type Access struct {
	TokenFile      string // hashed bearer tokens
	HtpasswdFile   string // users with bcrypt hashes
	IdentityHeader string // name of the client, set by a front end in TrustedPeers, passed on with the API
	TrustedPeers   string // addresses and networks of front ends; empty: loopback, for X-Forwarded-For only
	Hosts          string // names under which it may be asked; empty: see hosts.For
	CacheTokenFile string // token of this server at the cache server
	Rate           string // requests a second of one client
	Burst          string // requests at once after a pause

	rate  float64
	burst int
}

func (a *Access) settings() []setting {
	return []setting{
		{"token-file", []string{"WMSTATS_UI_TOKEN_FILE"}, "", "`file` of bearer tokens that may ask, hashed; \"uiserver token NAME\" makes one", &a.TokenFile},
		{"htpasswd-file", []string{"WMSTATS_UI_HTPASSWD_FILE"}, "", "`file` of users that may ask, as htpasswd -B writes it", &a.HtpasswdFile},
		{"identity-header", []string{"WMSTATS_UI_IDENTITY_HEADER"}, "", "`header` in which a front end among --trusted-peers names who asks; it is passed on with the API", &a.IdentityHeader},
		{"trusted-peers", []string{"WMSTATS_UI_TRUSTED_PEERS"}, "", "`addresses` and networks of front ends, such as 10.0.0.5,10.1.0.0/16: their X-Forwarded-For is believed, and they are not limited; left out: loopback", &a.TrustedPeers},
		{"hosts", []string{"WMSTATS_UI_HOSTS"}, "", "`names` under which this server may be asked beside those of its own machine, with commas between; *: any. Left out on loopback: none, where nobody is asked who they are and there are no --trusted-peers; else any", &a.Hosts},
		{"cache-token-file", []string{"WMSTATS_UI_CACHE_TOKEN_FILE"}, "", "`file` with the token of this server at the cache server: for its pages, and for API requests that bring none", &a.CacheTokenFile},
		{"rate-limit", []string{"WMSTATS_UI_RATE_LIMIT"}, "200", "`number` of requests a second of one client, an identity or an address; 0: no limit", &a.Rate},
		{"rate-burst", []string{"WMSTATS_UI_RATE_BURST"}, "2000", "`number` of requests that a client may send at once after a pause", &a.Burst},
	}
}

// asks says whether clients have to say who they are.
func (a *Access) asks() bool {
	return a.TokenFile != "" || a.HtpasswdFile != "" || a.IdentityHeader != ""
}

func (a *Access) validate(fault func(format string, args ...any)) {
	if _, err := peers.Parse(a.TrustedPeers); err != nil {
		fault("trusted-peers: %w", err)
	}
	if err := identity.CheckHeader(a.IdentityHeader); err != nil {
		fault("identity-header: %w", err)
	}
	if _, err := hosts.Parse(a.Hosts); err != nil {
		fault("hosts: %w", err)
	}
	if a.IdentityHeader != "" && a.TrustedPeers == "" {
		fault("identity-header needs --trusted-peers: the front ends that may set it")
	}
	a.Rate, a.Burst = cmp.Or(a.Rate, "200"), cmp.Or(a.Burst, "2000")
	var err error
	if a.rate, err = strconv.ParseFloat(a.Rate, 64); err != nil || !(a.rate >= 0) || math.IsInf(a.rate, 0) {
		fault("rate-limit %q: want a number of requests a second, such as 200", a.Rate)
	}
	if a.burst, err = strconv.Atoi(a.Burst); err != nil || a.burst < 1 {
		fault("rate-burst %q: want a whole number above 0", a.Burst)
	}
}

// trusted are the front ends; the options have been checked.
func (a *Access) trusted() peers.List {
	list, err := peers.Parse(a.TrustedPeers)
	if err != nil || len(list) == 0 {
		return peers.Loopback()
	}
	return list
}

// newGate makes what decides on requests, and reads this server's own token.
func (a *App) newGate() (*access.Gate, *identity.Secret, error) {
	o := &a.o.Access
	known, err := identity.New(identity.Options{
		Tokens: o.TokenFile, Htpasswd: o.HtpasswdFile, Header: o.IdentityHeader, Peers: o.trusted(), Log: a.log,
	})
	if err != nil {
		return nil, nil, fmt.Errorf("set up identities: %w", err)
	}
	gate := access.New(access.Options{Identity: known, Hosts: hosts.For(o.Hosts, a.o.Listen, o.asks() || o.TrustedPeers != ""), Trusted: o.trusted(), Rate: o.rate, Burst: o.burst})
	if o.CacheTokenFile == "" {
		return gate, nil, nil
	}
	own, err := identity.NewSecret(o.CacheTokenFile, identity.Options{Log: a.log})
	if err != nil {
		return nil, nil, fmt.Errorf("read the token for the cache server: %w", err)
	}
	return gate, own, nil
}

// proxyOptions are those of the forwarded API.
func (a *App) proxyOptions(forward http.RoundTripper) apiproxy.Options {
	o := apiproxy.Options{
		Upstream: a.o.cacheURL, Prefix: web.APIPrefix, Transport: forward, Log: a.log,
		Trusted: a.o.Access.trusted(), Identity: a.o.Access.IdentityHeader, Consumes: a.gate.Asks(),
		Draining: a.server.Draining(),
	}
	if a.own != nil {
		o.Token = a.own.Value
	}
	return o
}

// guarded lets in whom the gate does. Health is open, and so are assets, which
// tell nothing.
func (a *App) guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch path := r.URL.Path; {
		case path == "/livez", path == "/readyz", strings.HasPrefix(path, static.Prefix):
		default:
			client, err := a.gate.Admit(r, time.Now())
			if err != nil {
				refuse(w, r, wire.ProblemOf(err))
				return
			}
			if header := a.o.Access.IdentityHeader; header != "" {
				// What goes on is what was checked, however the client is known.
				r.Header.Set(header, client.Name)
			}
		}
		next.ServeHTTP(w, r)
	})
}

// refuse answers programs with a problem and people with its text.
func refuse(w http.ResponseWriter, r *http.Request, p *wire.Problem) {
	if strings.HasPrefix(r.URL.Path, web.APIPrefix+"/") {
		apiproxy.WriteProblem(w, p)
		return
	}
	apiproxy.ProblemHeaders(w.Header(), p)
	http.Error(w, p.Title+"\n\n"+p.Detail, p.Status)
}
