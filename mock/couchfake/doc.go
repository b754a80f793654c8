// Package couchfake is an in-process stand-in for CouchDB 3.5: an http.Handler
// that keeps documents in memory and answers like the recorded answers in
// testdata/answers-3.5.0.json, byte for byte where a value can be equal. With
// it the whole path (first read, views, changes feed, writes) can be run,
// tested and measured without a database, with realistic volumes and with
// injected faults (see Fault).
//
// It is not a database: nothing is written to disk, there is one shard, no
// replication protocol, no attachments, no JavaScript (views are Go functions,
// see View), and a revision that is not a leaf is forgotten at once, as after a
// compaction. It knows nothing of the documents beyond the fields that the
// views name. It imports no other module of the project, so a wrong field name
// there cannot go unnoticed because the same name is used here.
package couchfake
