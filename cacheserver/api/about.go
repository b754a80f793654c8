package api

import (
	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/schema/wire"
)

// showAbout handles GET /about, which works before the first generation too.
func (a *API) showAbout(c echo.Context) error {
	if _, err := onlyParams(c); err != nil {
		return err
	}
	about := wire.About{
		Version: a.o.Build.Version, Revision: a.o.Build.Revision, Go: a.o.Build.Go, Started: a.started.Unix(),
		Memory: a.memory(), Generations: a.o.Store.Made(), Source: []wire.SourceAnswers{}, Errors: []wire.SourceError{}, Polled: []wire.Polled{}, Reading: []wire.AboutReading{},
		CertificateExpires: -1,
	}
	if a.o.CertificateExpires != nil {
		about.CertificateExpires = a.o.CertificateExpires()
	}
	if a.o.Journal != nil {
		about.Source, about.Errors = a.o.Journal.Answers(), a.o.Journal.Errors()
	}
	for _, p := range a.o.Store.Source().Polled {
		about.Polled = append(about.Polled, wire.Polled(p))
	}
	if a.o.Reading != nil {
		about.Reading = append(about.Reading, a.o.Reading()...)
	}
	return a.sendPlain(c, about)
}

// showVersion handles GET /version.
func (a *API) showVersion(c echo.Context) error { return a.sendPlain(c, a.o.Build) }
