package couchfake

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/tidwall/gjson"
)

// rewritesDesign is the design document whose views are rewrites at the front
// end: _design/WMStats/_view/<name> is answered by the WMStatsErl document that
// holds the view.
const rewritesDesign = "WMStats"

// Views gives the views that the stand-in knows: those that readers of the
// monitoring data ask for.
func Views() []View {
	return slices.Concat(requestViews(), agentViews(), jobViews(), logViews())
}

// DesignDoc gives a design document with the JavaScript of all known views of
// that design, as a real server takes it; ok is false if none is known.
func DesignDoc(design string) (doc []byte, ok bool) {
	type def struct {
		Map    string `json:"map"`
		Reduce string `json:"reduce,omitempty"`
	}
	views := make(map[string]def)
	for _, v := range Views() {
		if v.Design != design {
			continue
		}
		d := def{Map: v.JavaScript}
		if v.Count {
			d.Reduce = "_count"
		}
		views[v.Name] = d
	}
	doc, err := json.Marshal(map[string]any{"_id": "_design/" + design, "language": "javascript", "views": views})
	return doc, err == nil && len(views) > 0
}

// requestViews are those of reqmgr_workload_cache.
func requestViews() []View {
	return []View{
		{Design: "ReqMgr", Name: "bystatus", Map: func(d Doc, e *Emitter) {
			if d.Text("RequestStatus") != "" {
				e.Row(d.JSON("RequestStatus"), lastTransition(d))
			}
		}, JavaScript: `function(doc) { if (doc.RequestStatus) { ` + jsLastTransition + `emit(doc.RequestStatus, t); } }`},
		{Design: "ReqMgr", Name: "bystatusandtime", Map: func(d Doc, e *Emitter) {
			if d.Text("RequestStatus") != "" {
				e.Row(array(d.JSON("RequestStatus"), lastTransition(d)), "null")
			}
		}, JavaScript: `function(doc) { if (doc.RequestStatus) { ` + jsLastTransition + `emit([doc.RequestStatus, t], null); } }`},
		{Design: "ReqMgr", Name: "byrequest", Map: func(d Doc, e *Emitter) {
			if d.Text("RequestName") != "" {
				e.Row(d.JSON("RequestName"), array(d.JSON("RequestStatus"), d.JSON("RequestType")))
			}
		}, JavaScript: `function(doc) { if (doc.RequestName) { emit(doc.RequestName, [doc.RequestStatus || null, doc.RequestType || null]); } }`},
		{Design: "ReqMgr", Name: "childresubmissionrequests", Map: func(d Doc, e *Emitter) {
			if d.Text("OriginalRequestName") != "" {
				e.Row(d.JSON("OriginalRequestName"), d.JSON("RequestStatus"))
			}
		}, JavaScript: `function(doc) { if (doc.OriginalRequestName) { emit(doc.OriginalRequestName, doc.RequestStatus || null); } }`},
		{Design: "ReqMgr", Name: "byoriginalrequest", Map: func(d Doc, e *Emitter) {
			if d.Text("OriginalRequestName") != "" {
				e.Row(d.JSON("OriginalRequestName"), d.JSON("RequestName"))
			}
		}, JavaScript: `function(doc) { if (doc.OriginalRequestName) { emit(doc.OriginalRequestName, doc.RequestName || null); } }`},
	}
}

const jsLastTransition = `var tr = doc.RequestTransition; ` +
	`var t = tr && tr.length && tr[tr.length - 1].UpdateTime || null; `

// lastTransition is the time of the last entry of the status history, null
// when there is none.
func lastTransition(d Doc) string {
	last := gjson.Result{}
	if history := d.Body.Get("RequestTransition"); history.IsArray() {
		history.ForEach(func(_, entry gjson.Result) bool {
			last = entry
			return true
		})
	}
	if t := last.Get("UpdateTime"); t.Exists() && t.Raw != "0" {
		return t.Raw
	}
	return "null"
}

// agentViews are those of wmstats over the agents' documents.
func agentViews() []View {
	pair := func(d Doc, e *Emitter) {
		if d.Text("type") == "agent_request" {
			e.Row(array(d.JSON("workflow"), d.JSON("agent_url")), "null")
		}
	}
	jsPair := `function(doc) { if (doc.type === "agent_request") { emit([doc.workflow, doc.agent_url], null); } }`
	return []View{
		{Design: "WMStatsErl", Name: "requestAgentUrl", Count: true, Map: pair, JavaScript: jsPair},
		{Design: "WMStatsErl2", Name: "allWorkflows", Count: true, Map: func(d Doc, e *Emitter) {
			if d.Body.Get("workflow").Exists() {
				e.Row(d.JSON("workflow"), idRev(d))
			}
		}, JavaScript: `function(doc) { if (doc.workflow !== undefined) { emit(doc.workflow, {id: doc._id, rev: doc._rev}); } }`},
		{Design: "WMStatsErl7", Name: "latestRequest", Map: pair, JavaScript: jsPair},
		{Design: "WMStatsErl7", Name: "agentInfo", Map: func(d Doc, e *Emitter) {
			if d.Text("type") == "agent_info" {
				e.RowWithDoc(d.JSON("agent_url"))
			}
		}, JavaScript: `function(doc) { if (doc.type === "agent_info") { emit(doc.agent_url, doc); } }`},
	}
}

// jobViews are those of wmstats over failed jobs.
func jobViews() []View {
	return []View{{Design: "WMStatsErl3", Name: "jobsByStatusWorkflow", Count: true, Map: func(d Doc, e *Emitter) {
		errs := d.Body.Get("errors")
		if d.Text("type") != "jobsummary" || !errs.IsObject() {
			return
		}
		e.Row(array(d.JSON("workflow"), d.JSON("task"), d.JSON("state"), d.JSON("exitcode"), d.JSON("site"),
			d.JSON("acdc_url"), d.JSON("agent_name"), errorTypes(errs)), idRev(d))
	}, JavaScript: `function(doc) { if (doc.type === "jobsummary" && doc.errors) { var types = []; ` +
		`for (var step in doc.errors) { for (var i in doc.errors[step]) { types.push(doc.errors[step][i].type); } } ` +
		`emit([doc.workflow, doc.task, doc.state, doc.exitcode, doc.site, doc.acdc_url, doc.agent_name, types.sort()], ` +
		`{id: doc._id, rev: doc._rev}); } }`}}
}

// errorTypes is the sorted list of the error types of all steps, repeated ones
// included.
func errorTypes(steps gjson.Result) string {
	var types []string
	steps.ForEach(func(_, list gjson.Result) bool {
		if !list.IsArray() {
			return true
		}
		list.ForEach(func(_, entry gjson.Result) bool {
			if t := entry.Get("type"); t.Exists() {
				types = append(types, t.Raw)
			}
			return true
		})
		return true
	})
	slices.Sort(types)
	return array(types...)
}

// logViews are those of wmstats_logdb. Each message gives a row, and each row
// carries the time of the newest message, as the original does.
func logViews() []View {
	return []View{{Design: "LogDB", Name: "logByRequest", Map: func(d Doc, e *Emitter) {
		messages := d.Body.Get("messages").Array()
		for range messages {
			ts := messages[len(messages)-1].Get("ts").Raw
			if ts == "" {
				ts = "null"
			}
			e.Row(d.JSON("request"), fmt.Sprintf(`{"type":%s,"agent":%s,"thr":%s,"ts":%s}`,
				d.JSON("type"), d.JSON("identifier"), d.JSON("thr"), ts))
		}
	}, JavaScript: `function(doc) { if (doc.messages) { var n = doc.messages.length; for (var i = 0; i < n; i++) { ` +
		`emit(doc.request, {type: doc.type, agent: doc.identifier, thr: doc.thr, ts: doc.messages[n - 1].ts}); } } }`}}
}

func array(parts ...string) string { return "[" + strings.Join(parts, ",") + "]" }

func idRev(d Doc) string {
	return `{"id":` + quoted(d.ID) + `,"rev":` + quoted(d.Rev) + `}`
}
