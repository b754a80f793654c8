package join

import (
	"unsafe"

	"github.com/dmwm/wmstats/cacheserver/table/block"
)

// sampled is how many workflows are weighed: there may be millions.
const sampled = 1000

// Approximate bytes of a map per element: a slot, a control byte, and the
// average free space.
const (
	byText = (16 + 8 + 1) * 3 / 2
	byHash = (8 + 8 + 1) * 3 / 2
)

// Weight returns the approximate bytes of what is known of documents besides the
// State, and the number of workflows and documents. It weighs a sample, another
// one each time, so it is not part of an Outcome.
func (j *Join) Weight() (bytes, number int64) {
	n := 0
	for _, w := range j.workflows {
		bytes += w.bytes()
		if n++; n == sampled {
			break
		}
	}
	if n > 0 {
		bytes = int64(float64(bytes) / float64(n) * float64(len(j.workflows)))
	}
	bytes += byText*int64(len(j.workflows)+len(j.reports)+len(j.aliases)) + byHash*j.known.len() + 16*int64(cap(j.dues))
	for _, a := range j.agents {
		bytes += a.bytes()
	}
	const each = 400 // bytes of a stray workflow with its record and the list of its reports
	bytes += each * int64(len(j.strays))
	return bytes, int64(len(j.workflows) + len(j.reports) + len(j.agents))
}

func (w *workflow) bytes() int64 {
	n := block.Allocated(int64(unsafe.Sizeof(*w))) + block.Allocated(int64(len(w.name))) + block.Allocated(8*int64(cap(w.reports))) + block.Allocated(int64(len(w.request)))
	for _, r := range w.reports {
		n += block.Allocated(int64(unsafe.Sizeof(*r))) + block.Allocated(int64(len(r.id))) + block.Allocated(int64(len(r.packed)))
	}
	if w.own != nil {
		n += block.Allocated(int64(unsafe.Sizeof(*w.own))) + block.Allocated(int64(unsafe.Sizeof((*w.own)[0]))*int64(cap(*w.own)))
	}
	if w.more != nil {
		n += block.Allocated(int64(unsafe.Sizeof(*w.more)))
		for _, d := range w.more.duplicates {
			n += int64(unsafe.Sizeof(d)) + int64(len(d.id)) + int64(len(d.packed))
		}
	}
	return n
}

// bytes returns the approximate size of an agent's report on itself.
func (a *agentInfo) bytes() int64 {
	d := a.detail
	return int64(unsafe.Sizeof(*a)) + int64(unsafe.Sizeof(*d)) + byText +
		sizeOf(d.Components) + sizeOf(d.Disks) + sizeOf(d.Sites) + sizeOf(d.SitePriorities) + sizeOf(d.JobStates)
}

func sizeOf[T any](list []T) int64 {
	var one T
	return int64(cap(list)) * int64(unsafe.Sizeof(one))
}
