package couchfake

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"

	"github.com/tidwall/gjson"

	"github.com/dmwm/wmstats/mock/design"
)

// rewritesDesign is the design document whose views are rewrites at the front
// end: _design/WMStats/_view/<name> is answered by the WMStatsErl document that
// holds the view.
const rewritesDesign = "WMStats"

// Views returns the views that the stand-in knows: those of the design
// documents that readers of the monitoring data query. Package design says what
// they emit; the functions here do the same without a JavaScript engine.
func Views() []View {
	maps := viewMaps()
	known := make([]View, 0, len(maps))
	for _, v := range design.Views() {
		if m := maps[v.Key()]; m != nil {
			known = append(known, View{Design: v.Design, Name: v.Name, Count: v.Reduce == "_count", Map: m})
		}
	}
	return known
}

// tierZeroViews are the views that Tier-0 has under names of its own.
func tierZeroViews() []View {
	maps := viewMaps()
	var out []View
	for _, v := range design.TierZeroViews() {
		if m := maps["ReqMgr/"+v.Name]; m != nil && v.DB == design.TierZeroRequestDB {
			out = append(out, View{Design: v.Design, Name: v.Name, Map: m})
		}
	}
	return out
}

// viewMaps are the functions of the views, by design.View.Key.
func viewMaps() map[string]func(Doc, *Emitter) {
	return map[string]func(Doc, *Emitter){
		"ReqMgr/bystatus": func(d Doc, e *Emitter) {
			e.Row(d.JSON("RequestStatus"), lastTransition(d))
		},
		"ReqMgr/bystatusandtime": func(d Doc, e *Emitter) {
			e.Row(array(d.JSON("RequestStatus"), lastTransition(d)), "null")
		},
		"ReqMgr/byrequest": func(d Doc, e *Emitter) {
			e.Row(d.JSON("RequestName"), array(d.JSON("RequestStatus"), d.JSON("RequestType")))
		},
		"ReqMgr/childresubmissionrequests": func(d Doc, e *Emitter) { originalOf(d, e, "RequestStatus") },
		"ReqMgr/byoriginalrequest":         func(d Doc, e *Emitter) { originalOf(d, e, "RequestName") },
		"WMStatsErl/requestAgentUrl":       agentPair,
		"WMStatsErl2/allWorkflows": func(d Doc, e *Emitter) {
			if d.Body.Get("workflow").Exists() {
				e.Row(d.JSON("workflow"), idRev(d))
			}
		},
		"WMStatsErl3/jobsByStatusWorkflow": jobByStatus,
		"WMStatsErl7/agentInfo": func(d Doc, e *Emitter) {
			if d.Text("type") == "agent_info" {
				e.RowWithDoc(d.JSON("agent_url"))
			}
		},
		"WMStatsErl7/latestRequest": agentPair,
		"LogDB/logByRequest":        logByRequest,
	}
}

// lastTransition returns the time of the last entry of the status history, null
// when there is none.
func lastTransition(d Doc) string {
	last := gjson.Result{}
	if history := d.Body.Get("RequestTransition"); history.IsArray() {
		history.ForEach(func(_, entry gjson.Result) bool {
			last = entry
			return true
		})
	}
	if t := last.Get("UpdateTime"); t.Exists() {
		return t.Raw
	}
	return "null"
}

// originalOf emits a field of a request that recovers another one.
func originalOf(d Doc, e *Emitter, field string) {
	if truthy(d.Body.Get("OriginalRequestName")) {
		e.Row(d.JSON("OriginalRequestName"), d.JSON(field))
	}
}

func agentPair(d Doc, e *Emitter) {
	if d.Text("type") == "agent_request" {
		e.Row(array(d.JSON("workflow"), d.JSON("agent_url")), "null")
	}
}

func jobByStatus(d Doc, e *Emitter) {
	if d.Text("type") != "jobsummary" {
		return
	}
	errs := d.Body.Get("errors")
	if !errs.IsObject() {
		return
	}
	e.Row(array(d.JSON("workflow"), d.JSON("task"), d.JSON("state"), d.JSON("exitcode"), d.JSON("site"),
		d.JSON("acdc_url"), d.JSON("agent_name"), errorTypes(errs)), idRev(d))
}

// errorTypes returns the sorted list of the error types of all steps, repeated
// ones included.
func errorTypes(steps gjson.Result) string {
	var types []string
	steps.ForEach(func(_, list gjson.Result) bool {
		if !list.IsArray() {
			return true
		}
		list.ForEach(func(_, entry gjson.Result) bool {
			if t := entry.Get("type"); t.Type == gjson.String {
				types = append(types, t.Str)
			}
			return true
		})
		return true
	})
	// JavaScript sorts texts by their UTF-16 units.
	slices.SortFunc(types, func(a, b string) int {
		return slices.Compare(utf16.Encode([]rune(a)), utf16.Encode([]rune(b)))
	})
	for i := range types {
		types[i] = quoted(types[i])
	}
	return array(types...)
}

// logByRequest emits a row for each message, each with the time of the newest.
func logByRequest(d Doc, e *Emitter) {
	messages := d.Body.Get("messages")
	if !messages.IsArray() {
		return
	}
	list := messages.Array()
	for range list {
		var value []string // JSON leaves out members without a value
		for _, m := range []struct{ name, raw string }{
			{"type", d.Body.Get("type").Raw}, {"agent", d.Body.Get("identifier").Raw}, {"thr", d.Body.Get("thr").Raw},
			{"ts", list[len(list)-1].Get("ts").Raw},
		} {
			if m.raw != "" {
				value = append(value, fmt.Sprintf("%q:%s", m.name, m.raw))
			}
		}
		e.Row(d.JSON("request"), "{"+strings.Join(value, ",")+"}")
	}
}

// truthy is that of JavaScript: neither missing nor null, false, 0 or "".
func truthy(v gjson.Result) bool {
	switch v.Type {
	case gjson.True, gjson.JSON:
		return true
	case gjson.Number:
		return v.Num != 0
	case gjson.String:
		return v.Str != ""
	}
	return false
}

func array(parts ...string) string { return "[" + strings.Join(parts, ",") + "]" }

func idRev(d Doc) string {
	return `{"id":` + quoted(d.ID) + `,"rev":` + quoted(d.Rev) + `}`
}
