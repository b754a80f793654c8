// Package e2e tests the whole path in one process: raw documents in a CouchDB
// stand-in, a cache server that reads and follows them, and a UI server in
// front, all on port 0 and over real HTTP. It checks what users see, not how it
// works inside; the parts have their own tests.
package e2e
