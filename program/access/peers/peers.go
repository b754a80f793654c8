// Package peers determines the address of the client of a request: the peer of the
// connection, or the client named by a trusted front end. It makes no access
// decisions.
package peers

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
)

// List has the networks of trusted front ends.
type List []netip.Prefix

// Loopback returns the list of loopback networks.
func Loopback() List {
	return List{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
}

// widest is the shortest accepted prefix of a network of front ends: the largest
// private networks have 8 bits.
const widest = 8

// Parse parses addresses and networks (CIDR), separated by commas. Its error names
// the invalid one.
func Parse(text string) (List, error) {
	var list List
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		network, err := parseOne(part)
		if err != nil {
			return nil, fmt.Errorf("%q is neither an address nor a network such as 10.0.0.0/8", part)
		}
		if network.Bits() < widest {
			return nil, fmt.Errorf("%q matches too many addresses: any client in it could impersonate any user; list front ends only, as networks of /%d or longer", part, widest)
		}
		if network.Addr().Is4In6() {
			return nil, fmt.Errorf("%q: write an IPv4 network as one, such as 10.0.0.0/8", part)
		}
		if network.Addr().IsUnspecified() {
			return nil, fmt.Errorf("%q is nobody's address: list those of the front ends", part)
		}
		list = append(list, network)
	}
	if text != "" && len(list) == 0 {
		return nil, fmt.Errorf("%q names nobody: list the front ends, or leave it out", text)
	}
	return list, nil
}

func parseOne(text string) (netip.Prefix, error) {
	if !strings.Contains(text, "/") {
		addr, err := netip.ParseAddr(text)
		if err != nil {
			return netip.Prefix{}, err
		}
		addr = addr.Unmap().WithZone("")
		return addr.Prefix(addr.BitLen())
	}
	network, err := netip.ParsePrefix(text)
	return network.Masked(), err
}

// Contains reports whether an address is in one of the networks.
func (l List) Contains(addr netip.Addr) bool {
	addr = addr.Unmap().WithZone("")
	for _, network := range l {
		if network.Contains(addr) {
			return true
		}
	}
	return false
}

// Peer returns the address of the peer of the connection; the zero Addr if unknown.
func Peer(r *http.Request) netip.Addr {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return at.Addr().Unmap().WithZone("")
}

// Client returns the address of the client: the peer, unless the peer is in the list
// and names a client in X-Forwarded-For. Each front end in a chain appends the address
// before it, so the header is read from its end while the addresses are in the list.
// Anything that a client wrote into the header itself is further left and is never
// reached.
func (l List) Client(r *http.Request) netip.Addr {
	client := Peer(r)
	lines := r.Header["X-Forwarded-For"]
	for i := len(lines) - 1; i >= 0; i-- {
		rest := lines[i]
		for more := true; more; {
			if !l.Contains(client) {
				return client
			}
			cut := strings.LastIndexByte(rest, ',')
			said := strings.TrimSpace(rest[cut+1:])
			if cut < 0 {
				more = false
			} else {
				rest = rest[:cut]
			}
			before, ok := address(said)
			if !ok {
				return client // an invalid address can't be trusted, nor can those to its left
			}
			client = before
		}
	}
	return client
}

// address parses an address with or without a port.
func address(text string) (netip.Addr, bool) {
	addr, err := netip.ParseAddr(text)
	if err != nil {
		at, err := netip.ParseAddrPort(text)
		if err != nil {
			return netip.Addr{}, false
		}
		addr = at.Addr()
	}
	return addr.Unmap().WithZone(""), true
}

// Network returns the address that identifies a client in limits: its IPv4 address,
// or the /64 of an IPv6 address, as one client usually has a whole /64.
func Network(addr netip.Addr) netip.Addr {
	const ipv6Bits = 64
	if !addr.Is6() {
		return addr
	}
	network, err := addr.Prefix(ipv6Bits)
	if err != nil {
		return addr
	}
	return network.Addr()
}
