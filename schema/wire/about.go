package wire

import "fmt"

// About is the body of /about: what runs, and what it did lately. Its lists are
// bounded.
type About struct {
	Version  string
	Revision string
	Go       string

	Started     int64 `unit:"Unix s" doc:"when the process began to serve"`
	Memory      AboutMemory
	Generations []AboutGeneration // the newest first, and the last full reads
	Source      []SourceAnswers   // by what was asked; none before the first answer
	Polled      []Polled          // databases that are polled because their changes feeds bring nothing
	Errors      []SourceError     // of the source, the newest first
	Reading     []AboutReading    // how far the full read under way is, by database; none when there is none
}

// AboutReading is how far the full read of one database is.
type AboutReading struct {
	Database  string
	Since     int64  `unit:"Unix s" doc:"when the full read began"`
	Documents int64  `doc:"that have come; after a failure they are counted anew"`
	Done      bool   `doc:"it has been read and waits for the other database"`
	Reason    string `doc:"why the last try failed; empty when it did not"`
	Index     string `doc:"view whose index the database server builds before it answers; empty when it is not waited for"`
	Percent   int64  `doc:"how much of the index is built; -1 when the database server does not tell"`
}

// Text says it in a line for people.
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

// AboutMemory is what the process holds.
type AboutMemory struct {
	System  int64 `unit:"bytes" doc:"taken from the operating system by the runtime"`
	Heap    int64 `unit:"bytes" doc:"objects, of which some may be garbage"`
	Live    int64 `unit:"bytes" doc:"what the last collection found in use"`
	Records int64 `unit:"bytes" doc:"encoded list records of the newest generation"`
	Kept    int64 `unit:"bytes" doc:"held by superseded generations only"`

	Budget int64        `unit:"bytes" doc:"bound of all parts that have a limit, together: --memory"`
	Parts  []MemoryPart // what the live objects are; each is in one part only
}

// MemoryPart is one part of the live memory, as the program counts it.
type MemoryPart struct {
	Part  string `doc:"a name that does not change: see docs/how-to/size.md"`
	Bytes int64  `unit:"bytes"`
	Limit int64  `unit:"bytes" doc:"its share of Budget at most; 0: it is as large as what the source has"`
	Count int64  `doc:"things in it"`
}

// Counted is the sum of all parts, in bytes.
func (m *AboutMemory) Counted() (sum int64) {
	for _, p := range m.Parts {
		sum += p.Bytes
	}
	return sum
}

// What made a generation.
const (
	MadeByChanges    = "changes"
	MadeByTime       = "time" // rules that depend on it
	MadeByRead       = "full read"
	MadeByCheckpoint = "checkpoint"
	MadeByLimits     = "thresholds" // of alerts, which have changed
)

// AboutGeneration is one generation as it was published.
type AboutGeneration struct {
	Generation string
	By         string  `doc:"changes, time, full read, checkpoint or thresholds"`
	Time       int64   `unit:"Unix s" doc:"when it was published"`
	Seconds    float64 `unit:"s" doc:"how long it took: from the batch, or the beginning of the full read"`
	Records    int64   `doc:"workflows in it"`
	Added      int64
	Changed    int64
	Removed    int64
	Bytes      int64 `unit:"bytes" doc:"encoded list records"`
}

// SourceAnswers is how long the source took until the first byte of its answers
// to one kind of question.
type SourceAnswers struct {
	What   string  `doc:"database and resource: wmstats _all_docs"`
	Count  int64   `doc:"answers since the start"`
	Last   float64 `unit:"s"`
	Median float64 `unit:"s" doc:"of the last hundred"`
	Most   float64 `unit:"s" doc:"of the last hundred"`
	Time   int64   `unit:"Unix s" doc:"of the last one"`
}

// SourceError is one way in which the source failed.
type SourceError struct {
	Database string
	Reason   string
	First    int64 `unit:"Unix s"`
	Last     int64 `unit:"Unix s"`
	Count    int64
}

// Polled is a database whose changes are polled though its feed should be
// followed.
type Polled struct {
	Database string
	Why      string
}
