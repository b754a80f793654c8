package raw

import (
	"cmp"
	"encoding/json"
	"strings"

	"github.com/dmwm/wmstats/schema/jsonscan"

	"github.com/dmwm/wmstats/schema"
)

// ReportDoc is a decoded agent_request document: what one agent reports about
// one workflow. Its texts share one copy of the document, so it should not be
// kept for long; Report returns texts of its own.
type ReportDoc struct {
	Head
	Workflow     string
	Agent        string // host without port
	Team         string
	AgentVersion string
	Skipped      bool
	Status       schema.JobCounts
	HasStatus    bool // the document's status is not empty, whatever is in it
	JobsInWMBS   int64
	JobsInQueue  int64
	Sites        []schema.SiteReport // by Site; names as written, the last of equal ones
	Tasks        []TaskDoc           // by Path, the last of equal ones
	flawList
}

// TaskDoc is one task of a ReportDoc.
type TaskDoc struct {
	Path    string
	JobType string
	Status  schema.JobCounts
	Sites   []TaskSiteDoc // by Site, as written
	Skipped []SkippedDoc  // by Site, as written

	SubscriptionsFinished, SubscriptionsOpen, SubscriptionsTotal int64 // -1: absent
	SubscriptionTime                                             int64
}

// SkippedDoc holds the input files that a task skipped at one site.
type SkippedDoc struct {
	Site  string
	Files int64
}

// TaskSiteDoc is what one task did at one site.
type TaskSiteDoc struct {
	Site     string
	Counts   schema.JobCounts
	WallTime float64 // s
	JobCPU   float64 // s
	JobTime  float64 // s
	EventCPU float64 // s
	Events   int64   // read
	Outputs  []schema.OutputReport
}

// DecodeReport decodes an agent_request document. Its error is a *DocError: not
// a JSON object, another type of document, or no workflow or agent.
func DecodeReport(raw []byte) (*ReportDoc, error) {
	d := newDecoder(raw)
	d.share()
	a := &ReportDoc{}
	if !d.openDocument() {
		return nil, d.unusable("")
	}
	for key, ok := d.scan.NextKey(); ok; key, ok = d.scan.NextKey() {
		if !a.readKey(d, key) && !a.Head.readKey(d, key) {
			d.scan.Skip()
		}
	}
	if d.scan.End() != nil {
		return nil, d.unusable(a.ID)
	}
	a.Head = Head{strings.Clone(a.ID), strings.Clone(a.Rev), strings.Clone(a.Type), a.Deleted, a.Time}
	if a.Type != "" && a.Type != "agent_request" {
		return nil, &DocError{ID: a.ID, Path: "type", Found: a.Type, Want: "agent_request"}
	}
	if err := a.name(raw); err != nil {
		return nil, err
	}
	a.checkSites(d)
	a.flawList = d.flaws
	return a, nil
}

// name determines the two names of the document. A missing one is taken from
// the _id, which is <agent>-<workflow> unless the document is old.
func (a *ReportDoc) name(raw []byte) error {
	if a.Agent == "" && a.Workflow != "" {
		a.Agent, _ = strings.CutSuffix(a.ID, "-"+a.Workflow)
		if a.Agent == a.ID {
			a.Agent = ""
		}
	}
	if a.Workflow == "" && a.Agent != "" {
		a.Workflow, _ = strings.CutPrefix(a.ID, a.Agent+"-")
		if a.Workflow == a.ID {
			a.Workflow = ""
		}
	}
	a.Agent = agentName(a.Agent)
	if strings.TrimSpace(a.Workflow) == "" {
		return &DocError{ID: a.ID, Path: "workflow", Found: shorten(raw), Want: "the name of a workflow there or in _id"}
	}
	if strings.TrimSpace(a.Agent) == "" {
		return &DocError{ID: a.ID, Path: "agent_url", Found: shorten(raw), Want: "the name of an agent there or in _id"}
	}
	return nil
}

// checkSites records a flaw when the sites hold more than the total. Then the
// (none) record can't be computed, and the sites do not add up to the totals.
func (a *ReportDoc) checkSites(d *decoder) {
	rest := a.Status
	for i := range a.Sites {
		rest.Sub(&a.Sites[i].Counts)
	}
	if clamped := rest.Positive(); clamped != rest {
		d.flaw("sites", []byte("more jobs than in status"), "at most the jobs of status; both are kept")
	}
}

func (a *ReportDoc) readKey(d *decoder, key []byte) bool {
	switch string(key) {
	case "workflow":
		a.Workflow = d.text("workflow")
	case "agent_url":
		a.Agent = d.text("agent_url")
	case "agent_team":
		a.Team = d.text("agent_team")
	case "agent_version":
		a.AgentVersion = d.text("agent_version")
	case "skipped":
		a.Skipped = d.truth("skipped", false)
	case "status":
		a.readStatus(d)
	case "sites":
		a.readSites(d)
	case "tasks":
		a.readTasks(d)
	default:
		return false
	}
	return true
}

func (a *ReportDoc) readStatus(d *decoder) {
	a.Status, a.JobsInWMBS, a.JobsInQueue, a.HasStatus = schema.JobCounts{}, 0, 0, false
	start := d.scan.Offset()
	if !d.open("status") {
		a.HasStatus = !empty(d.doc[start:d.scan.Offset()])
		return
	}
	mark := d.mark()
	for key, ok := d.scan.NextKey(); ok; key, ok = d.scan.NextKey() {
		a.HasStatus = true
		switch string(key) {
		case "inWMBS":
			a.JobsInWMBS = d.count("inWMBS")
		case "inQueue":
			a.JobsInQueue = d.count("inQueue")
		default:
			if !readCount(&a.Status, d, key) {
				d.scan.Skip()
			}
		}
	}
	d.within(mark, "status")
}

// empty tells whether a value is null, zero, false, or has nothing in it.
func empty(value []byte) bool {
	var v any
	if json.Unmarshal(value, &v) != nil { // the walk says what is wrong with it
		return false
	}
	switch v := v.(type) {
	case nil:
		return true
	case bool:
		return !v
	case float64:
		return v == 0
	case string:
		return v == ""
	case []any:
		return len(v) == 0
	}
	return false
}

func (a *ReportDoc) readSites(d *decoder) {
	a.Sites = nil
	d.each("sites", func(site string) {
		part := schema.SiteReport{Site: site}
		if d.open(site) {
			mark := d.mark()
			d.readCounts(&part.Counts)
			d.within(mark, site)
		}
		a.Sites = append(a.Sites, part)
	})
	a.Sites = lastOfEqual(a.Sites, func(x, y schema.SiteReport) int { return cmp.Compare(x.Site, y.Site) })
}

func (a *ReportDoc) readTasks(d *decoder) {
	a.Tasks = nil
	d.each("tasks", func(path string) {
		task := TaskDoc{Path: path, SubscriptionsFinished: -1, SubscriptionsOpen: -1, SubscriptionsTotal: -1}
		if d.open(path) {
			mark := d.mark()
			for key, ok := d.scan.NextKey(); ok; key, ok = d.scan.NextKey() {
				if !task.readKey(d, key, len(a.Sites)) {
					d.scan.Skip()
				}
			}
			d.within(mark, path)
		}
		a.Tasks = append(a.Tasks, task)
	})
	a.Tasks = lastOfEqual(a.Tasks, func(x, y TaskDoc) int { return cmp.Compare(x.Path, y.Path) })
}

func (t *TaskDoc) readKey(d *decoder, key []byte, hint int) bool {
	switch string(key) {
	case "sites":
		t.readSites(d, hint)
	case "skipped":
		t.readSkipped(d)
	case "jobtype":
		t.JobType = d.text("jobtype")
	case "status":
		t.Status = schema.JobCounts{}
		if d.open("status") {
			mark := d.mark()
			d.readCounts(&t.Status)
			d.within(mark, "status")
		}
	case "subscription_status":
		t.readSubscriptions(d)
	default:
		return false
	}
	return true
}

func (t *TaskDoc) readSubscriptions(d *decoder) {
	t.SubscriptionsFinished, t.SubscriptionsOpen, t.SubscriptionsTotal, t.SubscriptionTime = -1, -1, -1, 0
	if !d.open("subscription_status") {
		return
	}
	mark := d.mark()
	d.pairs(func(key []byte) bool {
		switch string(key) {
		case "finished":
			t.SubscriptionsFinished = d.known("finished")
		case "open":
			t.SubscriptionsOpen = d.known("open")
		case "total":
			t.SubscriptionsTotal = d.known("total")
		case "updated":
			t.SubscriptionTime = d.time("updated")
		default:
			return false
		}
		return true
	})
	d.within(mark, "subscription_status")
}

// readSkipped reads {site: {"skippedFile": n}}. A plain number or true, as in
// the workflow's own field, names no site.
func (t *TaskDoc) readSkipped(d *decoder) {
	t.Skipped = nil
	if k := d.scan.Kind(); k == jsonscan.True || k == jsonscan.False {
		d.scan.Literal()
		return
	}
	d.each("skipped", func(site string) {
		skipped := SkippedDoc{Site: site}
		if d.open(site) {
			mark := d.mark()
			d.pairs(func(key []byte) bool {
				if string(key) != "skippedFile" {
					return false
				}
				skipped.Files = d.count("skippedFile")
				return true
			})
			d.within(mark, site)
		}
		t.Skipped = append(t.Skipped, skipped)
	})
	t.Skipped = lastOfEqual(t.Skipped, func(x, y SkippedDoc) int { return cmp.Compare(x.Site, y.Site) })
}

func (t *TaskDoc) readSites(d *decoder, hint int) {
	t.Sites = nil
	if !d.open("sites") {
		return
	}
	mark := d.mark()
	for key, ok := d.scan.NextKey(); ok; key, ok = d.scan.NextKey() {
		site := TaskSiteDoc{Site: d.clone(key)}
		if d.open(site.Site) {
			inner := d.mark()
			for key, ok := d.scan.NextKey(); ok; key, ok = d.scan.NextKey() {
				if !site.readKey(d, key) {
					d.scan.Skip()
				}
			}
			d.within(inner, site.Site)
		}
		if t.Sites == nil {
			t.Sites = make([]TaskSiteDoc, 0, min(hint, 64)) // most tasks run at the workflow's sites
		}
		t.Sites = append(t.Sites, site)
	}
	d.within(mark, "sites")
	t.Sites = lastOfEqual(t.Sites, func(x, y TaskSiteDoc) int { return cmp.Compare(x.Site, y.Site) })
}

func (s *TaskSiteDoc) readKey(d *decoder, key []byte) bool {
	switch string(key) {
	case "dataset":
		s.readOutputs(d)
	case "wrappedTotalJobTime":
		s.WallTime = d.float("wrappedTotalJobTime")
	case "inputEvents":
		s.Events = d.amount("inputEvents")
	case "cmsRunCPUPerformance":
		s.readPerformance(d)
	default:
		return readCount(&s.Counts, d, key)
	}
	return true
}

func (s *TaskSiteDoc) readPerformance(d *decoder) {
	s.JobCPU, s.JobTime, s.EventCPU = 0, 0, 0
	if !d.open("cmsRunCPUPerformance") {
		return
	}
	mark := d.mark()
	d.pairs(func(key []byte) bool {
		switch string(key) {
		case "totalJobCPU":
			s.JobCPU = d.float("totalJobCPU")
		case "totalJobTime":
			s.JobTime = d.float("totalJobTime")
		case "totalEventCPU":
			s.EventCPU = d.float("totalEventCPU")
		default:
			return false
		}
		return true
	})
	d.within(mark, "cmsRunCPUPerformance")
}

func (s *TaskSiteDoc) readOutputs(d *decoder) {
	s.Outputs = nil
	d.each("dataset", func(name string) {
		out := schema.OutputReport{Dataset: name}
		if d.open(name) {
			mark := d.mark()
			d.pairs(func(key []byte) bool {
				switch string(key) {
				case "events":
					out.Events = d.amount("events")
				case "totalLumis":
					out.Lumis = d.amount("totalLumis")
				case "size":
					out.Bytes = d.amount("size")
				default:
					return false
				}
				return true
			})
			d.within(mark, name)
		}
		s.Outputs = append(s.Outputs, out)
	})
	s.Outputs = lastOfEqual(s.Outputs, func(x, y schema.OutputReport) int { return cmp.Compare(x.Dataset, y.Dataset) })
}
