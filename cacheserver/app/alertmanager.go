package app

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/dmwm/wmstats/cacheserver/alertmanager"
	"github.com/dmwm/wmstats/program/settings"
	"github.com/dmwm/wmstats/program/tlsclient"
)

// AlertmanagerOptions say to whom alerts are posted, and how.
type AlertmanagerOptions struct {
	URLs         []string      // of the members of a cluster; none: nothing is posted
	Every        time.Duration // between two posts of the same alerts
	User         string        // of basic authentication
	PasswordFile string        // of User
	TokenFile    string        // with a bearer token
	PublicURL    string        // of the dashboard, for links
	TLS          tlsclient.Files
}

func defaultAlertmanager() AlertmanagerOptions { return AlertmanagerOptions{Every: time.Minute} }

func (o *AlertmanagerOptions) add(t *settings.Table) {
	t.Group("Alerts to people")
	t.List("alertmanager-url", &o.URLs, "`URL` of an Alertmanager to post alerts to; several times, or with commas, for all members of a cluster")
	t.Duration("alertmanager-every", &o.Every, "interval between two posts of the same alerts; they end 4 intervals after the last one")
	t.Text("alertmanager-user", &o.User, "`USER` of Alertmanager")
	t.Text("alertmanager-password-file", &o.PasswordFile, "`FILE` with the password of --alertmanager-user")
	t.Text("alertmanager-token-file", &o.TokenFile, "`FILE` with a bearer token for Alertmanager")
	o.TLS.Add(t, "alertmanager", "Alertmanager")
	t.Text("public-url", &o.PublicURL, "`URL` at which people reach the dashboard, maybe with a path, for links in alerts; without it they have none")
}

func (o *AlertmanagerOptions) validate(f *settings.Faults) {
	for _, at := range o.URLs {
		if err := alertmanager.CheckURL(at); err != nil {
			f.Add("--alertmanager-url: %w", err)
		}
	}
	if o.Every < time.Second {
		f.Add("--alertmanager-every %q: want at least 1s", settings.FormatDuration(o.Every))
	}
	if o.PublicURL != "" {
		if err := alertmanager.CheckURL(o.PublicURL); err != nil {
			f.Add("--public-url: %w", err)
		}
	}
	if (o.User == "") != (o.PasswordFile == "") {
		f.Add("--alertmanager-user and --alertmanager-password-file need each other")
	}
	if o.User != "" && o.TokenFile != "" {
		f.Add("--alertmanager-token-file replaces --alertmanager-user: set one of them")
	}
	if (o.User != "" || o.PasswordFile != "" || o.TokenFile != "") && len(o.URLs) == 0 {
		f.Add("--alertmanager-user, --alertmanager-password-file and --alertmanager-token-file need --alertmanager-url")
	}
	o.TLS.Validate(f, "alertmanager", secured(o.URLs))
}

// secured returns an address of TLS among those given, "" if there is none.
func secured(addresses []string) string {
	for _, at := range addresses {
		if strings.HasPrefix(strings.ToLower(at), "https://") {
			return at
		}
	}
	return ""
}

// secretFile returns the file with the password or token, "" if none is needed.
func (o *AlertmanagerOptions) secretFile() string {
	if o.User != "" {
		return o.PasswordFile
	}
	return o.TokenFile
}

// newPoster returns what posts alerts; nil if they are not to be posted.
func (a *App) newPoster(registry *prometheus.Registry) (*alertmanager.Poster, error) {
	o := a.o.Alertmanager
	if len(o.URLs) == 0 {
		return nil, nil //nolint:nilnil // documented
	}
	posts := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "wmstats_alertmanager_posts_total", Help: "Posts of alerts to a member of Alertmanager by result: done or failed.",
	}, []string{"result"})
	done, failed := posts.WithLabelValues("done"), posts.WithLabelValues("failed")
	alerts := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "wmstats_alertmanager_alerts", Help: "Alerts that hold and are posted to Alertmanager.",
	})
	truncated := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "wmstats_alertmanager_truncated", Help: "Alerts that are not posted to Alertmanager on their own, because there are too many: one alert for the whole rule stands for them.",
	})
	for _, c := range []prometheus.Collector{posts, alerts, truncated} {
		if err := registry.Register(c); err != nil {
			return nil, fmt.Errorf("register the metrics of Alertmanager: %w", err)
		}
	}
	tier := "production"
	if a.o.T0 {
		tier = "T0"
	}
	poster, err := alertmanager.New(alertmanager.Options{
		Store: a.shownStore(), Rules: a.inForce, URLs: o.URLs, Every: o.Every, Public: o.PublicURL, Tier: tier,
		Client: alertmanager.NewClient(a.files.alertmanagerTLS), Authorize: a.authorizeAlerts, UserAgent: "wmstats/" + a.o.Version, Log: a.Log,
		Posted: func(ok bool) {
			if ok {
				done.Inc()
			} else {
				failed.Inc()
			}
		},
		Counted: func(posted, summed int) {
			alerts.Set(float64(posted))
			truncated.Set(float64(summed))
		},
	})
	if err != nil {
		return nil, fmt.Errorf("set up the posts to Alertmanager: %w", err)
	}
	return poster, nil
}

// authorizeAlerts adds the current credentials to a post.
func (a *App) authorizeAlerts(r *http.Request) {
	switch f := a.files.alertmanager; {
	case f == nil:
	case a.o.Alertmanager.User != "":
		r.SetBasicAuth(a.o.Alertmanager.User, f.Value())
	default:
		r.Header.Set("Authorization", "Bearer "+f.Value())
	}
}
