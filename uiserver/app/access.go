package app

import (
	"net/http"
	"strings"
	"time"

	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/static"
	"github.com/dmwm/wmstats/uiserver/apiproxy"
	"github.com/dmwm/wmstats/web"
)

// proxyOptions returns the options of the forwarded API.
func (a *App) proxyOptions(forward http.RoundTripper) apiproxy.Options {
	o := apiproxy.Options{
		Upstream: a.o.cacheURL, Prefix: web.APIPrefix, Transport: forward, Log: a.Log,
		Trusted: a.o.Access.Trusted(), Identity: a.o.Access.IdentityHeader, Consumes: a.Gate.Asks(),
		Signed:   a.o.Access.FrontendHMAC != "",
		Draining: a.Draining(),
	}
	if a.own != nil {
		o.Token = a.own.Value
	}
	return o
}

// guarded answers only requests that the gate admits. Health checks and assets,
// which reveal nothing, are open to all.
func (a *App) guarded(next http.Handler) http.Handler {
	_, open := a.o.showsMetrics()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch path := r.URL.Path; {
		case path == "/livez", path == "/healthz", path == "/readyz", strings.HasPrefix(path, static.Prefix):
		case path == "/metrics" && open:
		default:
			client, err := a.Gate.Admit(r, time.Now())
			if err != nil {
				a.refuse(w, r, wire.ProblemOf(err))
				return
			}
			if header := a.o.Access.IdentityHeader; header != "" {
				// The checked name is forwarded, whatever the method of authentication.
				r.Header.Set(header, client.Name)
			}
		}
		next.ServeHTTP(w, r)
	})
}

// refuse answers programs with a problem, and people with its text.
func (a *App) refuse(w http.ResponseWriter, r *http.Request, p *wire.Problem) {
	if strings.HasPrefix(r.URL.Path, web.APIPrefix+"/") {
		apiproxy.WriteProblem(w, p)
		return
	}
	if apiproxy.IsOld(r.URL.Path) {
		id := apiproxy.WriteOldProblem(w, p)
		a.Log.Debug("old API: request refused", "path", r.URL.Path, "error_id", id, "err", p)
		return
	}
	apiproxy.ProblemHeaders(w.Header(), p)
	http.Error(w, p.Title+"\n\n"+p.Detail, p.Status)
}
