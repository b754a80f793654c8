// Package access decides whether a request is answered: it puts together who
// the client is (peers, identity) and how much it may ask (limit), for both
// servers. It knows no route; its callers say which of theirs are open to all.
package access

import (
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

// Options of a Gate. The zero value lets everybody in.
type Options struct {
	Identity *identity.Checker // nil: nobody is asked
	Hosts    *hosts.List       // names under which requests may come; nil: any
	Trusted  peers.List        // front ends: whom they ask for is believed, they themselves are not limited
	Rate     float64           // requests a second of one client; 0: no bound
	Burst    int               // requests at once after a pause; 0: 10 s of Rate
	Clients  int               // how many clients are told apart; 0: 100 000
}

// Client is who sends a request. It is comparable, and good as a key.
type Client struct {
	Name string     // of who is known; "" is nobody
	Addr netip.Addr // of who is not
}

// String is for people.
func (c Client) String() string {
	if c.Name != "" {
		return c.Name
	}
	return c.Addr.String()
}

// Gate decides on requests. Safe for many goroutines.
type Gate struct {
	identity *identity.Checker
	hosts    *hosts.List
	trusted  peers.List
	buckets  *limit.Buckets[Client] // nil: no bound
}

// New makes a gate.
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

// Asks says whether clients have to say who they are.
func (g *Gate) Asks() bool { return g.identity != nil }

// Client is who sends the request, as Admit finds it; when identities are asked
// for and this one is not known, it is the address. free says that it is a
// front end itself, which is not limited.
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

// Admit says whether the request is to be answered, and to whom. Its error is a
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

// Reload looks now whether the files of who may ask have changed.
func (g *Gate) Reload() {
	if g.identity != nil {
		g.identity.Reload()
	}
}

// Faults says which files of who may ask can't be used as they are, and why; the
// last good ones are used. Fit for everybody.
func (g *Gate) Faults() []string {
	if g.identity == nil {
		return nil
	}
	return g.identity.Faults()
}
