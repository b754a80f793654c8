package store

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/join"
	"github.com/dmwm/wmstats/schema"
)

// copyOf returns a deep copy of a change.
func copyOf(t *testing.T, c join.Change) join.Change {
	t.Helper()
	if c.Workflow != nil {
		var w schema.Workflow
		require.NoError(t, new(schema.Unpacker).Unpack(string(schema.AppendPacked(nil, c.Workflow)), &w))
		c.Workflow = &w
	}
	if c.Report != nil {
		p := *c.Report
		p.Sites, p.Outputs, p.Tasks = slices.Clone(p.Sites), slices.Clone(p.Outputs), slices.Clone(p.Tasks)
		c.Report = &p
	}
	return c
}

// scribble overwrites a change, like a decoder that reuses its memory.
func scribble(c *join.Change) {
	if w := c.Workflow; w != nil {
		for _, list := range [][]string{
			w.Campaigns, w.Releases, w.PrepIDs, w.InputDatasets, w.OutputDatasets, w.Pileups, w.SiteWhitelist,
			w.SiteBlacklist, w.ScramArchs, w.AcquisitionEras, w.GlobalTags, w.Agents, w.Sites, w.Alerts,
		} {
			for i := range list {
				list[i] = "scribbled"
			}
		}
		*w = schema.Workflow{Workflow: "scribbled"}
	}
	if p := c.Report; p != nil {
		for i := range p.Sites {
			p.Sites[i] = schema.SiteReport{Site: "scribbled"}
		}
		for i := range p.Outputs {
			p.Outputs[i] = schema.OutputReport{Dataset: "scribbled"}
		}
		for i := range p.Tasks {
			p.Tasks[i] = 1
		}
		*p = schema.AgentReport{Workflow: "scribbled"}
	}
	*c = join.Change{ID: "scribbled"}
}

// Before, during and after the first generation, even for requests with several
// documents.
func TestNothingIsKeptOfChanges(t *testing.T) {
	m := newMaker(35)
	s := newStore(t, Options{Now: (&clock{start}).now})
	o := newOracle()
	give := func(to func([]join.Change), n int) {
		changes := someChanges(m, n)
		for i := range n / 4 {
			rival := m.requestChange(nameOf(i))
			rival.ID = "another document of " + nameOf(i)
			changes = append(changes, rival)
		}
		for i := 0; i < len(changes); i += 7 {
			some := changes[i:min(i+7, len(changes))]
			for _, c := range some {
				o.apply([]join.Change{copyOf(t, c)})
			}
			to(some)
			for k := range some {
				scribble(&some[k])
			}
		}
	}
	first := s.BeginLoad()
	give(first.Add, 120)
	_, err := first.Commit()
	require.NoError(t, err)
	o.check(t, s, start)
	give(func(c []join.Change) { s.Apply(c) }, 60)
	o.check(t, s, start)
	for i := range 20 { // a duplicate replaces the one that counted
		gone := join.Change{Kind: join.Request, ID: nameOf(i), Deleted: true}
		s.Apply([]join.Change{gone})
		o.apply([]join.Change{gone})
	}
	o.check(t, s, start)
}
