package legacy

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/dmwm/wmstats/cacheserver/legacy/property"
	"github.com/dmwm/wmstats/cacheserver/ondemand"
)

const (
	mostSamples  = 100
	placesOfKey  = 5 // elements of a job's key that identify its group: workflow, task, state, exit code, site
	placeOfState = 2
	nothing      = "null"
)

// jobGroup holds the failing jobs of a workflow with the same task, state, exit
// code and site.
type jobGroup struct {
	key [placesOfKey - 1]string
	ids []string // sorted, without duplicates
}

// jobDetail handles jobdetail/NAME.
func (c *call) jobDetail() error {
	c.from = fromSource
	samples, err := c.sampleSize()
	if err != nil {
		return err
	}
	read, err := c.readJobs(samples)
	if err != nil {
		return err
	}
	a := c.begin(read.about())
	if a.only() {
		return nil
	}
	a.separate()
	if read.row != nil {
		err = a.write(read.row)
	} else {
		err = c.writeJobs(c.r.Context(), read.groups, samples, a.write, a.now)
	}
	if err == nil {
		err = a.write(newline)
	}
	if err != nil {
		return err
	}
	return a.end()
}

// sampleSize returns how many samples of each group the client requests.
func (c *call) sampleSize() (int, error) {
	values, ok := c.query.values["sample_size"]
	if !ok {
		return 1, nil
	}
	n := 0
	for _, digit := range values[0] {
		if digit < '0' || digit > '9' {
			return 0, invalid("sample_size must be a whole number, 0 or more.")
		}
		n = min(10*n+int(digit-'0'), mostSamples)
	}
	if len(values) > 1 || values[0] == "" {
		return 0, invalid("sample_size must be a single number.")
	}
	return n, nil
}

// jobs is the result of a read for jobdetail: the whole row, or only the groups if
// the samples do not fit into one read.
type jobs struct {
	row    []byte // nil: see groups
	groups []jobGroup
	wanted int // number of samples to read
}

// about estimates the length of the answer in bytes.
func (j *jobs) about() int64 {
	const job = 8000 // typical length in bytes
	return int64(len(j.row)) + int64(j.wanted)*job
}

// readJobs reads the groups of the workflow, and their samples if one read is
// enough for them.
func (c *call) readJobs(samples int) (jobs, error) {
	name := c.name
	refs := c.h.o.Store.Reports([]string{name})[0]
	var text []byte
	if s, ok := c.h.o.Documents.Snapshot(); ok {
		var err error
		if text, err = textOf(s, name); err != nil {
			return jobs{}, err
		}
	}
	v, err := c.h.demand.Get(c.r.Context(), ondemand.Call{
		Kind: "legacy_jobs", Key: version(name, text, refs) + "/" + strconv.Itoa(samples), Name: name, TTL: c.h.o.Keep,
		Read: func(ctx context.Context) (v ondemand.Value, err error) {
			var read jobs
			if read.groups, err = c.h.groups(ctx, name); err != nil {
				return v, err
			}
			for _, g := range read.groups {
				read.wanted += min(len(g.ids), samples)
			}
			if read.wanted > batchReports {
				return ondemand.Value{Data: read, Drop: true}, nil
			}
			write := func(text []byte) error { read.row = append(read.row, text...); return nil }
			if err := c.writeJobs(ctx, read.groups, samples, write, func() error { return nil }); err != nil {
				return v, err
			}
			read.groups, read.wanted = nil, 0
			return ondemand.Value{Data: read, Cost: int64(len(read.row))}, nil
		},
	})
	if err != nil {
		return jobs{}, fmt.Errorf("read jobs: %w", err)
	}
	read, _ := v.Data.(jobs)
	return read, nil
}

// groups reads the ids of the failing jobs of a workflow, and groups them. Groups
// are sorted by key.
func (h *Handler) groups(ctx context.Context, name string) ([]jobGroup, error) {
	var found map[[placesOfKey - 1]string][]string
	begin := func() { found = map[[placesOfKey - 1]string][]string{} }
	begin()
	err := h.o.Source.EachJob(ctx, name, begin, func(id string, key []byte) error {
		var k [placesOfKey - 1]string
		for i, value := range property.Elements(key) {
			switch {
			case i == 0:
				if workflow, ok := property.TextOf(value); !ok || workflow != name {
					return nil
				}
			case i == placeOfState && bytes.Equal(value, []byte(`""`)):
				k[i-1] = nothing
			case i < placesOfKey:
				k[i-1] = keyOf(value)
			}
		}
		found[k] = append(found[k], id)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read jobs: %w", err)
	}
	groups := make([]jobGroup, 0, len(found))
	for key, ids := range found {
		slices.Sort(ids)
		groups = append(groups, jobGroup{key, slices.Compact(ids)})
	}
	slices.SortFunc(groups, func(a, b jobGroup) int { return slices.Compare(a.key[:], b.key[:]) })
	return groups, nil
}

// keyOf returns an element of a job's key as text: a text unchanged, "null" for
// null or an object, other values as JSON.
func keyOf(value []byte) string {
	if text, ok := property.TextOf(value); ok {
		return text
	}
	if value[0] == '{' || bytes.Equal(value, []byte("null")) {
		return nothing
	}
	return property.Number(value)
}

// writeJobs writes the row: nested objects, each group with its count and its
// samples. Samples are read in batches; a deleted one is replaced by another of its
// group. now is called after each batch except the last.
func (c *call) writeJobs(ctx context.Context, groups []jobGroup, samples int, write func([]byte) error, now func() error) error {
	if len(groups) == 0 {
		return write([]byte("{}"))
	}
	text := append(property.AppendText([]byte{'{'}, c.name), ":{"...)
	for from := 0; from < len(groups); {
		to, wanted := from, 0
		for to < len(groups) && (to == from || wanted+min(len(groups[to].ids), samples) <= batchReports) {
			wanted += min(len(groups[to].ids), samples)
			to++
		}
		some := groups[from:to]
		docs, gone, err := c.h.samples(ctx, some, samples)
		if err != nil {
			return err
		}
		for i := range some {
			var last *jobGroup
			if from+i > 0 {
				last = &groups[from+i-1]
			}
			text = appendGroup(text, last, &some[i], len(some[i].ids)-gone[i], docs[i])
			if len(text) >= pieceBytes {
				if err := write(text); err != nil {
					return err
				}
				text = text[:0]
			}
		}
		if from = to; from < len(groups) {
			if err := now(); err != nil {
				return err
			}
		}
	}
	return write(append(text, "}}}}}"...))
}

// appendGroup appends a group. It first closes the objects of the previous group
// that the new one does not share.
func appendGroup(dst []byte, last, g *jobGroup, count int, docs [][]byte) []byte {
	same := 0
	if last != nil {
		for same < len(g.key)-1 && last.key[same] == g.key[same] {
			same++
		}
		dst = append(dst, bytes.Repeat([]byte{'}'}, len(g.key)-1-same)...)
		dst = append(dst, ',')
	}
	for i := same; i < len(g.key); i++ {
		dst = append(property.AppendText(dst, g.key[i]), ':')
		if i < len(g.key)-1 {
			dst = append(dst, '{')
		}
	}
	dst = append(dst, `{"errorCount":`...)
	dst = strconv.AppendInt(dst, int64(count), 10)
	dst = append(dst, `,"samples":[`...)
	for i, doc := range docs {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = property.ASCII(dst, doc)
	}
	return append(dst, "]}"...)
}

// samples reads up to n documents of each group. gone counts the jobs of each
// group that have been deleted since the view was read.
func (h *Handler) samples(ctx context.Context, groups []jobGroup, n int) (docs [][][]byte, gone []int, err error) {
	docs, gone = make([][][]byte, len(groups)), make([]int, len(groups))
	next := make([]int, len(groups)) // of ids
	for {
		var ids []string
		var of []int
		for i := range groups {
			for missing := n - len(docs[i]); missing > 0 && next[i] < len(groups[i].ids); missing-- {
				ids, of = append(ids, groups[i].ids[next[i]]), append(of, i)
				next[i]++
			}
		}
		if len(ids) == 0 {
			return docs, gone, nil
		}
		found, err := h.documents(ctx, ids, bytes.Clone)
		if err != nil {
			return nil, nil, err
		}
		for k, doc := range found {
			if i := of[k]; doc == nil {
				gone[i]++
			} else {
				docs[i] = append(docs[i], doc)
			}
		}
	}
}
