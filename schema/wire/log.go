package wire

import (
	"slices"
	"strings"
)

// Reasons of several cache servers that answer as one why their data are stale. They
// say nothing about the source, which may well answer.
const (
	LogAway    = "the log does not answer"
	LogFull    = "the log has no room"
	LogBehind  = "this server is behind the log"
	LogAlone   = "no server reads the source"
	LogStopped = "this server stopped applying the log" // what it found follows
)

// OfTheLog reports whether a reason why data are stale is one of the log's.
func OfTheLog(reason string) bool {
	return slices.Contains([]string{LogAway, LogFull, LogBehind, LogAlone}, reason) || strings.HasPrefix(reason, LogStopped)
}
