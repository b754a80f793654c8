// Package design holds the names of the databases and the design documents that
// WMStats reads: the views of the running system, as JavaScript maps where the
// original is Erlang. The loader writes them into a CouchDB; the stand-in
// answers the same names with maps of its own. It holds no data documents.
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

// Path is the path of the view below its database, without a leading slash.
func (v View) Path() string { return "_design/" + v.Design + "/_view/" + v.Name }

// Document is one design document.
type Document struct {
	DB   string
	ID   string // with the prefix _design/
	JSON []byte // without _rev
}

// lastTransition is the start of the maps that use the time of the last status.
const lastTransition = `
  var t = doc.RequestTransition, last = 0;
  if (t && t.length) { last = t[t.length - 1].UpdateTime; }`

// Views lists all views, those of one design document together.
func Views() []View {
	return append(requestViews(), wmstatsViews()...)
}

func requestViews() []View {
	return []View{
		{RequestDB, "ReqMgr", "bystatus", `function(doc) {
  if (!doc.RequestStatus) { return; }` + lastTransition + `
  emit(doc.RequestStatus, last);
}`, "_count"},
		{RequestDB, "ReqMgr", "bystatusandtime", `function(doc) {
  if (!doc.RequestStatus) { return; }` + lastTransition + `
  emit([doc.RequestStatus, last], null);
}`, "_count"},
		{RequestDB, "ReqMgr", "byrequest", `function(doc) {
  if (doc.RequestName) { emit(doc.RequestName, [doc.RequestStatus, doc.RequestType]); }
}`, ""},
		{RequestDB, "ReqMgr", "childresubmissionrequests", `function(doc) {
  if (doc.OriginalRequestName) { emit(doc.OriginalRequestName, doc.RequestStatus); }
}`, ""},
	}
}

func wmstatsViews() []View {
	return []View{
		{WMStatsDB, "WMStatsErl", "requestAgentUrl", `function(doc) {
  if (doc.type === "agent_request") { emit([doc.workflow, doc.agent_url], null); }
}`, "_count"},
		{WMStatsDB, "WMStatsErl3", "jobsByStatusWorkflow", `function(doc) {
  if (doc.type !== "jobsummary" || !doc.errors) { return; }
  var types = [], step, i;
  for (step in doc.errors) {
    for (i = 0; i < doc.errors[step].length; i++) {
      if (types.indexOf(doc.errors[step][i].type) < 0) { types.push(doc.errors[step][i].type); }
    }
  }
  types.sort();
  emit([doc.workflow, doc.task, doc.state, doc.exitcode, doc.site, doc.acdc_url, doc.agent_name, types],
       {id: doc._id, rev: doc._rev});
}`, "_count"},
		{WMStatsDB, "WMStatsErl7", "agentInfo", `function(doc) {
  if (doc.type === "agent_info") { emit(doc.agent_url, doc); }
}`, ""},
		{WMStatsDB, "WMStatsErl7", "latestRequest", `function(doc) {
  if (doc.type === "agent_request") { emit([doc.workflow, doc.agent_url], null); }
}`, ""},
		{LogDB, "LogDB", "logByRequest", `function(doc) {
  if (!doc.request || !doc.messages) { return; }
  for (var i = 0; i < doc.messages.length; i++) {
    emit(doc.request, {type: doc.type, agent: doc.identifier, thr: doc.thr, ts: doc.messages[i].ts});
  }
}`, ""},
	}
}

// Documents returns the design documents that hold Views, in their order.
func Documents() ([]Document, error) {
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
	for _, v := range Views() {
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
