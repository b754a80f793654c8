package couchfake

import "net/http"

// Absence is one way in which a resource of a working server is unavailable to
// a reader, or not available in time.
type Absence struct {
	Name  string
	Fault Fault // without a Match
	Fails bool  // the server tried, and failed or gave up; otherwise it does not offer the resource
}

// Absences are the ways in which a view, a query or a filter can be absent or
// too slow, in the words of CouchDB and of the proxies in front of it.
func Absences() []Absence {
	status := func(code int, name, reason string) Fault {
		return Fault{Kind: FailStatus, Status: code, Error: name, Reason: reason}
	}
	return []Absence{
		{"missing", status(http.StatusNotFound, "not_found", "missing"), false},
		{"deleted", status(http.StatusNotFound, "not_found", "deleted"), false},
		{"missing in its design document", status(http.StatusNotFound, "not_found", "missing_named_view"), false},
		{"in a database that does not exist", Fault{Kind: NoDatabase}, false},
		{"forbidden", Fault{Kind: Forbid}, false},
		{"unauthorized", Fault{Kind: Deny}, false},
		{"bad request", status(http.StatusBadRequest, "bad_request", "no"), false},
		{"no index", status(http.StatusBadRequest, "no_usable_index", "No index exists for this sort, try indexing by the sort fields."), false},
		{"method not allowed", status(http.StatusMethodNotAllowed, "method_not_allowed", "Only GET,HEAD allowed"), false},
		{"not acceptable", status(http.StatusNotAcceptable, "not_acceptable", "no"), false},
		{"not implemented", status(http.StatusNotImplemented, "not_implemented", "no"), false},
		{"compilation error", status(http.StatusBadRequest, "compilation_error", "Compilation of the map function failed"), false},
		{"JavaScript process", status(http.StatusInternalServerError, "os_process_error", "OS process timed out."), false},
		{"unknown language", status(http.StatusInternalServerError, "unknown_query_language", "Elvish"), false},
		{"broken index", status(http.StatusInternalServerError, "case_clause", "{{badmatch,{error,eacces}}}"), true},
		{"timeout", Fault{Kind: TimeOut}, true},
		{"request timeout", status(http.StatusRequestTimeout, "timeout", "no"), true},
		{"bad gateway", status(http.StatusBadGateway, "bad_gateway", "no"), true},
		{"unavailable", status(http.StatusServiceUnavailable, "unavailable", "no"), true},
		{"gateway timeout", status(http.StatusGatewayTimeout, "gateway_timeout", "no"), true},
		{"timeout in the first row", Fault{Kind: ErrorRow, Stop: true}, true},
		{"another page", Fault{Kind: Page}, false},
		{"silent", Fault{Kind: Freeze}, true},
	}
}
