package raw

import (
	"cmp"
	"slices"

	"github.com/cespare/xxhash/v2"

	"github.com/dmwm/wmstats/schema/jsonscan"

	"github.com/dmwm/wmstats/schema"
)

// HashedReport is the part of an agent_request document that the lists need,
// with its hash.
type HashedReport struct {
	Head
	Hash      uint64 // ContentHash
	Report    schema.AgentReport
	HasStatus bool // see ReportDoc
	flawList
}

// ReportDecoder decodes agent_request documents one after another into reports.
// It returns the same as DecodeReport and Report, and the hash as well, in one
// walk that builds only what the lists need. It keeps names and memory between
// documents. It is not safe for concurrent use; the zero value is ready to use.
//
// It decodes only documents of the regular form: no key that counts twice,
// every value of its usual type. All others go through DecodeReport.
type ReportDecoder struct {
	d       decoder
	doc     ReportDoc // what the walk has read, except sites and tasks
	sites   []schema.SiteReport
	outputs []output
	tasks   []uint64 // hashes of the paths
	keys    []uint64 // hashes of the keys of one object
	objects int      // number of the dataset object that is being read
	skipped int64
	names   interner
	text    []byte
	lent    *lentReports // nil: results belong to the caller
}

// lentReports is the reusable memory of reports.
type lentReports struct {
	texts   textRoom
	sites   []schema.SiteReport
	outputs []schema.OutputReport
	tasks   []uint64
}

// Recycle reuses the lists of all reports that were returned since the last
// call: nobody may use them any more, nor keep their texts for long. From the
// first call on, the decoder lends what it returns, and Recycle must be called
// regularly.
func (p *ReportDecoder) Recycle() {
	if p.lent == nil {
		p.lent = &lentReports{}
		p.d.room = &p.lent.texts
	}
	l := p.lent
	l.sites, l.outputs, l.tasks = l.sites[:0], l.outputs[:0], l.tasks[:0]
}

// output sums what a workflow wrote to one dataset.
type output struct {
	name                 []byte // part of the document, or a copy
	object               int    // of the dataset object that named it last
	events, lumis, bytes int64
}

// maxOutputs limits the linear search for a dataset: regular documents have
// fewer.
const maxOutputs = 64

// Decode decodes a document. The result shares nothing with raw, and belongs to
// the caller unless Recycle is in use. Its error is that of DecodeReport.
func (p *ReportDecoder) Decode(raw []byte) (HashedReport, error) {
	if p.walk(raw) {
		return HashedReport{Head: p.doc.Head, Hash: p.d.hash.Sum64(), Report: p.report(), HasStatus: p.doc.HasStatus}, nil
	}
	a, err := DecodeReport(raw)
	if err != nil {
		return HashedReport{}, err
	}
	return HashedReport{Head: a.Head, Hash: ContentHash(raw), Report: a.Report(), HasStatus: a.HasStatus, flawList: a.flawList}, nil
}

// walk reads the document; it returns false if the document does not have the
// regular form.
func (p *ReportDecoder) walk(raw []byte) bool {
	p.d.reset(raw)
	p.doc = ReportDoc{}
	p.sites, p.outputs, p.tasks = p.sites[:0], p.outputs[:0], p.tasks[:0]
	p.objects, p.skipped = 0, 0
	d := &p.d
	if !d.openDocument() {
		return false
	}
	var sites, tasks bool
	for key, ok := d.nextHashed(); ok; key, ok = d.nextHashed() {
		regular := true
		switch string(key) {
		case "sites":
			regular = !sites && p.readSites()
			sites = true
		case "tasks":
			regular = !tasks && p.readTasks()
			tasks = true
		case "agent_url":
			p.doc.Agent, regular = p.readName()
		case "agent_team":
			p.doc.Team, regular = p.readName()
		case "agent_version":
			p.doc.AgentVersion, regular = p.readName()
		default:
			if !p.doc.readKey(d, key) && !p.doc.Head.readKey(d, key) {
				d.scan.Skip()
			}
		}
		if !regular {
			return false
		}
	}
	return d.scan.End() == nil && p.regular()
}

// regular reports whether the values that were read need no further check.
func (p *ReportDecoder) regular() bool {
	a := &p.doc
	if a.Workflow == "" || a.Agent == "" || a.Type != "" && a.Type != "agent_request" || a.name(p.d.doc) != nil {
		return false
	}
	rest := a.Status
	for i := range p.sites {
		rest.Sub(&p.sites[i].Counts)
	}
	slices.Sort(p.tasks)
	return p.d.flaws.FlawCount == 0 && rest.Positive() == rest && !repeated(p.tasks)
}

func repeated[T comparable](ordered []T) bool {
	for i := 1; i < len(ordered); i++ {
		if ordered[i-1] == ordered[i] {
			return true
		}
	}
	return false
}

// report builds the report from the values that were read.
func (p *ReportDecoder) report() schema.AgentReport {
	a, lent := &p.doc, p.lent
	if lent == nil {
		lent = &lentReports{
			sites: make([]schema.SiteReport, 0, len(p.sites)), outputs: make([]schema.OutputReport, 0, len(p.outputs)), tasks: make([]uint64, 0, len(p.tasks)),
		}
	}
	report := schema.AgentReport{
		Workflow: a.Workflow, Agent: a.Agent, Team: a.Team, AgentVersion: a.AgentVersion,
		Time: a.Time, Counts: a.Status, JobsInWMBS: a.JobsInWMBS, JobsInQueue: a.JobsInQueue,
		Skipped: a.Skipped, SkippedFiles: p.skipped,
		Sites: lend(&lent.sites, p.sites), Tasks: lend(&lent.tasks, p.tasks),
	}
	slices.SortFunc(p.outputs, func(a, b output) int { return slices.Compare(a.name, b.name) })
	p.text = p.text[:0]
	for i := range p.outputs {
		p.text = append(p.text, p.outputs[i].name...)
	}
	var names string
	if p.lent == nil {
		names = string(p.text)
	} else {
		names = lent.texts.text(p.text)
	}
	report.Outputs = more(&lent.outputs, len(p.outputs))[:0]
	for i := range p.outputs {
		o := &p.outputs[i]
		report.Outputs = append(report.Outputs, schema.OutputReport{Dataset: names[:len(o.name)], Events: o.events, Lumis: o.lumis, Bytes: o.bytes})
		names = names[len(o.name):]
	}
	return report
}

// lend copies list into memory of room.
func lend[T any](room *[]T, list []T) []T {
	lent := more(room, len(list))
	copy(lent, list)
	return lent
}

// more returns n elements of room, with arbitrary values. It never returns nil.
func more[T any](room *[]T, n int) []T {
	if n == 0 {
		return []T{}
	}
	from := len(*room)
	*room = slices.Grow(*room, n)[:from+n]
	return (*room)[from : from+n : from+n]
}

// readName reads a text that many documents have.
func (p *ReportDecoder) readName() (string, bool) {
	if p.d.scan.Kind() != jsonscan.String {
		return "", false
	}
	text := p.d.scan.Text()
	return p.names.text(text), len(text) <= maxText
}

// enter opens the next value; it returns false if that is not an object.
func (p *ReportDecoder) enter() bool {
	if p.d.scan.Kind() != jsonscan.Object {
		return false
	}
	p.d.scan.Open()
	return true
}

func (p *ReportDecoder) readSites() bool {
	if !p.enter() {
		return false
	}
	d := &p.d
	for key, ok := d.scan.NextKey(); ok; key, ok = d.scan.NextKey() {
		p.sites = append(p.sites, schema.SiteReport{Site: siteName(p.names.text(key))})
		if !p.enter() {
			return false
		}
		d.readCounts(&p.sites[len(p.sites)-1].Counts)
	}
	compare := func(a, b schema.SiteReport) int { return cmp.Compare(a.Site, b.Site) }
	if !slices.IsSortedFunc(p.sites, compare) {
		slices.SortFunc(p.sites, compare)
	}
	for i := 1; i < len(p.sites); i++ {
		if p.sites[i-1].Site == p.sites[i].Site {
			return false
		}
	}
	return true
}

func (p *ReportDecoder) readTasks() bool {
	if !p.enter() {
		return false
	}
	for key, ok := p.d.scan.NextKey(); ok; key, ok = p.d.scan.NextKey() {
		p.tasks = append(p.tasks, xxhash.Sum64(key))
		if !p.enter() || !p.readTask() {
			return false
		}
	}
	return true
}

func (p *ReportDecoder) readTask() bool {
	var sites, skipped bool
	for key, ok := p.d.scan.NextKey(); ok; key, ok = p.d.scan.NextKey() {
		switch string(key) {
		case "sites":
			if sites || !p.readTaskSites() {
				return false
			}
			sites = true
		case "skipped":
			if skipped {
				return false
			}
			skipped = true
			var task TaskDoc
			task.readSkipped(&p.d)
			for _, s := range task.Skipped {
				p.skipped = schema.AddUp(p.skipped, s.Files)
			}
		default:
			p.d.scan.Skip()
		}
	}
	return true
}

func (p *ReportDecoder) readTaskSites() bool {
	if !p.enter() {
		return false
	}
	p.keys = p.keys[:0]
	for key, ok := p.d.scan.NextKey(); ok; key, ok = p.d.scan.NextKey() {
		p.keys = append(p.keys, xxhash.Sum64(key))
		if !p.enter() {
			return false
		}
		outputs := false
		for p.d.scan.Find("dataset") {
			if outputs || !p.readOutputs() {
				return false
			}
			outputs = true
		}
	}
	slices.Sort(p.keys)
	return !repeated(p.keys)
}

func (p *ReportDecoder) readOutputs() bool {
	if !p.enter() {
		return false
	}
	p.objects++
	d := &p.d
	for key, ok := d.scan.NextKey(); ok; key, ok = d.scan.NextKey() {
		o := p.output(key)
		if o == nil || !p.enter() {
			return false
		}
		var events, lumis, size int64
		for key, ok := d.scan.NextKey(); ok; key, ok = d.scan.NextKey() {
			switch string(key) {
			case "events":
				events = d.amount("events")
			case "totalLumis":
				lumis = d.amount("totalLumis")
			case "size":
				size = d.amount("size")
			default:
				d.scan.Skip()
			}
		}
		// None is negative, or the document has a flaw, so their order does not
		// matter.
		o.events, o.lumis, o.bytes = schema.AddUp(o.events, events), schema.AddUp(o.lumis, lumis), schema.AddUp(o.bytes, size)
	}
	return true
}

// output finds the sum of a dataset or adds one. It returns nil when the object
// names the dataset twice, and when there are too many datasets.
func (p *ReportDecoder) output(name []byte) *output {
	for i := len(p.outputs) - 1; i >= 0; i-- { // most often it is the last one
		o := &p.outputs[i]
		if string(o.name) != string(name) {
			continue
		}
		if o.object == p.objects {
			return nil
		}
		o.object = p.objects
		return o
	}
	if len(p.outputs) == maxOutputs {
		return nil
	}
	if p.d.scan.TextStart() < 0 {
		name = slices.Clone(name)
	}
	p.outputs = append(p.outputs, output{name: name, object: p.objects})
	return &p.outputs[len(p.outputs)-1]
}
