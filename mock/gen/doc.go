// Package gen generates raw documents that look like those of the running
// system: request documents as ReqMgr2 writes them, agent_request, agent_info
// and jobsummary documents as the agents write them, and log entries.
//
// It is deterministic: the same Options yield the same bytes on every machine
// (figures are computed with integers, and the few floats use only operations
// that IEEE 754 defines exactly). Everything about workflow i follows from the
// seed and i, so its documents can be generated alone, in any order, in
// parallel, and again later from a small State: the simulation in mock/live
// keeps only states.
//
// The package writes the field names itself and never imports the static
// schema: otherwise a wrong name would agree with itself. It opens nothing and
// reads no clock; mock/load writes documents into a database.
package gen
