package table

import (
	"cmp"
	"slices"

	"github.com/dmwm/wmstats/cacheserver/table/block"
	"github.com/dmwm/wmstats/schema/wire"
)

// comparer compares single records of a table in the order of Order.
type comparer struct {
	t    *Table
	keys []wire.SortKey
	cols []*block.Column
}

func newComparer(t *Table, keys []wire.SortKey) (*comparer, error) {
	c := &comparer{t: t, keys: keys}
	for _, k := range keys {
		n, ok := t.Layout.Column(k.Field)
		if !ok {
			return nil, errField
		}
		c.cols = append(c.cols, &t.Layout.Columns[n])
	}
	return c, nil
}

// directed returns the order r of two values by key n, either of which may be
// missing.
func (c *comparer) directed(n, r int, x, y bool) int {
	switch {
	case x || y:
		return gone(x) - gone(y)
	case c.keys[n].Desc:
		return -r
	}
	return r
}

func (c *comparer) compare(x, y uint32) int {
	bx, ix := c.t.At(int(x))
	by, iy := c.t.At(int(y))
	for n, col := range c.cols {
		var r int
		switch col.Kind {
		case block.Int, block.Bool:
			vx, vy := bx.Int(col, ix), by.Int(col, iy)
			r = c.directed(n, cmp.Compare(vx, vy), col.Missing(float64(vx)), col.Missing(float64(vy)))
		case block.Float:
			vx, vy := bx.Float(col, ix), by.Float(col, iy)
			r = c.directed(n, cmp.Compare(vx, vy), col.Missing(vx), col.Missing(vy))
		case block.Code:
			texts := col.Dict.Texts()
			vx, vy := bx.Int(col, ix), by.Int(col, iy)
			r = c.directed(n, cmp.Compare(texts[vx], texts[vy]), vx == 0, vy == 0)
		case block.Codes:
			texts := col.Dict.Texts()
			vx, vy := bx.Codes(col, ix), by.Codes(col, iy)
			r = slices.CompareFunc(vx, vy, func(a, b uint32) int { return cmp.Compare(texts[a], texts[b]) })
			r = c.directed(n, r, len(vx) == 0, len(vy) == 0)
		default:
			r = orderTexts(bx.Joined(col, ix), by.Joined(col, iy), c.keys[n].Desc)
		}
		if r != 0 {
			return r
		}
	}
	return cmp.Compare(x, y)
}
