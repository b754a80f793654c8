package fakecache

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// failing are the failing jobs of all workflows in groups, as /errors makes
// them: those of Detail.
func (s *Server) failing(v url.Values) (any, int, *wire.Problem) {
	if s.Demand != nil {
		return nil, 0, s.Demand
	}
	by, limit := v.Get("by"), v.Get("limit")
	codes, sites, states := v.Get("exitcode"), v.Get("site"), v.Get("state")
	for _, own := range []string{"by", "exitcode", "site", "state", "fields"} {
		v.Del(own)
	}
	q, err := wire.ParseQuery(v)
	if err != nil {
		return nil, 0, problemOf(err)
	}
	type set map[string]bool
	distinct := map[schema.ErrorSummary][3]set{}
	sums := map[schema.ErrorSummary]int64{}
	for i := range s.Records.Workflows {
		w := &s.Records.Workflows[i]
		if !matches(w, q, "") {
			continue
		}
		for _, e := range Detail(*w).Errors {
			if !listed(codes, strconv.FormatInt(e.ExitCode, 10)) || !listed(sites, e.Site) || !listed(states, e.State) {
				continue
			}
			key := keyOf(by, e)
			if distinct[key][0] == nil {
				distinct[key] = [3]set{{}, {}, {}}
			}
			sums[key] += e.Count
			distinct[key][0][e.Workflow], distinct[key][1][e.Site], distinct[key][2][strconv.FormatInt(e.ExitCode, 10)] = true, true, true
		}
	}
	out := []schema.ErrorSummary{}
	for key, sum := range sums {
		key.Jobs, key.Workflows, key.Sites, key.ExitCodes = sum, int64(len(distinct[key][0])), int64(len(distinct[key][1])), int64(len(distinct[key][2]))
		out = append(out, key)
	}
	slices.SortFunc(out, func(a, b schema.ErrorSummary) int {
		return cmp.Or(cmp.Compare(b.Jobs, a.Jobs), cmp.Compare(a.ExitCode, b.ExitCode), strings.Compare(a.Site+a.Workflow+a.State, b.Site+b.Workflow+b.State))
	})
	total := len(out)
	if most, _ := strconv.Atoi(limit); most > 0 {
		out = out[:min(most, total)]
	}
	if q.Envelope {
		answer := wire.ErrorsEnvelope{Envelope: wire.Envelope[schema.ErrorSummary]{Total: total, Items: out}}
		answer.Reports = s.reports(q)
		return answer, total, nil
	}
	return out, total, nil
}

// reports are the failed jobs that agents count, and those of Detail.
func (s *Server) reports(q wire.Query) wire.Reports {
	failure, reported := map[string]int64{}, map[string]int64{}
	for i := range s.Records.Workflows {
		w := &s.Records.Workflows[i]
		if !matches(w, q, "") || w.Failure == 0 {
			continue
		}
		failure[w.Agents[0]] += w.Failure
		for _, e := range Detail(*w).Errors {
			reported[e.Agent] += e.Count
		}
	}
	return wire.NewReports(failure, reported)
}

// listed reports whether a filter lets a value through.
func listed(filter, value string) bool {
	if filter == "" {
		return true
	}
	texts, err := wire.ReadTexts("filter", []string{filter})
	return err == nil && texts.Match(value)
}

func keyOf(by string, e schema.JobError) schema.ErrorSummary {
	key := schema.ErrorSummary{ExitCode: -1}
	for _, name := range strings.Split(by, ",") {
		switch name {
		case "exitcode":
			key.ExitCode = e.ExitCode
			info, _ := schema.ExitCodeOf(e.ExitCode)
			key.Meaning, key.Area = info.Meaning, info.Area
		case "site":
			key.Site = e.Site
		case "workflow":
			key.Workflow = e.Workflow
		case "state":
			key.State = e.State
		}
	}
	return key
}

// part is what is read on demand of one workflow.
func (s *Server) part(workflow schema.Workflow, part string, v url.Values) (any, *wire.Problem) {
	if s.Demand != nil {
		return nil, s.Demand
	}
	switch part {
	case "errors":
		out := []schema.JobError{}
		for _, e := range Detail(workflow).Errors {
			if !listed(v.Get("exitcode"), strconv.FormatInt(e.ExitCode, 10)) || !listed(v.Get("site"), e.Site) {
				continue
			}
			if !strings.Contains(v.Get("by"), "site") {
				e.Site = ""
			}
			out = append(out, schema.JobError{Workflow: e.Workflow, ExitCode: e.ExitCode, Site: e.Site, Count: e.Count})
		}
		return out, nil
	case "jobs":
		return samples(workflow, v), nil
	case "logs":
		return logs(workflow), nil
	}
	return nil, wire.NotFound("resource", part, nil)
}

func samples(w schema.Workflow, v url.Values) []schema.JobSample {
	out := []schema.JobSample{}
	for i, e := range Detail(w).Errors {
		if !listed(v.Get("exitcode"), strconv.FormatInt(e.ExitCode, 10)) || !listed(v.Get("site"), e.Site) {
			continue
		}
		out = append(out, schema.JobSample{
			Workflow: w.Workflow, JobName: fmt.Sprintf("job-%d-%s", i, w.Workflow), Task: e.Task, State: e.State, Site: e.Site, Agent: e.Agent, ExitCode: e.ExitCode,
			RetryCount: 3, Time: Now - 4000, WorkerNode: "b7g17p1234.cern.ch", LogURL: []string{"https://logs.example/" + url.PathEscape(w.Workflow), `javascript:alert(1)`, ""}[i],
			LogArchives: []string{"/store/logs/1.tar.gz"}, RunLumis: "380115: 14-16, 20", InputFiles: []string{"/store/a.root", Hostile()[0]}, Truncated: i == 1,
			Errors:      []schema.JobStepError{{Step: "cmsRun1", Type: "FatalRootError", ExitCode: e.ExitCode, Details: "An exception\nof <script>alert(1)</script> " + strings.Repeat("x", 4000)}},
			Outputs:     []schema.JobOutput{{Type: "output", LFN: "/store/o.root", Location: "T2_CH_CERN", Bytes: 1234567}},
			Transitions: []schema.JobTransition{},
		})
	}
	return out
}

func logs(w schema.Workflow) []schema.LogEntry {
	if !w.HasJobInfo {
		return []schema.LogEntry{}
	}
	return []schema.LogEntry{
		{Workflow: w.Workflow, Reporter: "vocms0250.cern.ch", Thread: "JobSubmitterPoller", Type: "agent-error", Time: Now - 700, Message: "no site <b>left</b>\n" + Hostile()[0]},
		{Workflow: w.Workflow, Reporter: "reqmgr2", Thread: "StatusChangeTasks", Type: "info", Time: Now - 90000, Message: "moved to acquired"},
	}
}

// HistoryStart is the first point of the history.
const HistoryStart = Now - 9*3600

// history has two statuses and two states over nine hours; campaigns and sites
// are followed but for the hostile ones.
func (s *Server) history(v url.Values) (any, *wire.Problem) {
	if s.NoHistory {
		return []schema.HistoryPoint{}, nil
	}
	for _, name := range []string{v.Get("campaign"), v.Get("site")} {
		if slices.Contains(Hostile(), name) {
			return nil, wire.NotFound("history", name, nil)
		}
	}
	names := []string{"running-open", "assigned"}
	if v.Get("by") == "state" {
		names = []string{"Running", "Failure"}
	}
	out := []schema.HistoryPoint{}
	if v.Get("site") == "*" || v.Get("campaign") == "*" {
		return s.historyOfMany(v), nil
	}
	for at := int64(HistoryStart); at <= Now; at += 300 {
		for i, name := range names {
			out = append(out, schema.HistoryPoint{Time: at, Name: name, Count: int64(100*(i+1)) + (at/300*int64(i+3))%17})
		}
	}
	return out, nil
}

// historyOfMany are running jobs of the first ten sites, or campaigns, and one
// point of an eleventh.
func (s *Server) historyOfMany(v url.Values) []schema.HistoryPoint {
	out := []schema.HistoryPoint{}
	points, _ := strconv.Atoi(v.Get("points"))
	for i := range 11 {
		p := schema.HistoryPoint{By: "state", Name: "Running"}
		switch {
		case v.Get("site") == "" && i < len(s.Records.Campaigns):
			p.Campaign = s.Records.Campaigns[i].Campaign
		case v.Get("site") != "" && i < len(s.Records.Sites):
			p.Site = s.Records.Sites[i].Site
		default:
			continue
		}
		for k := range points {
			if i < 10 || k == points-1 {
				p.Time, p.Count = Now-int64(points-k)*3600, int64(100000*i+k*k*(i%7)*31)
				out = append(out, p)
			}
		}
	}
	return out
}

// openAPI is a small description, of the same form as the cache server's.
func openAPI() any {
	query := func(name, text, example string) any {
		return map[string]any{"name": name, "in": "query", "description": text, "example": example, "schema": map[string]any{"type": "string"}}
	}
	return map[string]any{
		"openapi": "3.1.0", "info": map[string]any{"title": "WMStats cache server", "version": "test", "description": "Keys are only added."},
		"components": map[string]any{"parameters": map[string]any{"status": query("status", "the status", "new")}},
		"paths": map[string]any{
			"/fetch": map[string]any{"get": map[string]any{"summary": "workflows <b>by name</b>", "parameters": []any{
				map[string]any{"$ref": "#/components/parameters/status"}, query("limit", "length of a page", "50"), query("nothing", "", ""),
			}}},
			"/fetch/{name}": map[string]any{"get": map[string]any{"summary": "one workflow", "parameters": []any{map[string]any{"name": "name", "in": "path", "required": true, "description": "its name"}}}},
			"/status":       map[string]any{"get": map[string]any{"summary": "sums by status"}},
			"/pulse":        map[string]any{"get": map[string]any{"summary": "state of the data"}},
			"/find":         map[string]any{"post": map[string]any{"summary": "workflows by a selector"}},
		},
	}
}
