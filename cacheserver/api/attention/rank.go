package attention

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/dmwm/wmstats/cacheserver/api/render"
	"github.com/dmwm/wmstats/cacheserver/budget"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// order compares items as Rule.query orders workflows: what holds back most
// workflows, then most jobs, then the highest priority, then the oldest.
func order(a, b Item) int {
	return cmp.Or(
		cmp.Compare(b.Workflows, a.Workflows), cmp.Compare(b.Score, a.Score), cmp.Compare(b.Priority, a.Priority),
		cmp.Compare(known(a.Since), known(b.Since)), cmp.Compare(a.Name, b.Name),
	)
}

// known is a time for a comparison in which an unknown one comes last.
func known(since int64) int64 {
	if since == 0 {
		return math.MaxInt64
	}
	return since
}

// heldBack selects workflows with jobs that have yet to succeed: Score is 1 also for
// those that expect nothing any more, such as announced ones.
var heldBack = wire.Term{Field: "Score", Op: wire.Min, Number: 2}

// recordSteps are the steps of reading one record, in addition to its bytes.
const recordSteps = 1000

// workflows returns the first workflows of a rule. The result depends on the
// generation, on only and on the job reports that have been read.
func (o Options) workflows(ctx context.Context, s State, r *Rule, only *Only) (m Matches, err error) {
	list, err := s.Generation.SelectFirst(ctx, r.query(), o.Top)
	if err != nil {
		return m, fmt.Errorf("select %s: %w", r.Name, err)
	}
	held, err := s.Generation.Select(ctx, wire.Query{Terms: append(slices.Clone(r.Terms), heldBack)})
	if err != nil {
		return m, fmt.Errorf("count what %s holds back: %w", r.Name, err)
	}
	m = Matches{Items: []Item{}, Count: list.Total(), Workflows: int64(held.Total())}
	if only != nil {
		q := r.query()
		if q.Names = only.Names[r.Name]; len(q.Names) == 0 {
			return m, nil
		}
		if list, err = s.Generation.Matching(ctx, q); err != nil {
			return m, fmt.Errorf("select new workflows of %s: %w", r.Name, err)
		}
	}
	spent := budget.From(ctx)
	var names []string
	for _, record := range list.Page(0, o.Top) { //nolint:contextcheck // reading a page of the result spends nothing
		if !spent.Spend(recordSteps + len(record)) {
			return m, fmt.Errorf("rank %s: %w", r.Name, spent.Stopped())
		}
		item, err := itemOf(record)
		if err != nil {
			return m, fmt.Errorf("rank %s: %w", r.Name, err)
		}
		item.Began = s.Generation.AlertSeen(item.Name, r.Name)
		m.Items, names = append(m.Items, item), append(names, item.Name)
	}
	return m, s.explain(ctx, r, m.Items, names)
}

// explain sets the alerts, reasons, causes and owners of workflows.
func (s State) explain(ctx context.Context, r *Rule, items []Item, names []string) error {
	var exits map[string]schema.Part
	byExit := r.Name == schema.AlertConfigError
	if byExit && s.Exits != nil && len(names) > 0 {
		var err error
		if exits, err = s.Exits(ctx, names); err != nil {
			return fmt.Errorf("explain %s: %w", r.Name, err)
		}
	}
	for i := range items {
		item := &items[i]
		item.Alerts = of(r.Name, s.Generation.AlertsKnowing(item.Name, exits[item.Name]))
		for k := range item.Alerts {
			item.Reasons = append(item.Reasons, item.Alerts[k].Reason)
		}
		if explain(item); !byExit || exits[item.Name].Name != "" {
			continue
		}
		if s.Exits == nil {
			item.Cause += "; exit codes are not read until /errors is asked for"
		} else {
			item.Cause += "; no job report has come"
		}
	}
	return nil
}

// itemOf reads the fields of an item from an encoded Workflow record.
func itemOf(record []byte) (item Item, err error) {
	item.Kind, item.Workflows, item.Reasons = "Workflow", 1, []string{}
	numbers := map[string]*int64{"StatusTime": &item.Since, "Priority": &item.Priority, "Failure": &item.Failure, "Score": &item.Score}
	left := len(numbers) + 2
	for m, err := range render.Members(record) {
		if err != nil {
			return item, fmt.Errorf("read a record: %w", err)
		}
		left--
		switch key := string(m.Key); {
		case key == "Workflow":
			err = json.Unmarshal(m.Value, &item.Name)
		case key == "Status":
			err = json.Unmarshal(m.Value, &item.Status)
		case numbers[key] != nil:
			*numbers[key], err = strconv.ParseInt(string(m.Value), 10, 64)
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
