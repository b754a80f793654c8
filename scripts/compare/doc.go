// Package compare compares the answers of an old WMStats server with the API of a
// cache server, for operators who move from one to the other. It counts the old
// server's documents itself, with encoding/json and plain sums, and imports neither
// schema nor the cache server: an error in the rules of one side must not hide in
// the other. Each difference has a reason that a page explains, or it is reported
// as unexplained. It only reads, and judges neither speed nor pages.
//
// Both servers hold data of another moment. What differs is therefore read again
// after a pause, and the agents' reports are compared by their own times: reports
// of one time must agree, whatever moves.
package compare
