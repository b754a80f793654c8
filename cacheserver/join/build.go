package join

import (
	"cmp"
	"runtime"
	"slices"
	"sync"

	"github.com/dmwm/wmstats/cacheserver/join/report"
	"github.com/dmwm/wmstats/cacheserver/table"
	"github.com/dmwm/wmstats/cacheserver/table/block"
	"github.com/dmwm/wmstats/schema"
)

// Before the first State the request's side of each record is kept packed, which
// takes less memory than the record: encoding it before its agents are known
// would have to be repeated.

// build creates the first table of all collected documents, on all cores. Once
// stop returns true it returns nil. The table's content does not depend on the
// order in which cores finish, except for the dictionaries' numbers of texts,
// which are not visible.
func (j *Join) build(stop func() bool) *table.Table {
	all := make([]*workflow, 0, len(j.workflows))
	for _, w := range j.workflows {
		if w.has {
			all = append(all, w)
		}
	}
	slices.SortFunc(all, func(a, b *workflow) int { return cmp.Compare(a.name, b.name) })
	blocks := make([]*block.Block, (len(all)+block.Size-1)/block.Size)
	next := make(chan int)
	var wg sync.WaitGroup
	var mu sync.Mutex // of sums, recoveries and dues
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			m := blockMaker{j: j, builder: block.NewBuilder(j.layout), mu: &mu}
			for k := range next {
				blocks[k] = m.make(all[k*block.Size : min((k+1)*block.Size, len(all))])
			}
		})
	}
	stopped := false
	for k := range blocks {
		if stopped = stop(); stopped {
			break
		}
		next <- k
	}
	close(next)
	wg.Wait()
	if stopped || stop() {
		return nil
	}
	j.watchUnmatched()
	return table.New(j.layout, blocks)
}

// blockMaker creates blocks of workflows one after another, reusing memory:
// everything but the blocks would be garbage at once.
type blockMaker struct {
	j       *Join
	builder *block.Builder
	mu      *sync.Mutex // of sums, recoveries and dues

	records []schema.Workflow
	reports [][]schema.AgentReport
	dues    []int64
	encoded []byte
	source  sourceMaker
	lists   schema.Unpacker
	room    report.Room
}

func (m *blockMaker) make(list []*workflow) *block.Block {
	m.lists.Recycle()
	m.room.Recycle()
	m.records = slices.Grow(m.records[:0], len(list))[:len(list)]
	m.reports = slices.Grow(m.reports[:0], len(list))[:len(list)]
	m.dues = slices.Grow(m.dues[:0], len(list))[:len(list)]
	for i, w := range list {
		m.add(w, i)
	}
	m.count(list)
	return m.builder.Build()
}

// add creates record i of the block.
func (m *blockMaker) add(w *workflow, i int) {
	j, record := m.j, &m.records[i]
	if err := m.lists.Unpack(w.request, record); err != nil { // damaged memory
		j.opt.Log.Error("could not unpack a request", "workflow", w.name, "err", err)
		*record = schema.Workflow{Workflow: w.name}
	}
	w.request = ""
	joined := j.joined(w, record.Status)
	reports := m.reports[i][:0]
	for _, r := range joined {
		reports = j.appendReport(reports, w, content{r.packed, r.content}, &m.room)
	}
	m.reports[i] = reports
	schema.Join(record, reports)
	began, due := j.alert(w, record, joined)
	facts := schema.FactsOf(record, reports)
	facts.Began, m.dues[i] = began, due
	m.encoded = schema.AppendJSON(m.encoded[:0], record)
	m.builder.Add(record, m.encoded, m.source.make(j.names, w, joined, facts))
}

// count adds the records to the sums, recoveries and due times.
func (m *blockMaker) count(list []*workflow) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, w := range list {
		m.j.sums.Add(&m.records[i], m.reports[i])
		m.j.recovery.move(w.name, "", m.records[i].OriginalRequest)
		m.j.schedule(w, m.dues[i])
		m.j.watch(w, m.records[i].Status)
	}
}
