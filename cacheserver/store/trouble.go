package store

import "github.com/dmwm/wmstats/cacheserver/table/block"

// EachTrouble visits all workflows by name, with their failed jobs and alerts. The
// bytes and the list are valid during the visit.
func (g *Generation) EachTrouble(visit func(name []byte, failure int64, alerts []string)) {
	layout := g.table.Layout
	failure, _ := layout.Column("Failure")
	alerts, _ := layout.Column("Alerts")
	var list []string
	g.table.Range(0, g.table.Len(), func(b *block.Block, i, j int) bool {
		for ; i < j; i++ {
			list = b.AppendList(list[:0], &layout.Columns[alerts], i)
			visit(b.Name(layout, i), b.Int(&layout.Columns[failure], i), list)
		}
		return true
	})
}
