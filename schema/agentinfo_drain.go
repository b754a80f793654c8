package schema

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dmwm/wmstats/schema/internal/jsonscan"
)

// readDrain turns drain_stats into words: what a draining agent waits for. It
// says nothing of amounts that are 0.
func (a *AgentInfoDoc) readDrain(d *decoder) {
	a.Drain = drainStats{}
	if !d.open("drain_stats") {
		return
	}
	s := &a.Drain
	s.given = true
	mark := d.mark()
	var upload, condor, queues []string
	d.pairs(func(key []byte) bool {
		switch string(key) {
		case "workflows_completed":
			s.completed = d.truth("workflows_completed", false)
		case "upload_status":
			upload = d.uploads()
		case "condor_status":
			condor = d.condor()
		case "local_wq_status":
			queues = append(queues, d.queue("local_wq_status", "local queue")...)
		case "local_wqinbox_status":
			queues = append(queues, d.queue("local_wqinbox_status", "local queue inbox")...)
		case "global_wq_status":
			queues = append(queues, d.queue("global_wq_status", "global queue")...)
		default:
			return false
		}
		return true
	})
	d.within(mark, "drain_stats")
	if !s.completed {
		s.waits = []string{"workflows that are not complete"}
	}
	slices.Sort(queues)
	s.waits = slices.Concat(s.waits, condor, upload, queues)
}

func (d *decoder) uploads() (waits []string) {
	words := []struct{ key, one, many string }{
		{"dbs_open_blocks", "DBS block open", "DBS blocks open"},
		{"dbs_notuploaded", "file not in DBS", "files not in DBS"},
		{"phedex_notuploaded", "file not in data management", "files not in data management"},
	}
	counts := make([]int64, len(words))
	d.each("upload_status", func(key string) {
		for i, w := range words {
			if w.key == key {
				counts[i] = d.amounts(key)
				return
			}
		}
		d.scan.Skip()
	})
	for i, w := range words {
		switch {
		case counts[i] == 1:
			waits = append(waits, "1 "+w.one)
		case counts[i] > 1:
			waits = append(waits, fmt.Sprintf("%d %s", counts[i], w.many))
		}
	}
	return waits
}

func (d *decoder) condor() []string {
	var running, idle int64
	d.each("condor_status", func(key string) {
		switch key {
		case "running":
			running = d.count(key)
		case "idle":
			idle = d.count(key)
		default:
			d.scan.Skip()
		}
	})
	if running <= 0 && idle <= 0 {
		return nil
	}
	return []string{fmt.Sprintf("condor: %d running, %d idle", running, idle)}
}

// queue reads {state: number} or {state: {"num_elem": number}} of a work queue.
func (d *decoder) queue(path, name string) []string {
	var parts []string
	d.each(path, func(state string) {
		if n := d.amounts(state); n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, state))
		}
	})
	if len(parts) == 0 {
		return nil
	}
	slices.SortFunc(parts, func(a, b string) int { return strings.Compare(afterSpace(a), afterSpace(b)) })
	return []string{name + ": " + strings.Join(parts, ", ")}
}

func afterSpace(s string) string { return s[strings.IndexByte(s, ' ')+1:] }

// amounts reads a number, or the number of elements where an object has it.
func (d *decoder) amounts(path string) (n int64) {
	if d.scan.Kind() != jsonscan.Object {
		return d.count(path)
	}
	d.each(path, func(key string) {
		if key == "num_elem" {
			n = d.count(key)
		} else {
			d.scan.Skip()
		}
	})
	return n
}
