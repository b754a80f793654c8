package load

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/go-kivik/kivik/v4"

	"github.com/dmwm/wmstats/mock/design"
)

// prepare creates the databases and their design documents.
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

// UnknownDatabaseError reports that a document names a database that neither
// exists on the server nor is read by WMStats: most likely a typing mistake.
type UnknownDatabaseError struct {
	Name string
	Near []string // known names that resemble it, or all of them
}

func (e *UnknownDatabaseError) Error() string {
	return fmt.Sprintf("database %q does not exist, and WMStats reads none of this name; did you mean %s? (--create creates it)",
		e.Name, strings.Join(e.Near, " or "))
}

// ensure creates a database unless this run knows it. If WMStats does not read
// such a database, the error is an *UnknownDatabaseError.
func (l *loader) ensure(ctx context.Context, db string) error {
	l.mu.Lock()
	_, known := l.existing[db]
	unknown := l.unknown[db]
	l.mu.Unlock()
	switch {
	case known:
		return nil
	case unknown != nil:
		return unknown
	}
	if err := l.check(ctx, db); err != nil {
		return err
	}
	err := l.couch.do(ctx, "create a database", func() error { return l.couch.kivik.CreateDB(ctx, db) })
	was := refused(err) == http.StatusPreconditionFailed
	if err != nil && !was {
		return fmt.Errorf("create database %s: %w", db, err)
	}
	l.mu.Lock()
	l.existing[db] = was
	l.mu.Unlock()
	return nil
}

// check reports whether a database may be created: it belongs to WMStats, or
// already exists, or was requested.
func (l *loader) check(ctx context.Context, db string) error {
	names := append(design.Databases(), design.TierZeroDatabases()...)
	if l.opts.Create || slices.Contains(names, db) {
		return nil
	}
	err := l.couch.do(ctx, "look for a database", func() error {
		_, err := l.couch.kivik.DBExists(ctx, db)
		return err
	})
	if status := refused(err); status != http.StatusNotFound && status != http.StatusBadRequest { // 400: no server accepts the name
		return err
	}
	e := &UnknownDatabaseError{Name: db, Near: names}
	if l.opts.Near != nil {
		if near := l.opts.Near(db, names); len(near) > 0 {
			e.Near = near
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.unknown[db] = e
	return e
}

// mayExist reports that documents of the database may exist already.
func (l *loader) mayExist(db string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.existing[db]
}

// design writes a design document, or adds the views that an existing one
// lacks. Existing views stay unchanged: they may be the real ones.
func (l *loader) design(ctx context.Context, d design.Document) error {
	db := l.couch.kivik.DB(d.DB)
	var have struct {
		Language string                     `json:"language"`
		Views    map[string]json.RawMessage `json:"views"`
	}
	var all map[string]json.RawMessage
	err := l.couch.do(ctx, "read", func() error { return db.Get(ctx, d.ID).ScanDoc(&all) })
	switch {
	case refused(err) == http.StatusNotFound:
		return l.put(ctx, db, d.ID, d.JSON)
	case err != nil:
		return err
	}
	raw, err := json.Marshal(all)
	if err == nil {
		err = json.Unmarshal(raw, &have)
	}
	if err != nil {
		return fmt.Errorf("read the existing one: %w", err)
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
	return l.put(ctx, db, d.ID, body)
}

// put writes one document unchanged.
func (l *loader) put(ctx context.Context, db *kivik.DB, id string, doc json.RawMessage) error {
	return l.couch.do(ctx, "write", func() error {
		_, err := db.Put(ctx, id, doc)
		return err
	})
}
