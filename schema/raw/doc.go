// Package raw reads the raw documents of the sources: bytes in, records of
// package schema out. There is one file, or a few of one name, for each kind of
// document: request documents (reqmgr), agent reports of type agent_request
// (report), agent_info (agentinfo), jobsummary, and documents of the log
// database (logdoc). Flatten makes the records of one workflow of its documents.
//
// Raw documents use data as keys: agents, sites, task paths, dataset names.
// Sources write a value in many forms, and fields come and go between versions.
// So each value is read leniently: what it can't be taken for is a Flaw of the
// document, and the field gets its default. A document that can't be used at
// all is a DocError.
//
// Request documents and agent reports come by the gigabyte, and are read in one
// walk with package jsonscan (decode.go). The others are few; structs name their
// keys, and encoding/json takes them apart (lenient.go).
//
// The package is pure, as package schema is: the same bytes always give the
// same records. It fetches nothing and knows no database; that is the business
// of cacheserver/couch.
package raw
