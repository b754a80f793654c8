package app

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/dmwm/wmstats/cacheserver/alertfile"
	"github.com/dmwm/wmstats/cacheserver/api/attention"
	"github.com/dmwm/wmstats/program/filewatch"
	"github.com/dmwm/wmstats/program/health"
	"github.com/dmwm/wmstats/program/tlsclient"
)

// filesEvery is how often files are checked for changes while there are no
// requests.
const filesEvery = time.Second

// files are the files that may change while the server runs, except those for
// authentication, which belong to the gate.
type files struct {
	password *filewatch.File[string]            // nil: none
	alerts   *filewatch.File[attention.Options] // nil: none
	token    *filewatch.File[string]            // nil: none
	tls      *tlsclient.Client

	alertmanager    *filewatch.File[string] // password or token; nil: none
	alertmanagerTLS *tlsclient.Client

	passwords, alertsUsed, tokens, connections int // numbers of the contents in use
}

// openFiles reads them for the first time; any error ends the start.
func (a *App) openFiles() (err error) {
	o := func(what string) filewatch.Options {
		return filewatch.Options{What: what, Settle: true, Log: a.Log}
	}
	if a.o.CouchPasswordFile != "" {
		if a.files.password, err = filewatch.Open(a.o.CouchPasswordFile, onePassword, o("CouchDB password")); err != nil {
			return fmt.Errorf("--couch-password-file: %w", err)
		}
		_, a.files.passwords = a.files.password.Numbered()
	}
	if a.o.Alerts != "" {
		defaults := a.o.alertDefaults()
		parse := func(text string) (attention.Options, error) {
			return alertfile.Parse(strings.NewReader(text), defaults)
		}
		if a.files.alerts, err = filewatch.Open(a.o.Alerts, parse, o("alert thresholds")); err != nil {
			return fmt.Errorf("--alerts: %w", err)
		}
		_, a.files.alertsUsed = a.files.alerts.Numbered()
	}
	if at := a.o.Alertmanager.secretFile(); at != "" {
		if a.files.alertmanager, err = filewatch.Open(at, onePassword, o("Alertmanager secret")); err != nil {
			return fmt.Errorf("--alertmanager-password-file, --alertmanager-token-file: %w", err)
		}
	}
	if a.files.alertmanagerTLS, err = tlsclient.New(tlsclient.Options{Files: a.o.Alertmanager.TLS, Server: "Alertmanager", Log: a.Log}); err != nil {
		return fmt.Errorf("--alertmanager-ca, --alertmanager-cert, --alertmanager-key: %w", err)
	}
	return nil
}

// onePassword reads a line; the line break is not part of the password.
func onePassword(text string) (string, error) {
	password := strings.TrimRight(text, "\r\n")
	switch {
	case password == "":
		return "", errors.New("it is empty")
	case strings.ContainsAny(password, "\r\n"):
		return "", errors.New("expected one line")
	}
	return password, nil
}

// alertDefaults returns the rules without a file.
func (o *Options) alertDefaults() attention.Options {
	if o.T0 {
		return alertfile.TierZero()
	}
	return alertfile.Defaults()
}

// attention returns the current rules.
func (a *App) attention() attention.Options {
	if a.files.alerts == nil {
		return a.o.alertDefaults()
	}
	return a.files.alerts.Value()
}

// watchFiles applies changed files until ctx ends.
func (a *App) watchFiles(ctx context.Context) error {
	ticker := time.NewTicker(filesEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		case <-a.reloaded:
		}
		a.useFiles()
	}
}

// useFiles applies what has changed.
func (a *App) useFiles() {
	if f := a.files.password; f != nil {
		if _, n := f.Numbered(); n != a.files.passwords {
			a.files.passwords = n
			a.follower.TryNow() // requests use it directly
		}
	}
	a.useSecure()
	if f := a.files.alerts; f != nil {
		if alerts, n := f.Numbered(); n != a.files.alertsUsed {
			a.files.alertsUsed = n
			if a.replica != nil {
				a.replica.SetRules(a.machine.Rules()) // the leader's count
				return
			}
			a.api.SetAttention(alerts)
			result := a.records.SetLimits(alerts.Limits)
			a.Log.Info("alert thresholds changed", "generation", result.Generation, "workflows", result.Changed)
		}
	}
}

// Reload reads the files again that may change while the server runs: the
// credentials for the source and for Alertmanager, the thresholds of alerts, and
// those for authentication. An invalid one is logged, and its last valid content stays
// in use.
func (a *App) Reload() {
	a.Gate.Reload()
	if a.files.password != nil {
		a.files.password.Reload()
	}
	if a.files.alerts != nil {
		a.files.alerts.Reload()
	}
	if a.files.alertmanager != nil {
		a.files.alertmanager.Reload()
	}
	if a.files.token != nil {
		a.files.token.Reload()
	}
	a.files.tls.Reload()
	a.files.alertmanagerTLS.Reload()
	select {
	case a.reloaded <- struct{}{}:
	default: // it has been logged already
	}
}

// checks returns the lines of /readyz?verbose about the login and the files.
func (a *App) checks() []health.Check {
	var list []health.Check
	if a.login != nil && (a.o.CouchUser != "" || hasUser(a.o.CouchURL)) {
		list = append(list, loginCheck(a.login()))
	}
	list = append(list, a.certificateCheck()...)
	if a.replica != nil {
		list = append(list, a.replica.Check())
	}
	given := a.Gate.Asks() || a.files.password != nil || a.files.alerts != nil || a.files.alertmanager != nil || a.files.token != nil ||
		a.files.tls.HasFiles() || a.files.alertmanagerTLS.HasFiles()
	if !given {
		return list
	}
	faults := a.Gate.Faults()
	if f := a.files.password; f != nil && f.Fault() != "" {
		faults = append(faults, f.Fault())
	}
	if f := a.files.alerts; f != nil && f.Fault() != "" {
		faults = append(faults, f.Fault())
	}
	if f := a.files.alertmanager; f != nil && f.Fault() != "" {
		faults = append(faults, f.Fault())
	}
	if f := a.files.token; f != nil && f.Fault() != "" {
		faults = append(faults, f.Fault())
	}
	faults = append(faults, a.files.tls.Faults()...)
	faults = append(faults, a.files.alertmanagerTLS.Faults()...)
	return append(list, health.Files(faults))
}

func hasUser(at string) bool {
	u, err := url.Parse(at)
	return err == nil && u.User != nil
}

// hasPassword reports whether a URL contains a password.
func hasPassword(at string) bool {
	u, err := url.Parse(at)
	if err != nil || u.User == nil {
		return false
	}
	password, ok := u.User.Password()
	return ok && password != ""
}

// warnOfPasswords logs a warning if others can read a password.
func (a *App) warnOfPasswords() {
	if hasPassword(a.o.CouchURL) {
		a.Log.Warn("password in --couch-url or WMSTATS_COUCH_URL: other programs on this machine can read it, and it can't change while the server runs; use --couch-user and --couch-password-file")
	}
	if hasPassword(a.o.RequestCache) {
		a.Log.Warn("password in --requestcache or WMSTATS_REQUESTCACHE: other programs on this machine can read it")
	}
}
