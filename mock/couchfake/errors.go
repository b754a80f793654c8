package couchfake

import (
	"errors"
	"net/http"
)

// Error is an answer that is not a success, in CouchDB's words.
type Error struct {
	Status int    // HTTP status
	Name   string // "error" of the body: not_found, conflict, bad_request …
	Reason string // "reason" of the body
}

// Error returns name and reason, so an Error can be wrapped and logged.
func (e *Error) Error() string { return e.Name + ": " + e.Reason }

// errAborted means that the connection was cut on purpose: nothing more can be
// written to this answer.
var errAborted = errors.New("answer cut by a fault")

// errAnswered means that a fault has already sent the answer.
var errAnswered = errors.New("answered by a fault")

func badRequest(reason string) *Error {
	return &Error{http.StatusBadRequest, "bad_request", reason}
}

func queryError(reason string) *Error {
	return &Error{http.StatusBadRequest, "query_parse_error", reason}
}

func notFound(reason string) *Error {
	return &Error{http.StatusNotFound, "not_found", reason}
}

func noDatabase() *Error { return notFound("Database does not exist.") }

func invalidJSON() *Error { return badRequest("invalid UTF-8 JSON") }

func conflict() *Error {
	return &Error{http.StatusConflict, "conflict", "Document update conflict."}
}

func unauthorized(reason string) *Error {
	return &Error{http.StatusUnauthorized, "unauthorized", reason}
}

// timeout is the answer to a query that took longer than the server waits for
// its shards.
func timeout() *Error {
	return &Error{http.StatusInternalServerError, "timeout", timeoutText}
}

// notBuilt is the answer to requests that a real server supports and this
// stand-in does not. It is an error, so that nobody takes a gap for an empty
// result.
func notBuilt(what string) *Error {
	return &Error{http.StatusNotImplemented, "not_implemented", "the stand-in has no " + what}
}
