package compare

import (
	"cmp"
	"encoding/json"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unique"
)

// object is a decoded JSON object. Its numbers are json.Number.
type object = map[string]any

// counterPaths are the places of a report's first numbers in its status.
var counterPaths = [detailNumbers][2]string{
	{"success"}, {"canceled"}, {"transition"}, {"queued", "first"}, {"queued", "retry"},
	{"submitted", "first"}, {"submitted", "retry"}, {"submitted", "pending"}, {"submitted", "running"},
	{"failure", "create"}, {"failure", "submit"}, {"failure", "exception"},
	{"cooloff", "create"}, {"cooloff", "submit"}, {"cooloff", "job"},
	{"paused", "create"}, {"paused", "submit"}, {"paused", "job"},
	{"inWMBS"}, {"inQueue"},
}

// outputKeys are those of a dataset's output, for a report's last numbers.
var outputKeys = [reportNumbers - detailNumbers]string{"events", "totalLumis", "size"}

var (
	stepKey = regexp.MustCompile(`^(?:Task|Step)[0-9]+$`)
	port    = regexp.MustCompile(`:[0-9]+$`)
)

// recount returns the figures of one workflow of the old server's answer. A value
// that is not of the usual form counts as missing, and is noted.
func recount(key string, doc object) (name string, r *row) {
	r = newRow()
	r.id = cmp.Or(plain(doc["_id"]), key)
	name = cmp.Or(plain(doc["RequestName"]), key)
	if doc == nil { // null, or no object
		r.odd = math.MaxUint64
		return name, r
	}
	r.recountRequest(doc)
	r.recountReports(key, doc["AgentJobInfo"])
	return name, r
}

// plain returns a text; "" for all else.
func plain(v any) string {
	text, _ := v.(string)
	return text
}

func (r *row) recountRequest(doc object) {
	for at, key := range map[int]string{
		place("Status"): "RequestStatus", place("Type"): "RequestType", place("Campaign"): "Campaign",
		place("Release"): "CMSSWVersion", place("PrepID"): "PrepID", place("Team"): "Team",
	} {
		r.texts[at] = unique.Make(r.text(at, doc[key]))
	}
	if team := place("Team"); r.texts[team].Value() == "" {
		if teams := r.names(team, doc["Teams"]); len(teams) > 0 {
			r.texts[team] = unique.Make(teams[0])
		}
	}
	for at, keys := range map[int][]string{
		place("InputDatasets"): {"InputDataset"}, place("OutputDatasets"): {"OutputDatasets"}, place("Pileups"): {"MCPileup", "DataPileup"},
		place("SiteWhitelist"): {"SiteWhitelist"}, place("SiteBlacklist"): {"SiteBlacklist"},
	} {
		var names []string
		for _, key := range keys {
			names = append(names, r.names(at, doc[key])...)
		}
		r.setList(at, names)
	}
	for at, key := range map[int]string{
		place("Priority"): "RequestPriority", place("EstimatedJobs"): "TotalEstimatedJobs",
		place("InputEvents"): "TotalInputEvents", place("InputLumis"): "TotalInputLumis",
	} {
		r.numbers[at-textFigures] = r.number(at, doc[key])
	}
	r.recountSteps(doc)
}

// recountSteps notes values that the steps of a chain have and the top level lacks.
func (r *row) recountSteps(doc object) {
	for _, key := range slices.Sorted(maps.Keys(doc)) {
		step, ok := doc[key].(object)
		if !ok || !stepKey.MatchString(key) {
			continue
		}
		for at, keys := range map[int][]string{
			place("Campaign"): {"Campaign"}, place("Release"): {"CMSSWVersion"}, place("PrepID"): {"PrepID"},
			place("InputDatasets"): {"InputDataset"}, place("Pileups"): {"MCPileup", "DataPileup"},
		} {
			for _, key := range keys {
				for _, name := range r.names(at, step[key]) {
					if slices.Contains(r.list(at), name) || slices.Contains(r.steps[at], name) {
						continue
					}
					if r.steps == nil {
						r.steps = map[int][]string{}
					}
					r.steps[at] = append(r.steps[at], name)
				}
			}
		}
	}
}

// recountReports adds up all reports, as the old page does: also two of one agent.
func (r *row) recountReports(workflow string, info any) {
	agents, ok := info.(object)
	if !ok {
		return // absent, or CLEANED
	}
	var names, sites []string
	tasks := map[string]bool{}
	skipped, anySkipped := place("Skipped"), false
	for _, url := range slices.Sorted(maps.Keys(agents)) {
		doc, ok := agents[url].(object)
		if !ok {
			r.noteAgents()
			continue
		}
		one := report{agent: host(cmp.Or(plain(doc["agent_url"]), url)), id: cmp.Or(plain(doc["_id"]), url+"-"+workflow)}
		if cmp.Or(plain(doc["type"]), "agent_request") != "agent_request" || cmp.Or(plain(doc["workflow"]), workflow) != workflow {
			r.noteAgents() // it says that it is another document
		}
		one.time = r.number(place("Agents"), doc["timestamp"])
		r.recountStatus(&one, doc["status"])
		r.recountTasks(&one, doc["tasks"], tasks)
		if byName, ok := doc["sites"].(object); ok {
			sites = slices.AppendSeq(sites, maps.Keys(byName))
		} else if doc["sites"] != nil {
			r.note(place("Sites"))
		}
		switch value := doc["skipped"].(type) {
		case bool:
			anySkipped = anySkipped || value
		case nil:
		default:
			r.note(skipped)
		}
		for i, n := range one.numbers {
			r.numbers[firstReported+i] += n
		}
		names = append(names, one.agent)
		r.reports = append(r.reports, one)
	}
	r.numbers[taskCount] = int64(len(tasks))
	r.setList(place("Agents"), names)
	r.setList(place("Sites"), sites)
	r.texts[skipped] = asFlag(anySkipped)
}

func asFlag(on bool) unique.Handle[string] {
	if on {
		return unique.Make("true")
	}
	return unique.Make("")
}

// host returns an agent's name without a port.
func host(url string) string { return port.ReplaceAllString(url, "") }

func (r *row) recountStatus(one *report, v any) {
	first := textFigures + firstReported
	status, ok := v.(object)
	if !ok && v != nil {
		r.noteReport()
	}
	for i, path := range counterPaths {
		value := status[path[0]]
		if path[1] != "" {
			switch group := value.(type) {
			case object:
				value = group[path[1]]
			case json.Number: // old documents: the jobs in cooloff
				if path != [2]string{"cooloff", "job"} {
					value = nil
				}
			case nil:
			default:
				r.note(first + i)
				value = nil
			}
		}
		one.numbers[i] = r.number(first+i, value)
	}
}

func (r *row) recountTasks(one *report, v any, seen map[string]bool) {
	byPath, ok := v.(object)
	if !ok && v != nil {
		r.noteReport()
	}
	for path, v := range byPath {
		seen[path] = true
		task, ok := v.(object)
		sites, hasSites := task["sites"].(object)
		if !ok || !hasSites && task["sites"] != nil {
			r.noteReport()
		}
		for _, v := range sites {
			site, ok := v.(object)
			datasets, hasDatasets := site["dataset"].(object)
			if !ok || !hasDatasets && site["dataset"] != nil {
				r.noteReport()
			}
			for _, v := range datasets {
				output, ok := v.(object)
				if !ok {
					r.noteReport()
				}
				for i, key := range outputKeys {
					one.numbers[detailNumbers+i] += r.number(textFigures+firstReported+detailNumbers+i, output[key])
				}
			}
		}
	}
}

// note notes that the value of a figure is not of the usual form.
func (r *row) note(at int) { r.odd |= 1 << at }

// noteAgents notes it for all that comes from agents.
func (r *row) noteAgents() {
	for at, f := range figures {
		if f.agents {
			r.note(at)
		}
	}
}

// noteReport notes it for all numbers of reports.
func (r *row) noteReport() {
	for i := range reportNumbers + 1 {
		r.note(textFigures + firstReported + i)
	}
}

// text reads a text.
func (r *row) text(at int, v any) string {
	if _, ok := v.(string); !ok && v != nil {
		r.note(at)
	}
	return plain(v)
}

// names reads a list of texts, or one text; empty ones are left out.
func (r *row) names(at int, v any) (names []string) {
	switch v := v.(type) {
	case nil:
	case string:
		if strings.HasPrefix(v, "[") {
			r.note(at) // the JSON text of a list
		}
		names = []string{v}
	case []any:
		for _, v := range v {
			names = append(names, r.text(at, v))
		}
	default:
		r.note(at)
	}
	return slices.DeleteFunc(names, func(name string) bool { return name == "" })
}

// number reads a whole number.
func (r *row) number(at int, v any) int64 {
	missing := int64(0)
	if at >= textFigures {
		missing = figures[at].missing
	}
	if v == nil {
		return missing
	}
	text, _ := v.(json.Number)
	n, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil || n < 0 {
		r.note(at)
	}
	if err != nil {
		return missing
	}
	return n
}
