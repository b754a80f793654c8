// Package gen makes raw documents that look like those of the running system:
// request documents as ReqMgr2 writes them, agent_request, agent_info and
// jobsummary documents as the agents do, and log entries.
//
// It is deterministic: the same Options give the same bytes on every machine
// (integers wherever a figure is written; the few floats use only operations
// that IEEE 754 fixes). Everything about workflow i follows from the seed and
// i, so that its documents can be made alone, in any order, in parallel, and
// again later from a small State: the simulation in mock/live keeps only states.
//
// The package writes the field names itself and never imports the static
// schema: a wrong name would agree with itself. It opens nothing and reads no
// clock; writing documents somewhere is the business of mock/load.
package gen
