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

// View is a named filter. Filter is a line of the filter bar; Sort and Columns are
// written as in an address.
type View struct {
	Name    string `yaml:"name"`
	Filter  string `yaml:"filter"`
	Sort    string `yaml:"sort"`
	Columns string `yaml:"columns"`
}

// DefaultViews returns the views used without a configuration file.
func DefaultViews() []View {
	return []View{
		{Name: "running", Filter: "status:running-open,running-closed"},
		{Name: "stuck for 2 d", Filter: "status:assigned,staging,staged,acquired,running-open,running-closed age:>2d"},
		{Name: "failing over 10 %", Filter: "rate:>=10"},
		{Name: "no agent", Filter: "status:acquired,running-open,running-closed -has:agent"},
		{Name: "with alerts", Filter: "has:alert"},
	}
}

// ParseViews parses a configuration file:
//
//	views:
//	  - name: failing at T1
//	    filter: "site:T1_* rate:>=10"
//	    sort: -Failure
//	    columns: jobs
//
// Only name and filter are required. Unknown keys, invalid filters and duplicate
// names are errors; all errors are reported together.
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
		return nil, errors.New("no views: want a list under views:, each with a name and a filter")
	}
	var errs error
	names := map[string]bool{}
	for i, v := range file.Views {
		if v.Name = strings.TrimSpace(v.Name); v.Name == "" {
			errs = errors.Join(errs, fmt.Errorf("view %d has no name", i+1))
		}
		if names[v.Name] {
			errs = errors.Join(errs, fmt.Errorf("view %d: the name %q is used twice", i+1, v.Name))
		}
		names[v.Name] = true
		if _, err := v.query(web.NewColumns()); err != nil {
			errs = errors.Join(errs, fmt.Errorf("view %d, %q: %w", i+1, v.Name, err))
		}
	}
	if errs != nil {
		return nil, errs
	}
	return file.Views, nil
}

// query returns the list of a view.
func (v View) query(columns web.Columns) (q List, errs error) {
	asked, mistakes := filterbar.Parse(v.Filter)
	for _, m := range mistakes {
		errs = errors.Join(errs, fmt.Errorf("filter: %q: %s", v.Filter[m.From:m.To], m.Text))
	}
	q.Query = asked
	q.Limit = DefaultSize
	if v.Sort != "" {
		sorted, err := wire.ParseQuery(url.Values{"sort": {v.Sort}})
		if err != nil {
			errs = errors.Join(errs, fmt.Errorf("sort: %w", problemOf(err)))
		}
		q.Sort = sorted.Sort
	}
	for _, name := range strings.FieldsFunc(v.Columns, func(r rune) bool { return r == ',' || r == ' ' }) {
		column, ok := columns.Named(name)
		if _, set := web.SetKeys(name); !ok && !set {
			errs = errors.Join(errs, fmt.Errorf("columns: unknown column %q; similar: %s", name, strings.Join(nearColumns(columns, name), ", ")))
			continue
		}
		if ok {
			name = column.Key
		}
		q.Cols = append(q.Cols, name)
	}
	return q, errs
}

// namedView is a view with its parsed query.
type namedView struct {
	name  string
	query List
}

// readViews parses views. It checks them again, because not all come from a file.
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

// nearColumns returns the columns and column sets with similar names.
func nearColumns(columns web.Columns, name string) []string {
	return wire.Near(name, append(columns.Keys(), web.SetNames()...), 3)
}
