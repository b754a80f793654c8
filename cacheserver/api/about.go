package api

import (
	"net/http"
	runtimemetrics "runtime/metrics"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/schema/wire"
)

// showAbout handles GET /about: also before the first generation.
func (a *API) showAbout(c echo.Context) error {
	if _, err := onlyParams(c); err != nil {
		return err
	}
	about := wire.About{
		Version: a.o.Build.Version, Revision: a.o.Build.Revision, Go: a.o.Build.Go, Started: a.started.Unix(),
		Memory: memory(), Generations: a.o.Store.Made(), Source: []wire.SourceAnswers{}, Errors: []wire.SourceError{},
	}
	about.Memory.Records, about.Memory.Kept = a.o.Store.Info().Bytes, a.o.Store.KeptBytes()
	if a.o.Journal != nil {
		about.Source, about.Errors = a.o.Journal.Answers(), a.o.Journal.Errors()
	}
	c.Response().Header().Set("Cache-Control", cacheControl(false))
	return a.writeJSON(c, http.StatusOK, wire.MediaJSON, about)
}

// memory asks the runtime without stopping the world.
func memory() wire.AboutMemory {
	samples := []runtimemetrics.Sample{
		{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"},
		{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/gc/heap/live:bytes"},
	}
	runtimemetrics.Read(samples)
	of := func(i int) int64 {
		if samples[i].Value.Kind() != runtimemetrics.KindUint64 {
			return 0
		}
		return int64(samples[i].Value.Uint64()) //nolint:gosec // memory fits in 63 bits
	}
	return wire.AboutMemory{System: of(0) - of(1), Heap: of(2), Live: of(3)}
}
