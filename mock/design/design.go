// Package design holds the names of the databases and the design documents that
// WMStats reads: the views of the running system, as JavaScript maps where the
// original is Erlang. The loader writes them into a CouchDB. The stand-in
// answers the same views with its own Go functions, and one of its tests
// compares them with the maps here. The package holds no data documents.
package design

import (
	"encoding/json"
	"fmt"
)

// Names of the databases (production).
const (
	RequestDB = "reqmgr_workload_cache"
	WMStatsDB = "wmstats"
	LogDB     = "wmstats_logdb"
)

// Databases lists the databases that hold documents, in the order in which they
// are created.
func Databases() []string { return []string{RequestDB, WMStatsDB, LogDB} }

// View is one view of a design document.
type View struct {
	DB, Design, Name string
	Map              string // JavaScript
	Reduce           string // name of a built-in reduce, or ""
}

// Key is the name of the view within all databases: design document and view.
func (v View) Key() string { return v.Design + "/" + v.Name }

// Path is the path of the view below its database, without a leading slash.
func (v View) Path() string { return "_design/" + v.Design + "/_view/" + v.Name }

// Document is one design document.
type Document struct {
	DB   string
	ID   string // with the prefix _design/
	JSON []byte // without _rev
}

// Documents returns the design documents that hold Views, in their order.
func Documents() ([]Document, error) { return documents(Views()) }

func documents(views []View) ([]Document, error) {
	type view struct {
		Map    string `json:"map"`
		Reduce string `json:"reduce,omitempty"`
	}
	type body struct {
		ID       string          `json:"_id"`
		Language string          `json:"language"`
		Views    map[string]view `json:"views"`
	}
	var order []string
	bodies := map[string]*body{}
	dbs := map[string]string{}
	for _, v := range views {
		id := "_design/" + v.Design
		if bodies[id] == nil {
			bodies[id] = &body{ID: id, Language: "javascript", Views: map[string]view{}}
			dbs[id] = v.DB
			order = append(order, id)
		}
		bodies[id].Views[v.Name] = view{v.Map, v.Reduce}
	}
	out := make([]Document, 0, len(order))
	for _, id := range order {
		raw, err := json.Marshal(bodies[id])
		if err != nil {
			return nil, fmt.Errorf("encode %s: %w", id, err)
		}
		out = append(out, Document{DB: dbs[id], ID: id, JSON: raw})
	}
	return out, nil
}
