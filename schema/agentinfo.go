package schema

import (
	"cmp"
	"slices"
	"strings"

	"github.com/dmwm/wmstats/schema/internal/jsonscan"
)

// AgentInfoDoc is a decoded agent_info document, of an agent or of a central
// service.
type AgentInfoDoc struct {
	Head
	Name           string // agent_url without port, else _id
	Team           string
	Version        string
	Status         string
	Draining       bool
	CouchProcesses int64
	ProxyWarning   string
	DataUpdateTime int64
	DataError      string
	DownComponents []string
	Down           []downDetail               // as written
	Processes      map[string][]processDetail // by component
	Disks          []AgentDisk                // as written
	WorkersTotal   int64                      // threads
	WorkersBad     []string                   // threads in state Error or Timeout, with the state
	Sites          map[string]*AgentSite      // by site as written
	Priorities     []AgentSitePriority        // as written; Site too
	JobStates      []AgentJobState            // as written
	Drain          drainStats
	flawList

	url          string
	isAgent      bool // has a key that no service writes
	freeGiven    bool // thresholdsGQ2LQ is there
	pendingGiven bool // sitePendCountByPrio is there
}

// downDetail is an element of down_component_detail: an object, or a text.
type downDetail struct {
	text                    string // when it is a text
	name, worker, state     string
	lastUpdate              int64
	pollInterval, cycleTime float64 // -1: absent
	err                     string
	missing                 bool // the text names a component: its process is missing
}

// processDetail is a process or thread of a component.
type processDetail struct {
	process, status, kind, err string
	pid                        int64 // -1: absent
}

// drainStats is what drain_stats tells: present while an agent drains.
type drainStats struct {
	given     bool
	completed bool
	waits     []string
}

// DecodeAgentInfo decodes an agent_info document. Its error is a *DocError: not
// a JSON object, another type of document, or no name.
func DecodeAgentInfo(raw []byte) (*AgentInfoDoc, error) {
	d := newDecoder(raw)
	a := &AgentInfoDoc{Processes: map[string][]processDetail{}, Sites: map[string]*AgentSite{}}
	if !d.openDocument() {
		return nil, d.unusable("")
	}
	for key, ok := d.scan.NextKey(); ok; key, ok = d.scan.NextKey() {
		if !a.readKey(d, key) && !a.readParts(d, key) && !a.Head.readKey(d, key) {
			d.scan.Skip()
		}
	}
	if d.scan.End() != nil {
		return nil, d.unusable(a.ID)
	}
	if a.Type != "" && a.Type != "agent_info" {
		return nil, &DocError{ID: a.ID, Path: "type", Found: a.Type, Want: "agent_info"}
	}
	if a.Name = agentName(cmp.Or(a.url, a.ID)); strings.TrimSpace(a.Name) == "" {
		return nil, &DocError{ID: a.ID, Path: "agent_url", Found: shorten(raw), Want: "a name there or in _id"}
	}
	a.flawList = d.flaws
	return a, nil
}

func (a *AgentInfoDoc) readKey(d *decoder, key []byte) bool {
	switch string(key) {
	case "agent_url":
		a.url = d.text("agent_url")
	case "agent_team":
		a.Team = d.text("agent_team")
	case "agent_version":
		a.Version = d.text("agent_version")
	case "status":
		a.Status = d.text("status")
	case "drain_mode":
		a.Draining = d.truth("drain_mode", false)
	case "couch_process_warning":
		a.CouchProcesses = d.count("couch_process_warning")
	case "proxy_warning":
		a.ProxyWarning = d.message("proxy_warning")
	case "data_last_update":
		a.DataUpdateTime = d.time("data_last_update")
	case "data_error":
		a.DataError = d.message("data_error")
	case "down_components":
		a.DownComponents = d.texts("down_components")
		return true
	default:
		return false
	}
	a.isAgent = a.isAgent || (!strings.HasPrefix(string(key), "agent_"))
	return true
}

func (a *AgentInfoDoc) readParts(d *decoder, key []byte) bool {
	switch string(key) {
	case "down_component_detail":
		a.readDown(d)
	case "components":
		a.readComponents(d)
	case "workers":
		a.readWorkers(d)
	case "disk_warning":
		a.isAgent = true
		a.readDisks(d)
	case "drain_stats":
		a.isAgent = true
		a.readDrain(d)
	case "WMBS_INFO":
		a.isAgent = true
		a.readWMBS(d)
	case "LocalWQ_INFO":
		a.isAgent = true
		a.readLocalQueue(d)
	case "workByStatus": // of the service global_workqueue
		a.readQueue(d, "workByStatus", SourceGlobalQueue)
	default:
		return false
	}
	return true
}

// list calls read for each element of the list that comes next; one element
// that is not in a list is read as if it were.
func (d *decoder) list(path string, read func()) {
	switch d.scan.Kind() {
	case jsonscan.Null:
		d.scan.Literal()
	case jsonscan.Array:
		mark := d.mark()
		d.scan.Open()
		for d.scan.NextElem() {
			read()
		}
		d.within(mark, path)
	default:
		mark := d.mark()
		read()
		d.within(mark, path)
	}
}

func (a *AgentInfoDoc) readDown(d *decoder) {
	a.Down = nil
	d.list("down_component_detail", func() {
		down := downDetail{pollInterval: -1, cycleTime: -1}
		if d.scan.Kind() != jsonscan.Object {
			if down.text = d.message(""); down.text != "" {
				a.Down = append(a.Down, down)
			}
			return
		}
		lastError := ""
		d.fields(func(key []byte) bool {
			switch string(key) {
			case "name":
				down.name = d.text("name")
			case "worker_name":
				down.worker = d.text("worker_name")
			case "state", "status":
				down.state = cmp.Or(d.text("state"), down.state)
			case "last_updated":
				down.lastUpdate = d.time("last_updated")
			case "poll_interval":
				down.pollInterval = d.knownFloat("poll_interval")
			case "cycle_time":
				down.cycleTime = d.knownFloat("cycle_time")
			case "error_message":
				down.err = d.message("error_message")
			case "last_error":
				lastError = d.message("last_error")
			default:
				return false
			}
			return true
		})
		down.err = cmp.Or(down.err, lastError)
		a.Down = append(a.Down, down)
	})
}

func (a *AgentInfoDoc) readComponents(d *decoder) {
	clear(a.Processes)
	d.each("components", func(component string) {
		a.Processes[component] = nil
		d.list(component, func() {
			p := processDetail{pid: -1}
			if d.scan.Kind() != jsonscan.Object {
				p.err = d.message("")
			} else {
				p.read(d)
			}
			a.Processes[component] = append(a.Processes[component], p)
		})
	})
}

func (p *processDetail) read(d *decoder) {
	d.fields(func(key []byte) bool {
		switch string(key) {
		case "process":
			p.process = d.text("process")
		case "pid":
			p.pid = d.known("pid")
		case "status":
			p.status = d.text("status")
		case "type":
			p.kind = d.text("type")
		case "error":
			p.err = d.message("error")
		default:
			return false
		}
		return true
	})
}

func (a *AgentInfoDoc) readWorkers(d *decoder) {
	a.WorkersTotal, a.WorkersBad = 0, nil
	d.eachElem("workers", func(int64) {
		name, state := "", ""
		d.fields(func(key []byte) bool {
			switch string(key) {
			case "name":
				name = d.text("name")
			case "state":
				state = d.text("state")
			default:
				return false
			}
			return true
		})
		a.WorkersTotal++
		if state == "Error" || state == "Timeout" {
			a.WorkersBad = append(a.WorkersBad, cmp.Or(name, "one without a name")+" ("+state+")")
		}
	})
	slices.Sort(a.WorkersBad)
}

func (a *AgentInfoDoc) readDisks(d *decoder) {
	a.Disks = nil
	d.eachElem("disk_warning", func(int64) {
		disk := AgentDisk{UsedPercent: -1}
		d.fields(func(key []byte) bool {
			switch string(key) {
			case "filesystem":
				disk.Filesystem = d.text("filesystem")
			case "mounted":
				disk.Mount = d.text("mounted")
			case "percent":
				disk.UsedPercent = d.knownFloat("percent")
			default:
				return false
			}
			return true
		})
		a.Disks = append(a.Disks, disk)
	})
}
