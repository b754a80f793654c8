// Package hosts tells by which names a server may be asked (the Host of a
// request). A page from anywhere can make a browser ask a server on the
// reader's own machine, under a name of that page's owner that suddenly leads
// there (DNS rebinding); it then reads the answers. A server that asks nobody
// who they are has no other defence than to know its own names.
package hosts

import (
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/dmwm/wmstats/schema/wire"
)

// List are names. The zero value has those of this machine alone: localhost,
// names below it, and loopback addresses, which are in every list.
type List struct {
	names map[string]bool
	all   bool
}

// Parse reads names and addresses without ports, separated by commas; * is any
// name. Its error names the one that is wrong.
func Parse(text string) (*List, error) {
	l := &List{names: map[string]bool{}}
	for part := range strings.SplitSeq(text, ",") {
		switch part = strings.TrimSpace(part); part {
		case "":
		case "*":
			l.all = true
		default:
			name := plain(part)
			if name == "" || strings.ContainsAny(name, "/@ *") || strings.Contains(name, ":") && net.ParseIP(name) == nil {
				return nil, fmt.Errorf("%q is no name or address of a host, such as wmstats.example.org", wire.Shorten(part))
			}
			l.names[name] = true
		}
	}
	return l, nil
}

// For is the list of a server that listens at the address, for which given names
// were said; nil is any name. Without given ones only a server that nobody but
// this machine can reach is held to its names, and only if nothing else tells who
// asks: an identity, or front ends that were named, which have their own names.
func For(given, listen string, known bool) *List {
	host, _, _ := net.SplitHostPort(listen)
	if given == "" && (!Loopback(host) || known) {
		return nil
	}
	list, err := Parse(given)
	if err != nil {
		return &List{} // a fault that was to be found before: fewer names, not more
	}
	return list
}

// Loopback says whether only this machine can reach the host. An empty host is
// every interface.
func Loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Unauthenticated is the error of a program that may not listen on an address
// that is not a loopback one. ways are its options that require authentication.
func Unauthenticated(ways string) error {
	return fmt.Errorf("this is not a loopback address, and no authentication is required: set %s, or allow it with --insecure", ways)
}

// Check says whether a request came under a name of the list. Its error is a
// *wire.Problem, wrong-host. A request of HTTP/1.0 may have no name; no browser
// sends such a one.
func (l *List) Check(r *http.Request) error {
	if l.all || r.Host == "" {
		return nil
	}
	name := plain(withoutPort(r.Host))
	if l.names[name] || name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return nil
	}
	if ip := net.ParseIP(name); ip != nil && ip.IsLoopback() {
		return nil
	}
	return wire.NewProblem(wire.SlugWrongHost,
		fmt.Sprintf("'%s' is not a known name of this server, which requires no authentication. Its operator can add the name with --hosts.", wire.Shorten(r.Host)))
}

// Handler answers with next what came under a name of the list, and 421 the rest.
func (l *List) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := l.Check(r); err != nil {
			w.Header().Set("X-Content-Type-Options", "nosniff")
			http.Error(w, err.Error(), http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func withoutPort(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return host
}

// plain is the one form of a name: without the brackets of an IPv6 address, the
// dot of the root and capitals.
func plain(name string) string {
	name = strings.TrimSuffix(strings.TrimPrefix(name, "["), "]")
	return strings.ToLower(strings.TrimSuffix(name, "."))
}
