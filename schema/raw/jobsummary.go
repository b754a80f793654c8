package raw

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/dmwm/wmstats/schema/jsonscan"

	"github.com/dmwm/wmstats/schema"
)

// Limits of what is kept of a jobsummary document, which can have 8 MB.
const (
	maxDetails    = 16 << 10 // bytes of one error text
	maxInputFiles = 1000
	maxJobErrors  = 1000
	maxRunLumis   = 16 << 10 // bytes
)

// JobSummaryDoc is a decoded jobsummary document.
type JobSummaryDoc struct {
	Head
	Site   string // as given; "" for null and {}, of jobs that were never sent
	sample schema.JobSample
	flawList
}

// DecodeJobSummary decodes a jobsummary document. Its error is a *DocError: not
// a JSON object, another type of document, or no _id.
func DecodeJobSummary(raw []byte) (*JobSummaryDoc, error) {
	d := newDecoder(raw)
	j := &JobSummaryDoc{sample: schema.JobSample{ExitCode: schema.NoExitCode, WMBSID: -1, RetryCount: -1}}
	if !d.openDocument() {
		return nil, d.unusable("")
	}
	for key, ok := d.scan.NextKey(); ok; key, ok = d.scan.NextKey() {
		if !j.readKey(d, key) && !j.readLists(d, key) && !j.Head.readKey(d, key) {
			d.scan.Skip()
		}
	}
	if d.scan.End() != nil {
		return nil, d.unusable(j.ID)
	}
	if j.Type != "" && j.Type != "jobsummary" {
		return nil, &DocError{ID: j.ID, Path: "type", Found: j.Type, Want: "jobsummary"}
	}
	if strings.TrimSpace(j.ID) == "" {
		return nil, &DocError{Path: "_id", Found: shorten(raw), Want: "the name of a job"}
	}
	j.flawList = d.flaws
	return j, nil
}

// Sample returns the record of the job with its errors, outputs and states.
func (j *JobSummaryDoc) Sample() schema.JobSample {
	s := j.sample
	s.JobName, s.Time = j.ID, j.Time
	s.Site = siteName(j.Site)
	s.Agent = agentName(s.Agent)
	s.LogArchives, s.InputFiles = append([]string{}, s.LogArchives...), append([]string{}, s.InputFiles...)
	s.Errors = append([]schema.JobStepError{}, s.Errors...)
	s.Outputs = append([]schema.JobOutput{}, s.Outputs...)
	s.Transitions = append([]schema.JobTransition{}, s.Transitions...)
	for i := range s.Errors {
		s.Errors[i].JobName = j.ID
	}
	for i := range s.Outputs {
		s.Outputs[i].JobName = j.ID
	}
	for i := range s.Transitions {
		s.Transitions[i].JobName = j.ID
	}
	return s
}

func (j *JobSummaryDoc) readKey(d *decoder, key []byte) bool {
	s := &j.sample
	switch string(key) {
	case "wmbsid":
		s.WMBSID = d.known("wmbsid")
	case "retrycount":
		s.RetryCount = d.known("retrycount")
	case "workflow":
		s.Workflow = d.text("workflow")
	case "task":
		s.Task = d.text("task")
	case "jobtype":
		s.JobType = d.text("jobtype")
	case "state":
		s.State = d.text("state")
	case "site":
		j.Site = d.text("site")
	case "cms_location":
		s.ReportedSite = d.text("cms_location")
	case "exitcode":
		s.ExitCode = d.integer("exitcode", -1)
	case "acdc_url":
		s.ACDCURL = d.text("acdc_url")
	case "agent_name":
		s.Agent = d.text("agent_name")
	case "eos_log_url":
		s.LogURL = d.text("eos_log_url")
	case "worker_node_info":
		s.WorkerNode = ""
		d.each("worker_node_info", func(key string) {
			if key == "HostName" {
				s.WorkerNode = d.text(key)
			} else {
				d.scan.Skip()
			}
		})
	default:
		return false
	}
	return true
}

func (j *JobSummaryDoc) readLists(d *decoder, key []byte) bool {
	switch string(key) {
	case "errors":
		j.readErrors(d)
	case "lumis":
		j.sample.RunLumis = j.cut(d.runLumis("lumis"), maxRunLumis)
	case "inputfiles":
		j.readInputs(d)
	case "output":
		j.readOutputs(d)
	case "outputdataset":
		j.readDataset(d)
	case "logArchiveLFN":
		j.readArchives(d)
	case "state_history":
		j.readHistory(d)
	default:
		return false
	}
	return true
}

// cut shortens a text and sets Truncated.
func (j *JobSummaryDoc) cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	j.sample.Truncated = true
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return strings.Clone(text[:most])
}

func (j *JobSummaryDoc) readErrors(d *decoder) {
	var list []schema.JobStepError
	d.each("errors", func(step string) {
		d.list(step, func() {
			e := schema.JobStepError{Step: step, ExitCode: -1}
			if d.scan.Kind() != jsonscan.Object {
				e.Details = j.cut(d.longText("errors"), maxDetails)
			} else {
				d.fields(func(key []byte) bool {
					switch string(key) {
					case "type":
						e.Type = d.text("type")
					case "details":
						e.Details = j.cut(d.longText("details"), maxDetails)
					case "exitCode":
						e.ExitCode = d.integer("exitCode", -1)
					default:
						return false
					}
					return true
				})
			}
			if len(list) < maxJobErrors {
				list = append(list, e)
			} else {
				j.sample.Truncated = true
			}
		})
	})
	slices.SortStableFunc(list, func(a, b schema.JobStepError) int { return cmp.Compare(a.Step, b.Step) })
	j.sample.Errors = list
}

// longText is text for a field that may be long and is cut by its reader.
func (d *decoder) longText(path string) string {
	if d.scan.Kind() == jsonscan.String {
		return d.clone(d.scan.Text())
	}
	return d.text(path)
}

func (j *JobSummaryDoc) readInputs(d *decoder) {
	j.sample.InputFiles = nil
	d.list("inputfiles", func() {
		lfn := ""
		if d.scan.Kind() != jsonscan.Object {
			lfn = d.text("")
		} else {
			d.fields(func(key []byte) bool {
				if string(key) != "lfn" {
					return false
				}
				lfn = d.text("lfn")
				return true
			})
		}
		switch {
		case lfn == "":
		case len(j.sample.InputFiles) < maxInputFiles:
			j.sample.InputFiles = append(j.sample.InputFiles, lfn)
		default:
			j.sample.Truncated = true
		}
	})
}

func (j *JobSummaryDoc) readOutputs(d *decoder) {
	j.sample.Outputs = nil
	d.eachElem("output", func(int64) {
		out := schema.JobOutput{Bytes: -1}
		d.fields(func(key []byte) bool {
			switch string(key) {
			case "type":
				out.Type = d.text("type")
			case "lfn":
				out.LFN = d.text("lfn")
			case "location":
				out.Location = strings.Join(d.texts("location"), ",")
			case "size":
				out.Bytes = d.known("size")
			case "checksums":
				d.each("checksums", func(key string) {
					if key == "adler32" {
						out.Adler32 = d.text(key)
					} else {
						d.scan.Skip()
					}
				})
			default:
				return false
			}
			return true
		})
		j.sample.Outputs = append(j.sample.Outputs, out)
	})
}

// readDataset builds /primary/processed/tier from the parts of outputdataset.
func (j *JobSummaryDoc) readDataset(d *decoder) {
	var primary, processed, tier string
	d.each("outputdataset", func(key string) {
		switch key {
		case "primaryDataset":
			primary = d.text(key)
		case "processedDataset":
			processed = d.text(key)
		case "dataTier":
			tier = d.text(key)
		default:
			d.scan.Skip()
		}
	})
	j.sample.Dataset = ""
	if primary+processed+tier != "" {
		j.sample.Dataset = "/" + primary + "/" + processed + "/" + tier
	}
}

func (j *JobSummaryDoc) readArchives(d *decoder) {
	j.sample.LogArchives = nil
	d.each("logArchiveLFN", func(lfn string) {
		d.scan.Skip()
		j.sample.LogArchives = append(j.sample.LogArchives, lfn)
	})
	slices.Sort(j.sample.LogArchives)
	j.sample.LogArchives = slices.Compact(j.sample.LogArchives)
}

func (j *JobSummaryDoc) readHistory(d *decoder) {
	j.sample.Transitions = nil
	d.eachElem("state_history", func(index int64) {
		t := schema.JobTransition{Index: index}
		d.fields(func(key []byte) bool {
			switch string(key) {
			case "oldstate":
				t.From = d.text("oldstate")
			case "newstate":
				t.To = d.text("newstate")
			case "location":
				t.Location = d.text("location")
			case "timestamp":
				t.Time = d.time("timestamp")
			default:
				return false
			}
			return true
		})
		j.sample.Transitions = append(j.sample.Transitions, t)
	})
}
