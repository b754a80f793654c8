package access

import (
	"fmt"
	"log/slog"

	"github.com/dmwm/wmstats/program/access/hosts"
	"github.com/dmwm/wmstats/program/access/identity"
	"github.com/dmwm/wmstats/program/access/peers"
	"github.com/dmwm/wmstats/program/settings"
)

// Settings are the options of authentication and of the limits of clients.
type Settings struct {
	TokenFile      string  // hashed bearer tokens
	HtpasswdFile   string  // users with bcrypt hashes
	FrontendHMAC   string  // key of the front end that signs the name of the client
	IdentityHeader string  // name of the client, set by a front end in TrustedPeers
	TrustedPeers   string  // addresses and networks of front ends; empty: loopback, for X-Forwarded-For only
	Hosts          string  // accepted host names; empty: see hosts.For
	Rate           float64 // requests per second of one client; 0: no limit
	Burst          int     // burst of requests after a pause
}

// Defaults returns settings without authentication.
func Defaults() Settings { return Settings{Rate: 200, Burst: 2000} }

// Add adds the settings to the table of a server.
func (s *Settings) Add(t *settings.Table) {
	t.Text("token-file", &s.TokenFile, "`FILE` with the hashes of accepted bearer tokens, as \""+t.Program()+" token NAME\" prints them")
	t.Text("htpasswd-file", &s.HtpasswdFile, "`FILE` with accepted users and their password hashes, as \"htpasswd -B\" writes it")
	t.Text("frontend-hmac-file", &s.FrontendHMAC, "`FILE` with the key with which CMS's front end signs its cms-authn and cms-authz headers; the user is cms-authn-login of a request with a good signature")
	t.Text("identity-header", &s.IdentityHeader, "`HEADER` in which a front end listed in --trusted-peers sends the name of the user, such as X-Remote-User; the UI server passes it on with API requests")
	t.Text("trusted-peers", &s.TrustedPeers, "`ADDRESSES` and networks of front ends, separated by commas, such as 10.0.0.5,10.1.0.0/16; their X-Forwarded-For is believed and their requests are not limited; if empty, loopback addresses")
	t.Text("hosts", &s.Hosts, "`NAMES` that clients may use for this server in the Host header, separated by commas, besides those of this machine; * accepts any name; if empty, any name is accepted, unless the server listens on loopback without authentication and --trusted-peers")
	t.Float("rate-limit", &s.Rate, "requests per second allowed to one client (a user, or an address); 0 disables the limit")
	t.Int("rate-burst", &s.Burst, "requests that a client may send at once after a pause")
}

// Validate reports invalid settings.
func (s *Settings) Validate(f *settings.Faults) {
	if _, err := peers.Parse(s.TrustedPeers); err != nil {
		f.Add("--trusted-peers: %w", err)
	}
	if err := identity.CheckHeader(s.IdentityHeader); err != nil {
		f.Add("--identity-header: %w", err)
	}
	if _, err := hosts.Parse(s.Hosts); err != nil {
		f.Add("--hosts: %w", err)
	}
	if s.FrontendHMAC != "" && identity.Signed(s.IdentityHeader) {
		f.Add("--identity-header %s: --frontend-hmac-file takes the name from the signed headers; leave out one of the two", s.IdentityHeader)
	}
	if s.IdentityHeader != "" && s.TrustedPeers == "" {
		f.Add("--identity-header needs --trusted-peers: the front ends that may set it")
	}
	settings.NotNegative(f, "rate-limit", s.Rate)
	settings.Positive(f, "rate-burst", s.Burst)
}

// Asks reports whether authentication is required.
func (s *Settings) Asks() bool {
	return s.TokenFile != "" || s.HtpasswdFile != "" || s.IdentityHeader != "" || s.FrontendHMAC != ""
}

// Trusted returns the front ends. The settings must be valid.
func (s *Settings) Trusted() peers.List {
	list, err := peers.Parse(s.TrustedPeers)
	if err != nil || len(list) == 0 {
		return peers.Loopback()
	}
	return list
}

// Gate returns the gate of a server that listens at host:port, with its files read.
func (s *Settings) Gate(listen string, log *slog.Logger) (*Gate, error) {
	known, err := identity.New(identity.Options{
		Tokens: s.TokenFile, Htpasswd: s.HtpasswdFile, Header: s.IdentityHeader, Peers: s.Trusted(), HMAC: s.FrontendHMAC, Log: log,
	})
	if err != nil {
		return nil, fmt.Errorf("set up identities: %w", err)
	}
	return New(Options{
		Identity: known, Hosts: hosts.For(s.Hosts, listen, s.Asks() || s.TrustedPeers != ""),
		Trusted: s.Trusted(), Rate: s.Rate, Burst: s.Burst,
	}), nil
}
