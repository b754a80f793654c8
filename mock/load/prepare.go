package load

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"

	"github.com/dmwm/wmstats/mock/design"
)

// prepare makes the databases and their design documents.
func (l *loader) prepare(ctx context.Context) error {
	for _, db := range design.Databases() {
		if err := l.ensure(ctx, db); err != nil {
			return err
		}
	}
	docs, err := design.Documents()
	if err != nil {
		return err
	}
	for _, d := range docs {
		if err := l.design(ctx, d); err != nil {
			return fmt.Errorf("design document %s/%s: %w", d.DB, d.ID, err)
		}
	}
	return nil
}

// ensure creates a database unless this run knows it.
func (l *loader) ensure(ctx context.Context, db string) error {
	l.mu.Lock()
	_, known := l.existing[db]
	l.mu.Unlock()
	if known {
		return nil
	}
	err := l.couch.do(ctx, http.MethodPut, dbPath(db), nil, nil)
	was := refused(err) == http.StatusPreconditionFailed
	if err != nil && !was {
		return fmt.Errorf("create database %s: %w", db, err)
	}
	l.mu.Lock()
	l.existing[db] = was
	l.mu.Unlock()
	return nil
}

// mayExist tells that documents of the database may be there already.
func (l *loader) mayExist(db string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.existing[db]
}

// design writes a design document, or adds the views that one which is there
// lacks. Views that are there stay as they are: they may be the real ones.
func (l *loader) design(ctx context.Context, d design.Document) error {
	path := dbPath(d.DB) + "/" + d.ID
	var have struct {
		Language string                     `json:"language"`
		Views    map[string]json.RawMessage `json:"views"`
	}
	var all map[string]json.RawMessage
	err := l.couch.do(ctx, http.MethodGet, path, nil, &all)
	switch {
	case refused(err) == http.StatusNotFound:
		return l.couch.do(ctx, http.MethodPut, path, d.JSON, nil)
	case err != nil:
		return err
	}
	raw, err := json.Marshal(all)
	if err == nil {
		err = json.Unmarshal(raw, &have)
	}
	if err != nil {
		return fmt.Errorf("read what is there: %w", err)
	}
	var want struct {
		Views map[string]json.RawMessage `json:"views"`
	}
	if err := json.Unmarshal(d.JSON, &want); err != nil {
		return fmt.Errorf("read the own one: %w", err)
	}
	maps.DeleteFunc(want.Views, func(name string, _ json.RawMessage) bool { return have.Views[name] != nil })
	if len(want.Views) == 0 {
		return nil
	}
	if have.Language != "" && have.Language != "javascript" {
		names := make([]string, 0, len(want.Views))
		for name := range want.Views {
			names = append(names, name)
		}
		return fmt.Errorf("it lacks %s and is in %s: they can't be added", strings.Join(names, ", "), have.Language)
	}
	if have.Views == nil {
		have.Views = map[string]json.RawMessage{}
	}
	maps.Copy(have.Views, want.Views)
	views, err := json.Marshal(have.Views)
	if err != nil {
		return fmt.Errorf("encode views: %w", err)
	}
	all["views"] = views
	body, err := json.Marshal(all)
	if err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	return l.couch.do(ctx, http.MethodPut, path, body, nil)
}
