package couchfake

import (
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

// requestViews are those of reqmgr_workload_cache.
func requestViews() []View {
	return []View{
		{Design: "ReqMgr", Name: "bystatus", Map: func(d Doc, e *Emitter) {
			if d.Text("RequestStatus") != "" {
				e.Row(d.JSON("RequestStatus"), lastTransition(d))
			}
		}},
		{Design: "ReqMgr", Name: "bystatusandtime", Map: func(d Doc, e *Emitter) {
			if d.Text("RequestStatus") != "" {
				e.Row(array(d.JSON("RequestStatus"), lastTransition(d)), "null")
			}
		}},
		{Design: "ReqMgr", Name: "byrequest", Map: func(d Doc, e *Emitter) {
			if d.Text("RequestName") != "" {
				e.Row(d.JSON("RequestName"), array(d.JSON("RequestStatus"), d.JSON("RequestType")))
			}
		}},
		{Design: "ReqMgr", Name: "childresubmissionrequests", Map: func(d Doc, e *Emitter) {
			if d.Text("OriginalRequestName") != "" {
				e.Row(d.JSON("OriginalRequestName"), d.JSON("RequestStatus"))
			}
		}},
		{Design: "ReqMgr", Name: "byoriginalrequest", Map: func(d Doc, e *Emitter) {
			if d.Text("OriginalRequestName") != "" {
				e.Row(d.JSON("OriginalRequestName"), d.JSON("RequestName"))
			}
		}},
	}
}

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
	return []View{
		{Design: "WMStatsErl", Name: "requestAgentUrl", Count: true, Map: pair},
		{Design: "WMStatsErl2", Name: "allWorkflows", Count: true, Map: func(d Doc, e *Emitter) {
			if d.Body.Get("workflow").Exists() {
				e.Row(d.JSON("workflow"), idRev(d))
			}
		}},
		{Design: "WMStatsErl7", Name: "latestRequest", Map: pair},
		{Design: "WMStatsErl7", Name: "agentInfo", Map: func(d Doc, e *Emitter) {
			if d.Text("type") == "agent_info" {
				e.RowWithDoc(d.JSON("agent_url"))
			}
		}},
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
	}}}
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
	}}}
}

func array(parts ...string) string { return "[" + strings.Join(parts, ",") + "]" }

func idRev(d Doc) string {
	return `{"id":` + quoted(d.ID) + `,"rev":` + quoted(d.Rev) + `}`
}
