package app

import (
	"cmp"
	"fmt"
	"time"

	"github.com/dmwm/wmstats/cacheserver/couch"
	"github.com/dmwm/wmstats/program/health"
	"github.com/dmwm/wmstats/schema/wire"
)

// reading returns the progress of the running full read, and the index that it
// waits for.
func (a *App) reading() []wire.AboutReading {
	var list []wire.AboutReading
	for _, r := range a.follower.Reading() {
		one := wire.AboutReading{Database: r.Database, Since: r.Since.Unix(), Documents: r.Documents, Done: r.Done, Reason: r.Reason, Percent: -1}
		if a.indexing != nil {
			for _, b := range a.indexing() {
				if b.Database.String() == r.Database {
					one.Index, one.Percent = b.View, int64(b.Percent)
				}
			}
		}
		list = append(list, one)
	}
	return list
}

// loginCheck is the line of /readyz?verbose about the user of the source.
func loginCheck(s couch.LoginState) health.Check {
	c := health.Check{Name: "login", OK: !s.Refused, Note: "not refused"}
	if !s.Before.IsZero() {
		c.Note = fmt.Sprintf("the database server has refused the new password since %s; using the previous one", s.Before.UTC().Format(time.RFC3339))
	}
	if !s.Refused {
		return c
	}
	what := "has refused the user or the password"
	if s.Locked {
		what = "has locked the user after wrong passwords"
	}
	c.Note = fmt.Sprintf("the database server %s since %s; next try at %s, or when the password changes",
		what, s.Since.UTC().Format(time.RFC3339), cmp.Or(s.Next, s.Since).UTC().Format(time.RFC3339))
	return c
}
