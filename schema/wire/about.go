package wire

import "fmt"

// About is the body of /about: the running program and its recent activity. Its
// lists are bounded.
type About struct {
	Version  string
	Revision string
	Go       string

	CertificateExpires int64 `unit:"Unix s" doc:"when the client certificate for the source expires; -1 if absent"`

	Started     int64 `unit:"Unix s" doc:"when the process began to serve"`
	Memory      AboutMemory
	Generations []AboutGeneration // the newest first, and the last full reads
	Source      []SourceAnswers   // by kind of request; empty before the first answer
	Polled      []Polled          // databases that are polled because their changes feeds deliver nothing
	Errors      []SourceError     // of the source, the newest first
	Reading     []AboutReading    // progress of the running full read, by database; empty when none is running
}

// AboutReading is the progress of the full read of one database.
type AboutReading struct {
	Database  string
	Since     int64  `unit:"Unix s" doc:"when the full read began"`
	Documents int64  `doc:"received; the count restarts after a failure"`
	Done      bool   `doc:"it has been read and waits for the other database"`
	Reason    string `doc:"why the last try failed; empty when it did not"`
	Index     string `doc:"view whose index the database server builds before it answers; empty when nothing waits for an index"`
	Percent   int64  `doc:"share of the index that is built; -1 if unknown"`
}

// Text describes the progress in one line.
func (r AboutReading) Text() string {
	var text string
	switch {
	case r.Index != "" && r.Percent >= 0:
		text = fmt.Sprintf("the database server builds the index of %s, %d %% are done", r.Index, r.Percent)
	case r.Index != "":
		text = "the database server builds the index of " + r.Index
	case r.Done:
		text = fmt.Sprintf("%d documents have been read", r.Documents)
	case r.Reason != "":
		text = r.Reason
	case r.Documents > 0:
		text = fmt.Sprintf("%d documents so far", r.Documents)
	default:
		text = "nothing has come yet"
	}
	return r.Database + ": " + text
}

// AboutMemory is the memory of the process.
type AboutMemory struct {
	System  int64 `unit:"bytes" doc:"taken from the operating system by the runtime"`
	Heap    int64 `unit:"bytes" doc:"objects, some of which may be garbage"`
	Live    int64 `unit:"bytes" doc:"objects in use at the last garbage collection"`
	Records int64 `unit:"bytes" doc:"encoded list records of the newest generation"`
	Kept    int64 `unit:"bytes" doc:"held by superseded generations only"`

	Budget int64        `unit:"bytes" doc:"common limit of all parts that have a limit: --memory"`
	Parts  []MemoryPart // breakdown of the live objects; each object is in one part only
}

// MemoryPart is one part of the live memory, as the program counts it.
type MemoryPart struct {
	Part  string `doc:"a stable name, see docs/how-to/size.md"`
	Bytes int64  `unit:"bytes"`
	Limit int64  `unit:"bytes" doc:"its largest share of Budget; 0: it grows with the data of the source"`
	Count int64  `doc:"entries in it"`
}

// Counted returns the sum of all parts, in bytes.
func (m *AboutMemory) Counted() (sum int64) {
	for _, p := range m.Parts {
		sum += p.Bytes
	}
	return sum
}

// Causes of a generation.
const (
	CausedByChanges    = "changes"
	CausedByTime       = "time" // rules that depend on the time
	CausedByRead       = "full read"
	CausedByCheckpoint = "checkpoint"
	CausedByLimits     = "thresholds" // of alerts, which have changed
)

// AboutGeneration is one generation as it was published.
type AboutGeneration struct {
	Generation string
	By         string  `doc:"changes, time, full read, checkpoint or thresholds"`
	Time       int64   `unit:"Unix s" doc:"when it was published"`
	Seconds    float64 `unit:"s" doc:"how long it took, from the arrival of the batch or from the start of the full read"`
	Records    int64   `doc:"workflows in it"`
	Added      int64
	Changed    int64
	Removed    int64
	Bytes      int64 `unit:"bytes" doc:"encoded list records"`
}

// SourceAnswers holds the times until the first byte of the source's answers to
// one kind of request.
type SourceAnswers struct {
	What   string  `doc:"database and resource: wmstats _all_docs"`
	Count  int64   `doc:"answers since the start"`
	Last   float64 `unit:"s"`
	Median float64 `unit:"s" doc:"of the last hundred"`
	Most   float64 `unit:"s" doc:"of the last hundred"`
	Time   int64   `unit:"Unix s" doc:"of the last one"`
}

// SourceError is one kind of failure of the source.
type SourceError struct {
	Database string
	Reason   string
	First    int64 `unit:"Unix s"`
	Last     int64 `unit:"Unix s"`
	Count    int64
}

// Polled is a database whose changes are polled although its feed should be
// followed.
type Polled struct {
	Database string
	Why      string
}
