// Package raw decodes the raw documents of the sources into records of package
// schema. Each kind of document has its file, or a few with a common prefix:
// request documents (reqmgr), agent reports of type agent_request (report),
// agent_info (agentinfo), jobsummary, and documents of the log database
// (logdoc). Flatten builds the records of one workflow from its documents.
//
// Raw documents use data as keys: agents, sites, task paths, dataset names.
// Sources write a value in many forms, and fields come and go between versions.
// So each value is read leniently: a value of an unknown form is a Flaw of the
// document, and the field gets its default. A document that can't be used at
// all is a DocError.
//
// Request documents and agent reports arrive by the gigabyte. They are read in
// one walk with package jsonscan (decode.go). The others are few: encoding/json
// decodes them into structs that name their keys (lenient.go).
//
// The package is pure, like package schema: the same bytes always yield the
// same records. It fetches nothing and knows no database; cacheserver/couch
// does that.
package raw
