package raw

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/dmwm/wmstats/schema"
)

// reqMgrExtra holds the fields of a request that only the detail of a workflow
// has.
type reqMgrExtra struct {
	parentage        []schema.ChainParentage // as written, without Workflow and Resolved
	resolved         bool
	outputs          []string
	unmerged, merged string
}

func (x *reqMgrExtra) readKey(d *decoder, key []byte) bool {
	switch string(key) {
	case "ChainParentageMap":
		x.readParentage(d)
	case "ParentageResolved":
		x.resolved = d.truth("ParentageResolved", false)
	case "OutputModulesLFNBases":
		x.outputs = d.texts("OutputModulesLFNBases")
	case "UnmergedLFNBase":
		x.unmerged = d.text("UnmergedLFNBase")
	case "MergedLFNBase":
		x.merged = d.text("MergedLFNBase")
	default:
		return false
	}
	return true
}

func (x *reqMgrExtra) readParentage(d *decoder) {
	x.parentage = nil
	d.each("ChainParentageMap", func(step string) {
		number := strings.TrimPrefix(strings.TrimPrefix(step, "Step"), "Task")
		index, err := strconv.ParseUint(number, 10, 16)
		if err != nil {
			d.flaw(step, []byte(step), "a step such as Step1 as the key")
			d.scan.Skip()
			return
		}
		p := schema.ChainParentage{Index: int64(index), ChildDatasets: []string{}}
		d.object(step, func(key []byte) bool {
			switch string(key) {
			case "ParentDset":
				p.ParentDataset = d.text("ParentDset")
			case "ChildDsets":
				p.ChildDatasets = asDistinct(d.texts("ChildDsets"), dataset)
			default:
				return false
			}
			return true
		})
		x.parentage = append(x.parentage, p)
	})
}

// parentage returns the records of a document that was decoded as a whole.
func (r *ReqMgrDoc) parentage() []schema.ChainParentage {
	out := append([]schema.ChainParentage{}, r.extra.parentage...)
	slices.SortStableFunc(out, func(a, b schema.ChainParentage) int { return cmp.Compare(a.Index, b.Index) })
	for i := range out {
		out[i].Workflow, out[i].Resolved = r.Name, r.extra.resolved
	}
	return out
}

// lfnBases returns the records of a document that was decoded as a whole.
func (r *ReqMgrDoc) lfnBases() []schema.LFNBase {
	out := []schema.LFNBase{}
	add := func(use string, bases ...string) {
		for _, base := range distinct(bases, nil) {
			out = append(out, schema.LFNBase{Workflow: r.Name, Use: use, Base: base})
		}
	}
	add(schema.UseMerged, r.extra.merged)
	outputs := slices.Clone(r.extra.outputs)
	slices.Sort(outputs)
	add(schema.UseOutput, outputs...)
	add(schema.UseUnmerged, r.extra.unmerged)
	return out
}
