package query

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/uiserver/query/filterbar"
	"github.com/dmwm/wmstats/web"
)

// View is a filter that many ask for, under a name. Filter is a line of the
// filter bar, Sort and Columns are written as in an address.
type View struct {
	Name    string `yaml:"name"`
	Filter  string `yaml:"filter"`
	Sort    string `yaml:"sort"`
	Columns string `yaml:"columns"`
}

// DefaultViews are those without a configuration file.
func DefaultViews() []View {
	return []View{
		{Name: "running", Filter: "status:running-open,running-closed"},
		{Name: "stuck for 2 d", Filter: "status:assigned,staging,staged,acquired,running-open,running-closed age:>2d"},
		{Name: "failing over 10 %", Filter: "rate:>=10"},
		{Name: "no agent", Filter: "status:acquired,running-open,running-closed -has:agent"},
		{Name: "with alerts", Filter: "has:alert"},
	}
}

// ParseViews reads a configuration file:
//
//	views:
//	  - name: failing at T1
//	    filter: "site:T1_* rate:>=10"
//	    sort: -Failure
//	    columns: jobs
//
// Only name and filter are needed. It is read strictly: an unknown key, a line
// that the filter bar would not take and a name that is there twice are faults,
// and all of them are told at once.
func ParseViews(data []byte) ([]View, error) {
	var file struct {
		Views []View `yaml:"views"`
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	decoder.KnownFields(true)
	if err := decoder.Decode(&file); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("want a list of views: %w", err)
	}
	if len(file.Views) == 0 {
		return nil, errors.New("want a list under views:, with a name and a filter each; there is none")
	}
	var faults error
	names := map[string]bool{}
	for i, v := range file.Views {
		if v.Name = strings.TrimSpace(v.Name); v.Name == "" {
			faults = errors.Join(faults, fmt.Errorf("view %d has no name", i+1))
		}
		if names[v.Name] {
			faults = errors.Join(faults, fmt.Errorf("view %d: the name %q is there twice", i+1, v.Name))
		}
		names[v.Name] = true
		if _, err := v.query(web.NewColumns()); err != nil {
			faults = errors.Join(faults, fmt.Errorf("view %d, %q: %w", i+1, v.Name, err))
		}
	}
	if faults != nil {
		return nil, faults
	}
	return file.Views, nil
}

// query is the list that a view leads to.
func (v View) query(columns web.Columns) (q List, faults error) {
	asked, mistakes := filterbar.Parse(v.Filter)
	for _, m := range mistakes {
		faults = errors.Join(faults, fmt.Errorf("filter: %q: %s", v.Filter[m.From:m.To], m.Text))
	}
	q.Query = asked
	q.Limit = DefaultSize
	if v.Sort != "" {
		sorted, err := wire.ParseQuery(url.Values{"sort": {v.Sort}})
		if err != nil {
			faults = errors.Join(faults, fmt.Errorf("sort: %w", problemOf(err)))
		}
		q.Sort = sorted.Sort
	}
	for _, name := range strings.FieldsFunc(v.Columns, func(r rune) bool { return r == ',' || r == ' ' }) {
		column, ok := columns.Named(name)
		if _, set := web.SetKeys(name); !ok && !set {
			faults = errors.Join(faults, fmt.Errorf("columns: there is no %q; near are %s", name, strings.Join(nearColumns(columns, name), ", ")))
			continue
		}
		if ok {
			name = column.Key
		}
		q.Cols = append(q.Cols, name)
	}
	return q, faults
}

// namedView is a view with the query that it stands for.
type namedView struct {
	name  string
	query List
}

// readViews checks views again, because not all come from a file.
func readViews(views []View, columns web.Columns) ([]namedView, error) {
	all := List{}
	all.Limit = DefaultSize
	out := []namedView{{"all", all}}
	for _, v := range views {
		q, err := v.query(columns)
		if err != nil {
			return nil, fmt.Errorf("view %q: %w", v.Name, err)
		}
		out = append(out, namedView{v.Name, q})
	}
	return out, nil
}

// nearColumns are the columns and sets whose names resemble one.
func nearColumns(columns web.Columns, name string) []string {
	return wire.Near(name, append(columns.Keys(), web.SetNames()...), 3)
}
