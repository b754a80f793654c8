package schema

// LogEntry is one message about a workflow in the log database. Agents and
// central services write the problems of a workflow there.
type LogEntry struct {
	Workflow string `from:"request" doc:"name of the workflow"`
	Reporter string `from:"identifier" doc:"agent or service that wrote it"`
	Thread   string `from:"thr" doc:"component or thread that wrote it"`
	Type     string `from:"type" doc:"info, warning, error or comment; with agent- before it when an agent wrote it"`
	Time     int64  `unit:"Unix s" from:"messages.ts" doc:"when"`
	Message  string `from:"messages.msg" doc:"the text"`
}
