// Package haproxy tests deploy/haproxy: the real HAProxy with that file, in front of
// three cache servers on one CouchDB stand-in and two UI servers. It checks what
// clients see while the cache servers are restarted one after the other. It has no
// code of its own beside the tests.
package haproxy
