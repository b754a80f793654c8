package raw

import (
	"bytes"
	"cmp"
	"strconv"
	"strings"
	"time"

	"github.com/dmwm/wmstats/schema/jsonscan"

	"github.com/dmwm/wmstats/schema"
)

// ReqMgrDoc is a decoded request document of reqmgr_workload_cache: the fields
// that a record is made of. Lists of lumis, runs and blocks, splitting
// parameters and people's certificate names are skipped unread.
type ReqMgrDoc struct {
	Head
	Hash uint64 // ContentHash
	Name string // RequestName, else _id, else workflow
	flawList

	requestName, workflow string

	RequestType, SubRequestType, RequestStatus string
	StatusIsText                               bool                    // otherwise views and queries by status lack the document
	Transitions                                []schema.StatusChange   // as written
	Priorities                                 []schema.PriorityChange // as written
	RequestDate                                int64                   // Unix s
	RequestPriority, InitialPriority           int64                   // -1: absent

	TeamName, Requestor, Group string
	Teams                      []string
	OriginalRequest            string
	InitialTask                string
	Run                        int64 // of T0; -1: absent

	Top   StepDoc   // what the top level and the steps of a chain share
	tasks []StepDoc // Task1.., by Index
	steps []StepDoc // Step1.., by Index

	TaskChain, StepChain int64 // number of steps; -1 if the key is absent

	OutputDatasets, SiteWhitelist, SiteBlacklist       []string
	EstimatedJobs, InputEvents, InputLumis, InputFiles int64   // -1: absent
	TimePerEvent, SizePerEvent                         float64 // -1: absent

	whole bool // fields that only details have are read too
	extra reqMgrExtra

	lists *[]string // memory for the record's lists; nil: each list has its own
}

// StepDoc is one TaskN or StepN object of a chain, or the top level.
type StepDoc struct {
	Index                        int64
	Name, InputName              string
	Release, Campaign, PrepID    string
	ScramArchs, GlobalTags, Eras []string
	InputDatasets                []string
	MCPileups, DataPileups       []string
	Memory, Multicore            int64 // -1: absent
	RequestedEvents              int64 // -1: absent
	KeepOutput                   bool
}

// ReqMgrDecoder decodes request documents one after another and keeps texts and
// memory between them. It is not safe for concurrent use; the zero value is
// ready to use.
type ReqMgrDecoder struct {
	d     decoder
	doc   ReqMgrDoc
	names interner
	texts textRoom
	lists []string
	lends bool
}

// Recycle reuses the lists of all records that were returned since the last
// call: nobody may use them any more, nor keep their texts for long. From the
// first call on, the decoder lends what it returns, and Recycle must be called
// regularly.
func (q *ReqMgrDecoder) Recycle() {
	q.lends, q.d.room = true, &q.texts
	q.lists, q.d.lists = q.lists[:0], q.d.lists[:0]
}

// Decode decodes a document like DecodeReqMgr, without the fields that only
// details have: lists are built from its result. The result shares nothing with
// raw and is valid until the next call. What its methods return stays valid,
// unless Recycle is in use.
func (q *ReqMgrDecoder) Decode(raw []byte) (*ReqMgrDoc, error) {
	q.d.reset(raw)
	q.d.names = &q.names
	q.doc = ReqMgrDoc{
		tasks: q.doc.tasks[:0], steps: q.doc.steps[:0],
		Transitions: q.doc.Transitions[:0], Priorities: q.doc.Priorities[:0],
	}
	if q.lends {
		q.doc.lists = &q.lists
	}
	return &q.doc, q.doc.decode(&q.d)
}

// DecodeReqMgr decodes a request document. Its error is a *DocError: not a
// JSON object, or no name.
func DecodeReqMgr(raw []byte) (*ReqMgrDoc, error) {
	r := ReqMgrDoc{whole: true}
	if err := r.decode(newDecoder(raw)); err != nil {
		return nil, err
	}
	return &r, nil
}

func (r *ReqMgrDoc) decode(d *decoder) error {
	r.TaskChain, r.StepChain, r.EstimatedJobs = -1, -1, -1
	r.InputEvents, r.InputLumis, r.InputFiles = -1, -1, -1
	r.RequestPriority, r.InitialPriority, r.Run = -1, -1, -1
	r.TimePerEvent, r.SizePerEvent = -1, -1
	r.Top = newStep(0)
	if !d.openDocument() {
		return d.unusable("")
	}
	for key, ok := d.nextHashed(); ok; key, ok = d.nextHashed() {
		if !r.readKey(d, key) && !r.Head.readKey(d, key) && !r.Top.readKey(d, key) {
			r.readOther(d, key)
		}
	}
	if d.scan.End() != nil {
		return d.unusable(r.ID)
	}
	r.flawList, r.Hash = d.flaws, d.hash.Sum64()
	r.Name = cmp.Or(r.requestName, r.ID, r.workflow)
	if strings.TrimSpace(r.Name) == "" {
		return &DocError{ID: r.ID, Path: "RequestName", Found: shorten(d.doc), Want: "a name there, in _id or in workflow"}
	}
	r.tasks = lastOfEqual(r.tasks, StepDoc.compare)
	r.steps = lastOfEqual(r.steps, StepDoc.compare)
	return nil
}

// newStep returns a step with all values absent.
func newStep(index int64) StepDoc {
	return StepDoc{Index: index, Memory: -1, Multicore: -1, RequestedEvents: -1, KeepOutput: true}
}

func (s StepDoc) compare(o StepDoc) int { return cmp.Compare(s.Index, o.Index) }

func (r *ReqMgrDoc) readKey(d *decoder, key []byte) bool {
	switch string(key) {
	case "RequestName":
		r.requestName = d.text("RequestName")
	case "workflow":
		r.workflow = d.text("workflow")
	case "RequestType":
		r.RequestType = d.text("RequestType")
	case "SubRequestType":
		r.SubRequestType = d.text("SubRequestType")
	case "RequestStatus":
		r.StatusIsText = d.scan.Kind() == jsonscan.String
		r.RequestStatus = d.text("RequestStatus")
	case "RequestTransition":
		r.readTransitions(d)
	case "PriorityTransition":
		r.readPriorities(d)
	case "RequestDate":
		r.RequestDate = d.date("RequestDate")
	case "RequestPriority":
		r.RequestPriority = d.integer("RequestPriority", -1)
	case "InitialPriority":
		r.InitialPriority = d.integer("InitialPriority", -1)
	case "Team":
		r.TeamName = d.text("Team")
	case "Teams":
		r.Teams = d.texts("Teams")
	case "Requestor":
		r.Requestor = d.text("Requestor")
	case "Group":
		r.Group = d.text("Group")
	case "OriginalRequestName":
		r.OriginalRequest = d.text("OriginalRequestName")
	case "InitialTaskPath":
		r.InitialTask = d.text("InitialTaskPath")
	case "Run":
		r.Run = d.first("Run")
	case "TaskChain":
		r.TaskChain = max(d.integer("TaskChain", 0), 0)
	case "StepChain":
		r.StepChain = max(d.integer("StepChain", 0), 0)
	default:
		return r.readAmount(d, key)
	}
	return true
}

func (r *ReqMgrDoc) readAmount(d *decoder, key []byte) bool {
	switch string(key) {
	case "OutputDatasets":
		r.OutputDatasets = d.texts("OutputDatasets")
	case "SiteWhitelist":
		r.SiteWhitelist = d.texts("SiteWhitelist")
	case "SiteBlacklist":
		r.SiteBlacklist = d.texts("SiteBlacklist")
	case "TotalEstimatedJobs":
		r.EstimatedJobs = d.known("TotalEstimatedJobs")
	case "TotalInputEvents":
		r.InputEvents = d.known("TotalInputEvents")
	case "TotalInputLumis":
		r.InputLumis = d.known("TotalInputLumis")
	case "TotalInputFiles":
		r.InputFiles = d.known("TotalInputFiles")
	case "TimePerEvent":
		r.TimePerEvent = d.largest("TimePerEvent")
	case "SizePerEvent":
		r.SizePerEvent = d.largest("SizePerEvent")
	default:
		return false
	}
	return true
}

// readOther reads Task1, Step12 and so on, and skips all other keys.
func (r *ReqMgrDoc) readOther(d *decoder, key []byte) {
	isTask := bytes.HasPrefix(key, []byte("Task"))
	if !isTask && !bytes.HasPrefix(key, []byte("Step")) {
		if !r.whole || !r.extra.readKey(d, key) {
			d.scan.Skip()
		}
		return
	}
	index, err := strconv.ParseUint(string(key[4:]), 10, 16)
	if err != nil {
		d.scan.Skip()
		return
	}
	step := newStep(int64(index))
	path := string(key)
	if !d.open(path) {
		return
	}
	mark := d.mark()
	for key, ok := d.scan.NextKey(); ok; key, ok = d.scan.NextKey() {
		if !step.readName(d, key) && !step.readKey(d, key) {
			d.scan.Skip()
		}
	}
	d.within(mark, path)
	if isTask {
		r.tasks = append(r.tasks, step)
	} else {
		r.steps = append(r.steps, step)
	}
}

func (s *StepDoc) readName(d *decoder, key []byte) bool {
	switch string(key) {
	case "TaskName":
		s.Name = d.text("TaskName")
	case "StepName":
		s.Name = d.text("StepName")
	case "InputTask":
		s.InputName = d.text("InputTask")
	case "InputStep":
		s.InputName = d.text("InputStep")
	default:
		return false
	}
	return true
}

func (s *StepDoc) readKey(d *decoder, key []byte) bool {
	switch string(key) {
	case "CMSSWVersion":
		s.Release = d.text("CMSSWVersion")
	case "Campaign":
		s.Campaign = d.text("Campaign")
	case "PrepID":
		s.PrepID = d.text("PrepID")
	case "ScramArch":
		s.ScramArchs = d.texts("ScramArch")
	case "GlobalTag":
		s.GlobalTags = d.texts("GlobalTag")
	case "AcquisitionEra":
		s.Eras = d.texts("AcquisitionEra")
	case "InputDataset":
		s.InputDatasets = d.texts("InputDataset")
	case "MCPileup":
		s.MCPileups = d.texts("MCPileup")
	case "DataPileup":
		s.DataPileups = d.texts("DataPileup")
	case "Memory":
		s.Memory = d.largestInt("Memory")
	case "Multicore":
		s.Multicore = d.largestInt("Multicore")
	case "RequestNumEvents":
		s.RequestedEvents = d.first("RequestNumEvents")
	case "KeepOutput":
		// ReqMgr keeps the output of a step without KeepOutput.
		s.KeepOutput = d.truth("KeepOutput", true)
	default:
		return false
	}
	return true
}

func (r *ReqMgrDoc) readTransitions(d *decoder) {
	r.Transitions = r.Transitions[:0]
	d.eachElem("RequestTransition", func(index int64) {
		change := schema.StatusChange{Index: index}
		d.fields(func(key []byte) bool {
			switch string(key) {
			case "Status":
				change.Status = d.text("Status")
			case "UpdateTime":
				change.Time = d.time("UpdateTime")
			default:
				return false
			}
			return true
		})
		r.Transitions = append(r.Transitions, change)
	})
}

func (r *ReqMgrDoc) readPriorities(d *decoder) {
	r.Priorities = r.Priorities[:0]
	d.eachElem("PriorityTransition", func(index int64) {
		change := schema.PriorityChange{Index: index, Priority: -1}
		d.fields(func(key []byte) bool {
			switch string(key) {
			case "Priority":
				change.Priority = d.integer("Priority", -1)
			case "UpdateTime":
				change.Time = d.time("UpdateTime")
			default:
				return false
			}
			return true
		})
		r.Priorities = append(r.Priorities, change)
	})
}

// date reads [year, month, day, hour, minute, second], UTC.
func (d *decoder) date(path string) int64 {
	start := d.scan.Offset()
	if at, ok := d.plainDate(); ok {
		return at
	}
	d.scan.Rewind(start)
	raw := d.scan.Raw()
	list, bad := textsOf(raw)
	if len(list) == 0 && !bad {
		return 0
	}
	var n [6]int
	for i, text := range list {
		v, ok := parseInt([]byte(text))
		if i >= len(n) || !ok || v < 0 || v > 9999 {
			bad = true
			break
		}
		n[i] = int(v)
	}
	at, ok := unixTime(n)
	if bad || len(list) < 3 || !ok {
		d.flaw(path, raw, "year, month, day, hour, minute, second")
		return 0
	}
	return at
}

// plainDate reads a date of whole numbers, the usual form. For others ok is
// false, and the position is anywhere in the value.
func (d *decoder) plainDate() (at int64, ok bool) {
	if d.scan.Kind() != jsonscan.Array {
		return 0, false
	}
	var n [6]int
	count := 0
	d.scan.Open()
	for ; d.scan.NextElem(); count++ {
		v, ok := d.scan.Int()
		if !ok || count == len(n) || v < 0 || v > 9999 {
			return 0, false
		}
		n[count] = int(v)
	}
	at, ok = unixTime(n)
	return at, ok && count >= 3 && d.scan.Err() == nil
}

// unixTime returns the Unix time of year, month, day, hour, minute and second,
// UTC; ok is false when there is no such day or it is before 1970.
func unixTime(n [6]int) (at int64, ok bool) {
	t := time.Date(n[0], time.Month(n[1]), n[2], n[3], n[4], n[5], 0, time.UTC)
	return t.Unix(), t.Month() == time.Month(n[1]) && t.Day() == n[2] && t.Unix() >= 0
}
