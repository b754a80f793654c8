package load

import (
	"cmp"
	"errors"
	"time"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/uiserver/cacheclient"
	"github.com/dmwm/wmstats/web"
)

// Meta are the headers of an answer.
type Meta = cacheclient.Meta

// Expired reports whether a page failed because its generation is no longer
// kept.
func Expired(err error) bool {
	problem := wire.ProblemOf(err)
	return problem != nil && problem.Slug() == wire.SlugGenerationExpired
}

// Unreachable reports whether the cache server did not answer.
func Unreachable(err error) bool { return errors.Is(err, cacheclient.ErrUnreachable) }

// State is the freshness of the data of the cache server, or why it is unknown.
type State struct {
	Info      schema.CacheInfo
	Attention int // workflows and agents under a rule; -1 if unknown
	New       int // those of them that are new to the reader; -1 if unknown
	Is        web.State
	Err       error // why it is unknown; nil if it is known

	last *schema.CacheInfo // last known state; nil for none
}

// judge returns the state of the data. They are ageing if CouchDB has not answered
// for silence.
func judge(pulse wire.Pulse, err error, now time.Time, silence time.Duration) State {
	s := State{Attention: pulse.Attention, New: pulse.New, Err: err, Is: web.Fresh}
	if err == nil {
		s.Info = pulse.CacheInfo
	}
	silent := now.Sub(time.Unix(s.Info.CheckTime, 0))
	switch problem := wire.ProblemOf(err); {
	case problem != nil && problem.Slug() == wire.SlugNotReady:
		s.Is = web.Loading
	case Unreachable(err):
		s.Is = web.Down
	case err != nil:
		s.Is = web.Unknown
	case s.Info.Generation == "":
		s.Is = web.Loading
	case s.Info.Stale:
		s.Is = web.Stale
	case s.Info.CheckTime > 0 && silent > silence:
		s.Is = web.Ageing
	}
	return s
}

// Data returns the state as shown on a page. meta has the headers of the answer
// that the page shows; they are used where the state is unknown.
func (s State) Data(meta Meta) web.Data {
	d := web.Data{Info: s.Info, State: s.Is, Attention: s.Attention, New: s.New}
	if s.Err != nil {
		d.Info = s.lastInfo(meta)
		if meta.Stale {
			d.State = web.Stale
		} else if meta.Generation != "" {
			d.State = web.Unknown
		}
	}
	d.Generation = cmp.Or(meta.Generation, d.Info.Generation)
	return d
}

// lastInfo returns the last known state, updated from the headers of an answer.
func (s State) lastInfo(meta Meta) schema.CacheInfo {
	var info schema.CacheInfo
	if s.last != nil {
		info = *s.last
	}
	if meta.Generation != "" && meta.Generation != info.Generation {
		info = schema.CacheInfo{Generation: meta.Generation, Source: info.Source, Workflows: info.Workflows}
		if !meta.GenerationTime.IsZero() {
			info.CacheTime = meta.GenerationTime.Unix()
		}
	}
	if meta.Stale {
		info.Stale, info.StaleReason = true, meta.StaleReason
	}
	return info
}
