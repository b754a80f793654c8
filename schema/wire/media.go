package wire

// Names of the headers that the API sets, or reads, beyond those of HTTP itself.
const (
	HeaderPrefix         = "X-Forwarded-Prefix" // in: path under which a proxy serves the API
	HeaderGeneration     = "X-Generation"       // generation that the answer is cut from
	HeaderGenerationTime = "X-Generation-Time"  // when it was published, RFC 3339, UTC
	HeaderTotal          = "X-Total-Count"      // records under the filter, over all pages
	HeaderReadTime       = "X-Read-Time"        // when on-demand data were read from the source, RFC 3339
	HeaderStale          = "X-Stale"            // 1 while the source does not answer
	HeaderStaleReason    = "X-Stale-Reason"     // why
	HeaderRequestID      = "X-Request-Id"       // in and out; in the log too
	HeaderTiming         = "Server-Timing"      // steps of the answer, in ms
	HeaderHistoryStart   = "X-History-Start"    // time of the first point of /history, RFC 3339, UTC
	HeaderLink           = "Link"               // first, prev, next, last; pinned
)

// Media types of the API.
const (
	MediaJSON    = "application/json"
	MediaNDJSON  = "application/x-ndjson"
	MediaCSV     = "text/csv"
	MediaProblem = "application/problem+json"
)

// formats lists the representations of a list, the default first.
var formats = []struct {
	format  Format
	names   []string // values of format=, the canonical one first
	media   []string // media types, the one that is sent first
	charset string   // parameters of the media type when it is sent
}{
	{JSON, []string{"json"}, []string{MediaJSON}, ""},
	{NDJSON, []string{"ndjson", "jsonl"}, []string{MediaNDJSON, "application/ndjson", "application/jsonl"}, ""},
	{CSV, []string{"csv"}, []string{MediaCSV}, "; charset=utf-8; header=present"},
}

// Formats lists the representations of a list, the default first.
func Formats() []Format { return []Format{JSON, NDJSON, CSV} }

// MediaTypes returns the media types that a client may name for the format,
// first the one that is sent.
func (f Format) MediaTypes() []string {
	for _, row := range formats {
		if row.format == f {
			return append([]string(nil), row.media...)
		}
	}
	return nil
}

// ContentType is the value of the Content-Type header.
func (f Format) ContentType() string {
	for _, row := range formats {
		if row.format == f {
			return row.media[0] + row.charset
		}
	}
	return MediaJSON
}

// formatNamed reads the value of format=.
func formatNamed(name string) (Format, bool) {
	for _, row := range formats {
		for _, n := range row.names {
			if n == name {
				return row.format, true
			}
		}
	}
	return "", false
}
