package compare

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"
)

// run is one comparison.
type run struct {
	Options
	old, new server
	newData  string // folder of the old calls on the new server
	report   Report
}

// pair has a workflow's figures on both sides; nil where a side lacks it.
type pair struct{ old, new *row }

func (p pair) equal() bool { return sameFigures(p.old, p.new) }

// Run compares the two servers. An error means that a side could not be read.
func Run(ctx context.Context, o Options) (Report, error) {
	ctx, cancel := context.WithTimeout(ctx, o.Limit)
	defer cancel()
	client, err := newClient(o)
	if err != nil {
		return Report{}, err
	}
	r := &run{Options: o, old: server{name: "the old server", client: client}, new: server{name: "the new server", client: client}}
	if o.TokenFile != "" {
		text, err := os.ReadFile(o.TokenFile)
		if err != nil {
			return Report{}, fmt.Errorf("--token-file: %w", err)
		}
		r.new.token = strings.TrimSpace(string(text))
	}
	if at, err := url.Parse(o.New); err == nil {
		if old, err := url.Parse(o.Old.data()); err == nil {
			at.Path = old.Path
		}
		r.newData = at.String()
	}
	r.report.Reads = 1
	if err := r.compare(ctx); err != nil {
		return Report{}, err
	}
	r.report.finish()
	return r.report, nil
}

func (r *run) compare(ctx context.Context) error {
	first, renamed, err := r.firstRead(ctx)
	if err != nil {
		return err
	}
	firstCalls, err := r.readCalls(ctx)
	if err != nil {
		return err
	}
	unusable, err := r.readQuarantine(ctx)
	if err != nil {
		return err
	}
	e := explainer{run: r, unusable: unusable, renamed: renamed}
	if r.Pause == 0 || !mayMove(first) && !slices.ContainsFunc(firstCalls, callPair.differs) {
		return e.explain(ctx, first, first, firstCalls, firstCalls)
	}
	// A workflow may change twice within a pause: unexplained differences are read a
	// last time.
	const reads = 3
	was, wasCalls := first, firstCalls
	for r.report.Reads = 2; ; r.report.Reads++ {
		select {
		case <-time.After(r.Pause):
		case <-ctx.Done():
			return fmt.Errorf("pause: %w", ctx.Err())
		}
		is, err := r.readAgain(ctx, first)
		if err != nil {
			return err
		}
		isCalls, err := r.readCalls(ctx)
		if err != nil {
			return err
		}
		if e.unusable, err = r.readQuarantine(ctx); err != nil {
			return err
		}
		if err := e.explain(ctx, was, is, wasCalls, isCalls); err != nil {
			return err
		}
		if r.report.Unexplained == 0 || r.report.Reads == reads {
			return nil
		}
		was, wasCalls = is, isCalls
	}
}

// mayMove reports whether something differs that the documents themselves do not
// explain, so that time may.
func mayMove(differ map[string]pair) bool {
	for _, p := range differ {
		if p.old == nil || p.new == nil {
			return true
		}
		for at := range figures {
			if !p.old.equal(p.new, at) && ofFigure(p, at) == Unexplained {
				return true
			}
		}
	}
	return false
}

// firstRead reads both sides whole and returns the workflows that differ. It drops
// equal ones as it meets them: memory has the figures of the old side, no document.
// renamed has request documents that are beside another one of the same name, by id.
func (r *run) firstRead(ctx context.Context) (differ map[string]pair, renamed map[string]string, err error) {
	old := map[string]*row{}
	renamed = map[string]string{}
	began := time.Now()
	err = r.readOld(ctx, func(name string, one *row) {
		if other, twice := old[name]; twice {
			// The one whose id is the name counts, else the first by id.
			keep, drop := one, other
			if other.id == name || one.id != name && other.id < one.id {
				keep, drop = other, one
			}
			renamed[drop.id], one = name, keep
		}
		old[name] = one
	})
	if err != nil {
		return nil, nil, err
	}
	r.report.Old = Side{Workflows: len(old), Seconds: time.Since(began).Seconds()}
	r.report.Figures = newTotals()
	for _, one := range old {
		r.report.Figures.add(one, func(t *Total) *int64 { return &t.Old })
	}
	differ = map[string]pair{}
	began = time.Now()
	header, err := r.readNew(ctx, func(name string, one *row) {
		r.report.New.Workflows++
		r.report.Figures.add(one, func(t *Total) *int64 { return &t.New })
		if p := (pair{old[name], one}); !p.equal() {
			differ[name] = p
		}
		delete(old, name)
	})
	if err != nil {
		return nil, nil, err
	}
	r.report.New.Seconds = time.Since(began).Seconds()
	r.report.New.noteState(header)
	for name, one := range old {
		differ[name] = pair{one, nil}
	}
	if r.report.Old.Workflows == 0 || r.report.New.Workflows == 0 {
		return nil, nil, fmt.Errorf("nothing to compare: the old server has %d workflows, the new one %d", r.report.Old.Workflows, r.report.New.Workflows)
	}
	return differ, renamed, nil
}

func (s *Side) noteState(header http.Header) {
	s.Generation, s.Stale = header.Get("X-Generation"), header.Get("X-Stale-Reason")
}

// readAgain reads the workflows that differed.
func (r *run) readAgain(ctx context.Context, first map[string]pair) (map[string]pair, error) {
	again := make(map[string]pair, len(first))
	for name := range first {
		again[name] = pair{}
	}
	err := r.readOld(ctx, func(name string, one *row) {
		p, asked := again[name]
		if !asked || p.old != nil && (p.old.id == name || one.id != name && p.old.id < one.id) {
			return
		}
		p.old = one
		again[name] = p
	})
	if err != nil {
		return nil, err
	}
	header, err := r.readNew(ctx, func(name string, one *row) {
		if p, asked := again[name]; asked {
			p.new = one
			again[name] = p
		}
	})
	if err != nil {
		return nil, err
	}
	r.report.New.noteState(header)
	return again, nil
}

// callPair has the rows of a call that differ, on both sides, by name.
type callPair struct {
	call
	old, new map[string]string
}

func (c callPair) differs() bool { return len(c.old) > 0 || len(c.new) > 0 }

// readCalls reads the chosen calls on both servers.
func (r *run) readCalls(ctx context.Context) (list []callPair, err error) {
	for _, c := range calls() {
		if !slices.Contains(r.Calls, c.name) {
			continue
		}
		p := callPair{c, map[string]string{}, map[string]string{}}
		if err := r.readCall(ctx, &r.old, r.Old.data(), c, func(name, values string) { p.old[name] = values }); err != nil {
			return nil, err
		}
		rows := len(p.old)
		err := r.readCall(ctx, &r.new, r.newData, c, func(name, values string) {
			if was, ok := p.old[name]; ok && was == values {
				delete(p.old, name)
			} else {
				p.new[name] = values
			}
		})
		if err != nil {
			return nil, err
		}
		if rows == 0 && c.names && len(p.new) > 0 {
			return nil, fmt.Errorf("the old server: %s is empty", c.name)
		}
		list = append(list, p)
	}
	return list, nil
}

// names returns the names of both sides, sorted.
func (c callPair) namesOf() []string {
	var names []string
	for name := range c.old {
		names = append(names, name)
	}
	for name := range c.new {
		names = append(names, name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// byName sorts differences for the report: severe ones first.
func byName(a, b Difference) int {
	rank := func(d Difference) int {
		switch {
		case d.Severe && !d.Expected():
			return 0
		case !d.Expected():
			return 1
		}
		return 2
	}
	return cmp.Or(cmp.Compare(rank(a), rank(b)), strings.Compare(a.Reason, b.Reason), strings.Compare(a.Subject, b.Subject), strings.Compare(a.Name, b.Name))
}
