package app

import (
	"slices"
	"strings"
	"time"

	"github.com/dmwm/wmstats/program/settings"
)

// LegacyOptions are those of the old server's REST API.
type LegacyOptions struct {
	On           bool          // whether it is served; otherwise nothing is held for it
	MaxAge       time.Duration // maximum time since the last contact with the source, for answers that others act on
	Ignore       []string      // unreadable request documents that do not make answers unavailable
	Requestcache int           // maximum concurrent answers of requestcache; 0: none
}

func defaultLegacy() LegacyOptions {
	return LegacyOptions{On: true, MaxAge: time.Hour, Requestcache: 1}
}

func (o *LegacyOptions) add(t *settings.Table) {
	t.Group("REST API of the old server")
	t.Bool("legacy", &o.On, "serve the REST API of the old WMStats server, below /wmstatsserver/data; false frees the memory that it needs")
	t.Duration("legacy-max-age", &o.MaxAge, "how long after the last contact with the source the old API serves lists that others act on; then 503")
	t.Func("legacy-ignore", "", "`IDS` of unreadable request documents that do not make the old API's lists of locks 503, separated by commas; can be given several times", func(text string) error {
		o.Ignore = append(o.Ignore, slices.DeleteFunc(strings.Split(text, ","), func(id string) bool { return strings.TrimSpace(id) == "" })...)
		return nil
	})
	t.Int("legacy-requestcache", &o.Requestcache, "maximum answers of the old requestcache at once; 0 makes it 404")
}

func (o *LegacyOptions) validate(f *settings.Faults) {
	settings.Positive(f, "legacy-max-age", o.MaxAge)
	settings.NotNegative(f, "legacy-requestcache", o.Requestcache)
}
