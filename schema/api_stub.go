package schema

// STUBS: the surface that the other parts build on. Each is replaced by its
// real implementation in a file of its own.

// Flaw is one field of a document that had the wrong form; its default was used.
type Flaw struct {
	Path  string // path in the document, such as tasks./wf/GEN.sites.T2_CH_CERN.success
	Found string // what was there, shortened
	Want  string // what was expected
}

// DocError says why a document can't be used.
type DocError struct {
	ID    string // _id, or "" when it can't be read
	Path  string
	Found string
	Want  string
	Err   error // cause, such as a JSON syntax error, or nil
}

func (e *DocError) Error() string { return "document " + e.ID + ": " + e.Path }
func (e *DocError) Unwrap() error { return e.Err }

// Head is what every document tells about itself.
type Head struct {
	ID      string
	Rev     string // opaque
	Type    string // agent_request, agent_info, jobsummary, ... ; "" for request documents
	Deleted bool
}

// ReqMgrDoc is a decoded request document of reqmgr_workload_cache.
type ReqMgrDoc struct {
	Head
	Flaws []Flaw
}

// AgentDoc is a decoded agent_request document.
type AgentDoc struct {
	Head
	Flaws []Flaw
}

// AgentInfoDoc is a decoded agent_info document, of an agent or of a service.
type AgentInfoDoc struct {
	Head
	Flaws []Flaw
}

func Peek(raw []byte) (Head, error)                     { panic("stub") }
func ContentHash(raw []byte) uint64                     { panic("stub") } // equal for documents that differ only in top-level _rev and timestamp
func DecodeReqMgr(raw []byte) (*ReqMgrDoc, error)       { panic("stub") }
func DecodeAgent(raw []byte) (*AgentDoc, error)         { panic("stub") }
func DecodeAgentInfo(raw []byte) (*AgentInfoDoc, error) { panic("stub") }
func (d *ReqMgrDoc) Record() Workflow                   { panic("stub") } // the request's side of the record; the agents' side as with no agents
func (d *AgentDoc) Part() AgentPart                     { panic("stub") }
func (d *AgentInfoDoc) Detail() AgentDetail             { panic("stub") } // without counters, severity and reasons
func Flatten(req *ReqMgrDoc, agents []*AgentDoc) Detail { panic("stub") } // all of one workflow, without errors and alerts
func Join(w *Workflow, parts []AgentPart)               { panic("stub") } // fills the agents' side; newest Time wins per agent; idempotent
func (p *AgentPart) WorkflowAgent() WorkflowAgent       { panic("stub") }
func (p *AgentPart) WorkflowSites() []WorkflowSite      { panic("stub") } // with the (none) record where jobs have no site
func (c *JobCounts) Add(o JobCounts)                    { panic("stub") }
func (c *JobCounts) Sub(o JobCounts)                    { panic("stub") }
func (c JobCounts) Derive() Counters                    { panic("stub") }
func Percent(part, whole float64) float64               { panic("stub") } // -1 when whole <= 0; two decimals, never rounded to 0 or 100
func AppendJSON[T any](dst []byte, rec *T) []byte       { panic("stub") } // byte-identical to encoding/json with no nil lists, no HTML escaping
func Judge(a *Agent, now int64, limits Limits)          { panic("stub") } // Severity and Reasons
func Alerts(w *Workflow, stale []string, now int64, l Limits) (alerts []string, next int64) {
	panic("stub")
}

// Limits are the thresholds of the alert and severity rules.
type Limits struct {
	AgentSilent   int64   // s without a report until an agent, or its counts, are stale: 1200
	AssignedStall int64   // s in status assigned: 7200
	StatusStall   int64   // s in acquired, running-open or running-closed with no running job: 172800
	SiteErrorRate float64 // share of failing jobs above which a workflow has a site error: 0.85
}

// DefaultLimits are those of the present system.
func DefaultLimits() Limits {
	return Limits{AgentSilent: 1200, AssignedStall: 7200, StatusStall: 172800, SiteErrorRate: 0.85}
}

// StatusInfo is one row of ReqMgr's table of statuses (domain, 3.1).
type StatusInfo struct {
	Status  string
	Order   int64  // 1..19
	Group   string // Waiting, InTransfer, InQueue, RunningWorkflows, Done, Bad
	Active  bool   // in the cache
	JobInfo bool   // joined with the agents' counts
}

func Statuses() []StatusInfo                    { panic("stub") } // in order
func StatusOf(status string) (StatusInfo, bool) { panic("stub") }

// Type is the JSON type of a field.
type Type string

const (
	String Type = "string"
	Bool   Type = "bool"
	Int    Type = "int"
	Float  Type = "float"
	List   Type = "[]string"
)

// Field describes one key of a record.
type Field struct {
	Key   string // JSON key = Go field name
	Type  Type
	Unit  string
	Doc   string
	From  string
	Param string // filter parameter of the list API, lower case
	Index int    // position in the record
}

// Describe returns the fields of the record type T in the order of its keys.
func Describe[T any]() []Field { panic("stub") }
