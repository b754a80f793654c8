package attention

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/dmwm/wmstats/cacheserver/api/render"
	"github.com/dmwm/wmstats/cacheserver/budget"
	"github.com/dmwm/wmstats/schema/wire"
)

// ranking keeps the items with the highest scores.
type ranking struct {
	most  int
	items []wire.AttentionItem
}

func order(a, b wire.AttentionItem) int {
	return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Name, b.Name))
}

func (r *ranking) add(item wire.AttentionItem) {
	r.items = append(r.items, item)
	if len(r.items) >= 2*r.most+16 {
		r.cut()
	}
}

func (r *ranking) cut() {
	slices.SortFunc(r.items, order)
	r.items = r.items[:min(r.most, len(r.items))]
}

func (r *ranking) sorted() []wire.AttentionItem {
	r.cut()
	if r.items == nil {
		return []wire.AttentionItem{}
	}
	return r.items
}

// recordSteps are the steps of reading one record, in addition to its bytes.
const recordSteps = 1000

// step is how many records are read at once.
const step = 100

// workflows ranks the workflows of a rule. Ages refer to the time of the
// generation, so the result depends on the generation alone.
func (o Options) workflows(ctx context.Context, s State, r *Rule) ([]wire.AttentionItem, int, error) {
	list, err := s.Generation.Select(ctx, wire.Query{Terms: r.Terms})
	if err != nil {
		return nil, 0, fmt.Errorf("select %s: %w", r.Name, err)
	}
	now := s.Generation.Time().Unix()
	top := ranking{most: o.Top}
	spent := budget.From(ctx)
	for i := 0; i < list.Total(); i += step {
		for _, record := range list.Page(i, step) { //nolint:contextcheck // reading a page of the result spends nothing
			if !spent.Spend(recordSteps + len(record)) {
				return nil, 0, fmt.Errorf("rank %s: %w", r.Name, spent.Stopped())
			}
			item, err := itemOf(record)
			if err != nil {
				return nil, 0, fmt.Errorf("rank %s: %w", r.Name, err)
			}
			item.Score = Score(item.Priority, item.Since, now, item.Failure)
			top.add(item)
		}
	}
	items := top.sorted()
	for i := range items {
		items[i].Alerts = of(r.Name, s.Generation.Alerts(items[i].Name))
		for k := range items[i].Alerts {
			items[i].Reasons = append(items[i].Reasons, items[i].Alerts[k].Reason)
		}
	}
	return items, list.Total(), nil
}

// itemOf reads the fields of an item from an encoded Workflow record.
func itemOf(record []byte) (item wire.AttentionItem, err error) {
	item.Kind, item.Reasons = "Workflow", []string{}
	left := 5
	for m, err := range render.Members(record) {
		if err != nil {
			return item, fmt.Errorf("read a record: %w", err)
		}
		left--
		switch string(m.Key) {
		case "Workflow":
			err = json.Unmarshal(m.Value, &item.Name)
		case "Status":
			err = json.Unmarshal(m.Value, &item.Status)
		case "StatusTime":
			item.Since, err = strconv.ParseInt(string(m.Value), 10, 64)
		case "Priority":
			item.Priority, err = strconv.ParseInt(string(m.Value), 10, 64)
		case "Failure":
			item.Failure, err = strconv.ParseInt(string(m.Value), 10, 64)
		default:
			left++
		}
		if err != nil {
			return item, fmt.Errorf("read %s of a record: %w", m.Key, err)
		}
		if left == 0 {
			return item, nil
		}
	}
	return item, errors.New("read a record: a key is missing")
}
