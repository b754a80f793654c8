// Package hosts checks the host name of requests. A foreign web page can make its own
// host name resolve to the reader's machine (DNS rebinding); the browser then sends
// requests to a server there, and the page reads the answers. A server without
// authentication can defend itself only by accepting known names.
package hosts

import (
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/dmwm/wmstats/schema/wire"
)

// List has the accepted names. Every list has the names of this machine: localhost,
// its subdomains and loopback addresses. The zero value has only those.
type List struct {
	names map[string]bool
	all   bool
}

// Parse parses names and addresses without ports, separated by commas; * is any name.
// Its error names the invalid one.
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
				return nil, fmt.Errorf("%q is not the name or address of a host, such as wmstats.example.org", wire.Shorten(part))
			}
			l.names[name] = true
		}
	}
	return l, nil
}

// For returns the list of a server that listens at an address, with the given names;
// nil accepts any name. Without given names, names are checked only for a server that
// listens on loopback, and only if clients are not known by other means:
// authentication, or trusted front ends, which have their own names.
func For(given, listen string, known bool) *List {
	host, _, _ := net.SplitHostPort(listen)
	if given == "" && (!Loopback(host) || known) {
		return nil
	}
	list, err := Parse(given)
	if err != nil {
		return &List{} // invalid names were to be reported before; accept fewer names, not more
	}
	return list
}

// Loopback reports whether only this machine can reach the host. An empty host means
// all interfaces.
func Loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Unauthenticated is the error of a server without authentication on a non-loopback
// address. ways are the options that require authentication.
func Unauthenticated(ways string) error {
	return fmt.Errorf("this is not a loopback address, and no authentication is required: set %s, or allow it with --insecure", ways)
}

// Check reports whether the host of a request is in the list. Its error is a
// *wire.Problem, wrong-host. A request of HTTP/1.0 may have no host; browsers do not
// send such requests.
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

// Handler passes requests with a host in the list to next, and answers others with
// 421.
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

// plain returns the normalized name: lower case, without the brackets of an IPv6
// address and the dot of the root domain.
func plain(name string) string {
	name = strings.TrimSuffix(strings.TrimPrefix(name, "["), "]")
	return strings.ToLower(strings.TrimSuffix(name, "."))
}
