// Package e2e tests the whole path in one process: raw documents in a CouchDB
// stand-in, a cache server that reads and follows them, a UI server in front,
// all on port 0 and over real HTTP. It states what users see, not how it is
// made; the parts have tests of their own.
package e2e
