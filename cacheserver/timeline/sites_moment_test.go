package timeline

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/join"
	"github.com/dmwm/wmstats/cacheserver/store"
	"github.com/dmwm/wmstats/schema"
)

// TestSitesAsOfTheMoment: a server that applies entries of some minutes ago when it
// starts finds the same states of sites as one that applied them when they came. At its
// own time the agent has been silent for too long.
func TestSitesAsOfTheMoment(t *testing.T) {
	moment := time.Unix(start, 0)
	var encoded [][][]byte
	for _, later := range []time.Duration{0, 10 * time.Minute} {
		c := &clock{start}
		s, err := store.New(store.Options{
			Moment: func() time.Time { return time.Unix(c.at, 0) },
			Now:    func() time.Time { return time.Unix(c.at, 0).Add(later) },
		})
		require.NoError(t, err)
		_, err = s.BeginLoad().Commit()
		require.NoError(t, err)
		info := &schema.AgentDetail{Agent: schema.Agent{Agent: "a", Kind: "agent", UpdateTime: c.at}}
		info.Sites = []schema.AgentSite{{Agent: "a", Site: "T1_US_FNAL", State: "Down"}}
		s.Apply([]join.Change{{Kind: join.AgentInfo, ID: "a", Hash: 1, Time: c.at, Info: info}})
		h := empty(t, Options{Every: time.Minute}, c)
		for _, seconds := range []int64{0, 900, 1300} {
			c.at = moment.Unix() + seconds
			s.Tick()
			generation, ok := s.Newest()
			require.True(t, ok)
			require.True(t, h.ObserveAt(time.Unix(c.at, 0), generation))
		}
		assert.Equal(t, []schema.SiteChange{{Time: start + 1300, Site: "T1_US_FNAL", From: "Down", To: "unknown", Seconds: -1}}, h.SiteChanges(nil, 0), "%s later", later)
		encoded = append(encoded, h.Encode())
	}
	assert.Equal(t, encoded[0], encoded[1])
}
