package documents

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/legacy/property"
	"github.com/dmwm/wmstats/mock/design"
	"github.com/dmwm/wmstats/mock/gen"
)

// requests returns the request documents of a mock world.
func requests(b *testing.B, workflows int) (changes []Change) {
	b.Helper()
	w, err := gen.New(gen.Options{Seed: 1, Workflows: workflows, JobSummaries: -1})
	require.NoError(b, err)
	for doc := range w.All() {
		if doc.DB == design.RequestDB && json.Valid(doc.JSON) {
			changes = append(changes, Change{ID: doc.ID, Doc: doc.JSON})
		}
	}
	return changes
}

func active() []string {
	return []string{"new", "assignment-approved", "assigned", "staging", "staged", "acquired", "running-open", "running-closed", "failed",
		"force-complete", "completed", "closed-out", "announced", "aborted", "aborted-completed", "rejected"}
}

// BenchmarkRead fills Documents, and reports the memory per document.
func BenchmarkRead(b *testing.B) {
	changes := requests(b, 4000)
	var d *Documents
	for b.Loop() {
		var err error
		d, err = New(Options{Statuses: active()})
		require.NoError(b, err)
		r := d.BeginRead()
		for from := 0; from < len(changes); from += 64 {
			r.Add(changes[from:min(from+64, len(changes))])
		}
		require.NoError(b, r.Commit(nil, never))
	}
	bytes, n := d.Bytes()
	b.ReportMetric(float64(bytes)/float64(n), "B/document")
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/float64(len(changes)), "us/document")
}

// BenchmarkScan decompresses and parses all documents.
func BenchmarkScan(b *testing.B) {
	changes := requests(b, 4000)
	d, err := New(Options{Statuses: active()})
	require.NoError(b, err)
	r := d.BeginRead()
	r.Add(changes)
	require.NoError(b, r.Commit(nil, never))
	s, _ := d.Snapshot()
	for _, apart := range []bool{false, true} {
		b.Run(map[bool]string{false: "unpack", true: "values"}[apart], func(b *testing.B) {
			var of property.Document
			var row []byte
			for b.Loop() {
				r := s.Reader()
				for _, block := range s.Blocks {
					require.NoError(b, r.Open(block))
					for i := range block.Len() {
						if apart {
							of.Reset(r.Document(i))
							row = row[:0]
							for _, p := range []string{"RequestStatus", "RequestType", "RequestPriority", "Campaign", "RequestNumEvents", "RequestName"} {
								row = of.Value(p).AppendTo(row)
							}
						}
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/float64(s.Len()), "us/document")
		})
	}
}

// BenchmarkEdit changes one document of 4 000.
func BenchmarkEdit(b *testing.B) {
	changes := requests(b, 4000)
	d, err := New(Options{Statuses: active()})
	require.NoError(b, err)
	r := d.BeginRead()
	r.Add(changes)
	require.NoError(b, r.Commit(nil, never))
	for i := 0; b.Loop(); i++ {
		c := doc(changes[i%len(changes)].ID, active()[i%16])
		d.Apply([]Change{c})
	}
}
