package raw

import (
	"strings"

	"github.com/dmwm/wmstats/schema"
)

// LogDoc is a decoded document of the log database: the messages of one
// reporter, thread and type about one workflow.
type LogDoc struct {
	ID      string
	entries []schema.LogEntry
	flawList
}

// Entries returns the messages in the order of the document.
func (l *LogDoc) Entries() []schema.LogEntry { return l.entries }

// DecodeLog decodes a document of the log database. Its error is a *DocError:
// not a JSON object, or no request.
func DecodeLog(raw []byte) (*LogDoc, error) {
	d := newDecoder(raw)
	l := &LogDoc{}
	var head schema.LogEntry
	if !d.openDocument() {
		return nil, d.unusable("")
	}
	for key, ok := d.scan.NextKey(); ok; key, ok = d.scan.NextKey() {
		switch string(key) {
		case "_id":
			l.ID = d.text("_id")
		case "request":
			head.Workflow = d.text("request")
		case "identifier":
			head.Reporter = agentName(d.text("identifier"))
		case "thr":
			head.Thread = d.text("thr")
		case "type":
			head.Type = d.text("type")
		case "messages":
			l.readMessages(d)
		default:
			d.scan.Skip()
		}
	}
	if d.scan.End() != nil {
		return nil, d.unusable(l.ID)
	}
	if strings.TrimSpace(head.Workflow) == "" {
		return nil, &DocError{ID: l.ID, Path: "request", Found: shorten(raw), Want: "the name of a workflow"}
	}
	for i := range l.entries {
		e := &l.entries[i]
		e.Workflow, e.Reporter, e.Thread, e.Type = head.Workflow, head.Reporter, head.Thread, head.Type
	}
	l.flawList = d.flaws
	return l, nil
}

func (l *LogDoc) readMessages(d *decoder) {
	l.entries = nil
	d.eachElem("messages", func(int64) {
		var e schema.LogEntry
		d.fields(func(key []byte) bool {
			switch string(key) {
			case "ts":
				e.Time = d.time("ts")
			case "msg":
				e.Message = d.longText("msg")
			default:
				return false
			}
			return true
		})
		l.entries = append(l.entries, e)
	})
}
