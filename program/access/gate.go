// Package access decides whether a request is admitted. For both servers it combines
// the checks of the host name (hosts), the identity of the client (peers, identity)
// and its rate limit (limit). It knows no routes; callers decide which are open to
// all.
package access

import (
	"log/slog"
	"math"
	"net/http"
	"net/netip"
	"time"

	"github.com/dmwm/wmstats/program/access/hosts"
	"github.com/dmwm/wmstats/program/access/identity"
	"github.com/dmwm/wmstats/program/access/limit"
	"github.com/dmwm/wmstats/program/access/peers"
	"github.com/dmwm/wmstats/schema/wire"
)

// Options of a Gate. The zero value admits all requests.
type Options struct {
	Identity *identity.Checker // nil: no authentication
	Hosts    *hosts.List       // accepted host names; nil: any
	Trusted  peers.List        // front ends: their X-Forwarded-For is used, and they are not limited
	Rate     float64           // requests per second of one client; 0: no limit
	Burst    int               // burst of requests after a pause; 0: 10 s of Rate
	Clients  int               // number of clients with a rate limit of their own; 0: 100 000
}

// Client is the client of a request. It is comparable, so it can be a map key.
type Client struct {
	Name string     // authenticated name; "" for none
	Addr netip.Addr // address of a client without a name
}

// String returns the name or the address.
func (c Client) String() string {
	if c.Name != "" {
		return c.Name
	}
	return c.Addr.String()
}

// Gate admits or refuses requests. It is safe for concurrent use.
type Gate struct {
	identity *identity.Checker
	hosts    *hosts.List
	trusted  peers.List
	buckets  *limit.Buckets[Client] // nil: no limit
}

// New returns a gate.
func New(o Options) *Gate {
	const clients, pause = 100_000, 10
	g := &Gate{identity: o.Identity, hosts: o.Hosts, trusted: o.Trusted}
	if o.Rate > 0 {
		if o.Burst == 0 {
			o.Burst = int(math.Ceil(pause * o.Rate))
		}
		if o.Clients == 0 {
			o.Clients = clients
		}
		g.buckets = limit.NewBuckets[Client](o.Rate, o.Burst, o.Clients)
	}
	return g
}

// Asks reports whether authentication is required.
func (g *Gate) Asks() bool { return g.identity != nil }

// Client returns the client of a request, as Admit does; its address if
// authentication fails. free reports that it is a front end, which is not limited.
func (g *Gate) Client(r *http.Request) (client Client, free bool) {
	client, addr, _ := g.who(r)
	return client, g.trusted.Contains(addr)
}

func (g *Gate) who(r *http.Request) (client Client, addr netip.Addr, err error) {
	addr = g.trusted.Client(r)
	client = Client{Addr: peers.Network(addr)}
	if g.identity != nil {
		name, err := g.identity.Identify(r, client.Addr)
		if err != nil {
			return client, addr, err
		}
		client = Client{Name: name}
	}
	return client, addr, nil
}

// Who describes the client of a request for the log: its name or address as "client",
// and as "roles" those that the front end has signed. It costs nothing where nothing is
// logged.
func (g *Gate) Who(r *http.Request) slog.Attr { return slog.Any("", who{g, r}) }

type who struct {
	gate    *Gate
	request *http.Request
}

// LogValue authenticates the request again, since only few requests are logged.
func (w who) LogValue() slog.Value {
	client, _ := w.gate.Client(w.request)
	attrs := []slog.Attr{slog.String("client", client.String())}
	if id := w.gate.identity; id != nil {
		if roles := id.Roles(w.request); len(roles) > 0 {
			attrs = append(attrs, slog.Any("roles", roles))
		}
	}
	return slog.GroupValue(attrs...)
}

// Admit returns the client of a request if it is admitted. Its error is a
// *wire.Problem, wrong-host, unauthorized or rate-limited.
func (g *Gate) Admit(r *http.Request, now time.Time) (Client, error) {
	if g.hosts != nil {
		if err := g.hosts.Check(r); err != nil {
			return Client{}, err
		}
	}
	client, addr, err := g.who(r)
	if err != nil || g.buckets == nil || g.trusted.Contains(addr) {
		return client, err
	}
	wait, ok := g.buckets.Take(client, now)
	if ok {
		return client, nil
	}
	p := wire.RateLimited("You send more requests than one client may.")
	p.RetryAfter = int(math.Ceil(wait.Seconds()))
	return client, p
}

// Reload re-reads the files of credentials now.
func (g *Gate) Reload() {
	if g.identity != nil {
		g.identity.Reload()
	}
}

// Faults names the files of credentials that can't be used, with reasons; their last
// good content is in use. The texts contain no secrets.
func (g *Gate) Faults() []string {
	if g.identity == nil {
		return nil
	}
	return g.identity.Faults()
}
