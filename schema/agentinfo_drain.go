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
				counts[i] = d.amounts(key, -1)
				return
			}
		}
		d.scan.Skip()
	})
	for i, w := range words {
		switch {
		case counts[i] < 0:
			waits = append(waits, w.many+": not known")
		case counts[i] == 1:
			waits = append(waits, "1 "+w.one)
		case counts[i] > 1:
			waits = append(waits, fmt.Sprintf("%d %s", counts[i], w.many))
		}
	}
	return waits
}

// condor reads how many jobs the batch system has: null where the agent could not
// ask it, which is not none.
func (d *decoder) condor() []string {
	var running, idle int64
	if d.scan.Kind() != jsonscan.Object {
		running, idle = -1, -1
	}
	d.each("condor_status", func(key string) {
		switch key {
		case "running":
			running = d.known(key)
		case "idle":
			idle = d.known(key)
		default:
			d.scan.Skip()
		}
	})
	switch {
	case running == 0 && idle == 0:
		return nil
	case running < 0 && idle < 0:
		return []string{"condor: not known"}
	case running < 0:
		return []string{fmt.Sprintf("condor: running not known, %d idle", idle)}
	case idle < 0:
		return []string{fmt.Sprintf("condor: %d running, idle not known", running)}
	}
	return []string{fmt.Sprintf("condor: %d running, %d idle", running, idle)}
}

// queue reads {state: number} or {state: {"num_elem": number}} of a work queue.
func (d *decoder) queue(path, name string) []string {
	var parts []string
	d.each(path, func(state string) {
		if n := d.amounts(state, 0); n > 0 {
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

// amounts reads a number, or the number of elements where an object has it. What
// is not there is missing: 0 or -1.
func (d *decoder) amounts(path string, missing int64) int64 {
	read := d.count
	if missing < 0 {
		read = d.known
	}
	if d.scan.Kind() != jsonscan.Object {
		return read(path)
	}
	n := missing
	d.each(path, func(key string) {
		if key == "num_elem" {
			n = read(key)
		} else {
			d.scan.Skip()
		}
	})
	return n
}
