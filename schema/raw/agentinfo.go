package raw

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"strings"
)

// AgentInfoDoc is a decoded agent_info document, of an agent or of a central
// service.
type AgentInfoDoc struct {
	Head
	Name string // agent_url without port, else _id
	agentInfo
	flawList

	isAgent bool // has a key that no service writes
}

// agentInfo is the document as it is written. Keys that are not used are left
// out.
type agentInfo struct {
	URL            text                            `json:"agent_url"`
	Team           text                            `json:"agent_team"`
	Version        text                            `json:"agent_version"`
	Status         text                            `json:"status"`
	Draining       truth                           `json:"drain_mode"`
	DrainStats     drainStats                      `json:"drain_stats"`
	CouchProcesses count                           `json:"couch_process_warning"`
	ProxyWarning   message                         `json:"proxy_warning"`
	DataUpdateTime moment                          `json:"data_last_update"`
	DataError      message                         `json:"data_error"`
	DownComponents texts                           `json:"down_components"`
	Down           oneOrMore[downDetail]           `json:"down_component_detail"`
	Components     keyed[oneOrMore[processDetail]] `json:"components"`
	Workers        objects[workerThread]           `json:"workers"`
	Disks          objects[diskWarning]            `json:"disk_warning"`
	WMBS           wmbsInfo                        `json:"WMBS_INFO"`
	LocalQueue     localQueue                      `json:"LocalWQ_INFO"`
	GlobalQueue    keyed[queueState]               `json:"workByStatus"` // of the service global_workqueue, as the next two
	Possible       keyed[keyed[queueState]]        `json:"possibleJobsPerSite"`
	Unique         keyed[keyed[queueState]]        `json:"uniqueJobsPerSite"`
}

// ofAgents are the keys that no central service writes.
var ofAgents = [...]string{
	"status", "drain_mode", "drain_stats", "couch_process_warning", "proxy_warning", "data_last_update", "data_error",
	"disk_warning", "WMBS_INFO", "LocalWQ_INFO",
}

// downDetail is an element of down_component_detail: an object, or a text.
type downDetail struct {
	isText  bool
	plain   string // when it is a text
	missing bool   // the text names a component: its process is missing
	downObject
}

type downObject struct {
	Name         text       `json:"name"`
	Worker       text       `json:"worker_name"`
	State        text       `json:"state"`
	Status       text       `json:"status"` // instead of State
	LastUpdate   moment     `json:"last_updated"`
	PollInterval knownFloat `json:"poll_interval"`
	CycleTime    knownFloat `json:"cycle_time"`
	Error        message    `json:"error_message"`
	LastError    message    `json:"last_error"` // instead of Error
}

func (v *downDetail) read(raw json.RawMessage, at place) {
	if raw[0] != '{' {
		*v = downDetail{isText: true, plain: scalar(raw, at, (*decoder).message)}
		return
	}
	*v = downDetail{}
	at.fill(raw, &v.downObject)
}

// processDetail is a process or thread of a component: an object, or the text
// of an error.
type processDetail struct{ processObject }

type processObject struct {
	Process text    `json:"process"`
	PID     known   `json:"pid"`
	Status  text    `json:"status"`
	Type    text    `json:"type"`
	Error   message `json:"error"`
}

func (v *processDetail) read(raw json.RawMessage, at place) {
	if raw[0] != '{' {
		*v = processDetail{processObject{PID: -1}}
		v.Error.read(raw, at)
		return
	}
	at.fill(raw, &v.processObject)
}

// workerThread is a thread of a component.
type workerThread struct {
	Name  text `json:"name"`
	State text `json:"state"`
}

// diskWarning is a disk over its limit.
type diskWarning struct {
	Filesystem text       `json:"filesystem"`
	Mount      text       `json:"mounted"`
	Percent    knownFloat `json:"percent"`
}

// DecodeAgentInfo decodes an agent_info document. Its error is a *DocError: not
// a JSON object, another type of document, or no name.
func DecodeAgentInfo(raw []byte) (*AgentInfoDoc, error) {
	d := newDecoder(raw)
	head, err := d.readHead()
	if err != nil {
		return nil, err
	}
	if !json.Valid(raw) {
		return nil, &DocError{ID: head.ID, Found: shorten(raw), Want: "values nested less deep than 10000"}
	}
	a := &AgentInfoDoc{Head: head, flawList: d.flaws}
	whole := place{flaws: &a.flawList}
	members, _ := whole.members(bytes.TrimSpace(raw))
	fillFrom(members, &a.agentInfo, whole)
	a.isAgent = slices.ContainsFunc(members, func(m member) bool { return slices.Contains(ofAgents[:], m.key) })
	if a.Type != "" && a.Type != "agent_info" {
		return nil, &DocError{ID: a.ID, Path: "type", Found: a.Type, Want: "agent_info"}
	}
	if a.Name = agentName(cmp.Or(string(a.URL), a.ID)); strings.TrimSpace(a.Name) == "" {
		return nil, &DocError{ID: a.ID, Path: "agent_url", Found: shorten(raw), Want: "a name there or in _id"}
	}
	return a, nil
}
