// Package couchfake is an in-process stand-in for CouchDB 3.5: an http.Handler
// that keeps documents in memory and answers as the recorded answers in
// testdata/answers-3.5.0.json say, byte for byte where a value can be equal.
// It exists so that the whole path (first read, views, changes feed, writes)
// can be run, tested and measured without a database, with real-looking volumes
// and with misbehaviour on demand (see Fault).
//
// It is not a database: nothing is written to disk, there is one shard, no
// replication protocol, no attachments, no JavaScript (views are Go functions,
// see View), and a revision that is not a leaf is forgotten at once, as after a
// compaction. It does not know what the documents mean beyond the fields that
// the views name, and it imports no other module of the project, so that a
// wrong field name there cannot agree with itself here.
package couchfake
