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

// LogGroup is the messages of one reporter, thread and type about one workflow:
// how many there are, and the newest.
type LogGroup struct {
	Workflow string `from:"request" doc:"name of the workflow"`
	Reporter string `from:"identifier" doc:"agent or service that wrote them"`
	Thread   string `from:"thr" doc:"component or thread that wrote them"`
	Type     string `from:"type" doc:"info, warning, error or comment; with agent- before it when an agent wrote them"`
	Count    int64  `unit:"messages" from:"length of messages" doc:"messages"`
	Time     int64  `unit:"Unix s" from:"largest messages.ts" doc:"when the newest was written"`
	Message  string `from:"messages.msg of the newest" doc:"text of the newest"`
}

// GroupLogs returns the group of the messages of one document; ok is false for
// none. Of equally new ones the last counts.
func GroupLogs(entries []LogEntry) (g LogGroup, ok bool) {
	for _, e := range entries {
		if !ok || e.Time >= g.Time {
			g = LogGroup{e.Workflow, e.Reporter, e.Thread, e.Type, g.Count, e.Time, e.Message}
		}
		g.Count++
		ok = true
	}
	return g, ok
}
