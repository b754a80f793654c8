package raw

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// drainStats is the content of drain_stats, which is present while an agent
// drains.
type drainStats struct {
	given bool
	drainObject
}

type drainObject struct {
	Completed  truth              `json:"workflows_completed"`
	Upload     uploadStatus       `json:"upload_status"`
	Condor     condorStatus       `json:"condor_status"`
	Local      keyed[queueLength] `json:"local_wq_status"`
	LocalInbox keyed[queueLength] `json:"local_wqinbox_status"`
	Global     keyed[queueLength] `json:"global_wq_status"`
}

type uploadStatus struct {
	OpenBlocks toldLength `json:"dbs_open_blocks"`
	NotInDBS   toldLength `json:"dbs_notuploaded"`
	NotManaged toldLength `json:"phedex_notuploaded"`
}

// condorStatus is the number of jobs in the batch system. It is null where the
// agent could not query it, which does not mean that there are none.
type condorStatus struct {
	Running told `json:"running"`
	Idle    told `json:"idle"`
}

// queueLength and toldLength are a number, or an object with the number in
// num_elem. A missing number is 0 in queueLength, and -1 (unknown) in
// toldLength.
type (
	queueLength int64
	toldLength  int64
)

func (s *drainStats) read(raw json.RawMessage, at place) {
	*s = drainStats{}
	s.given = at.fill(raw, &s.drainObject)
}

func (c *condorStatus) read(raw json.RawMessage, at place) {
	*c = condorStatus{}
	if !at.fill(raw, c) {
		*c = condorStatus{-1, -1}
	}
}

func (v *queueLength) read(raw json.RawMessage, at place) {
	*v = 0
	if raw[0] != '{' {
		*v = queueLength(scalar(raw, at, (*decoder).count))
		return
	}
	var queue struct {
		Elements count `json:"num_elem"`
	}
	at.fill(raw, &queue)
	*v = queueLength(queue.Elements)
}

func (v *toldLength) read(raw json.RawMessage, at place) {
	if raw[0] != '{' {
		*v = toldLength(scalar(raw, at, (*decoder).known))
		return
	}
	var queue struct {
		Elements known `json:"num_elem"`
	}
	at.fill(raw, &queue)
	*v = toldLength(queue.Elements)
}

// waits describes what a draining agent waits for. It omits amounts that are 0.
func (s *drainStats) waits() []string {
	waits := []string{}
	if !s.given {
		return waits
	}
	if !s.Completed {
		waits = append(waits, "workflows that are not complete")
	}
	queues := slices.Concat(queueWaits("local queue", s.Local), queueWaits("local queue inbox", s.LocalInbox), queueWaits("global queue", s.Global))
	slices.Sort(queues)
	return append(waits, slices.Concat(s.Condor.waits(), s.Upload.waits(), queues)...)
}

func (u *uploadStatus) waits() (waits []string) {
	for _, w := range []struct {
		n         toldLength
		one, many string
	}{
		{u.OpenBlocks, "DBS block open", "DBS blocks open"},
		{u.NotInDBS, "file not in DBS", "files not in DBS"},
		{u.NotManaged, "file not in data management", "files not in data management"},
	} {
		switch {
		case w.n < 0:
			waits = append(waits, w.many+": not known")
		case w.n == 1:
			waits = append(waits, "1 "+w.one)
		case w.n > 1:
			waits = append(waits, fmt.Sprintf("%d %s", w.n, w.many))
		}
	}
	return waits
}

func (c *condorStatus) waits() []string {
	switch {
	case c.Running == 0 && c.Idle == 0:
		return nil
	case c.Running < 0 && c.Idle < 0:
		return []string{"condor: not known"}
	case c.Running < 0:
		return []string{fmt.Sprintf("condor: running not known, %d idle", c.Idle)}
	case c.Idle < 0:
		return []string{fmt.Sprintf("condor: %d running, idle not known", c.Running)}
	}
	return []string{fmt.Sprintf("condor: %d running, %d idle", c.Running, c.Idle)}
}

// queueWaits lists the states of a work queue that are not empty.
func queueWaits(name string, queue keyed[queueLength]) []string {
	queue = slices.DeleteFunc(slices.Clone(queue), func(s pair[queueLength]) bool { return s.value <= 0 })
	if len(queue) == 0 {
		return nil
	}
	slices.SortStableFunc(queue, func(a, b pair[queueLength]) int { return cmp.Compare(a.key, b.key) })
	var states []string
	for _, s := range queue {
		states = append(states, fmt.Sprintf("%d %s", s.value, s.key))
	}
	return []string{name + ": " + strings.Join(states, ", ")}
}
