package property

import "strings"

// noDataset is the name that some requests without a dataset have.
const noDataset = "None"

// EachDataset calls fn with the names of the datasets that the workflow reads or
// writes, possibly with duplicates. For deep see Value.EachText.
func (d *Document) EachDataset(deep bool, fn func(name string)) {
	for _, key := range []string{"InputDataset", "OutputDatasets", "MCPileup", "DataPileup"} {
		d.eachName(key, deep, fn)
	}
}

// EachLFNBase calls fn with the directories of the workflow's unmerged files,
// possibly with duplicates.
func (d *Document) EachLFNBase(deep bool, fn func(name string)) {
	d.eachName("OutputModulesLFNBases", deep, fn)
}

func (d *Document) eachName(key string, deep bool, fn func(name string)) {
	d.Value(key).EachText(deep, func(name string) {
		if name != "" && name != noDataset {
			fn(name)
		}
	})
}

// EachFinalLFN calls fn with the directories derived from the names of output
// datasets, possibly with duplicates: base/E/D/T/R for /D/E-R/T. Names of another
// form are skipped.
func (d *Document) EachFinalLFN(deep bool, fn func(name string)) {
	base, _ := d.Text("UnmergedLFNBase")
	if base == "" {
		base = "/store/unmerged"
	}
	outputs, ok := d.Top("OutputDatasets")
	if !ok {
		return
	}
	Value{one: outputs}.EachText(deep, func(name string) {
		parts := strings.Split(name, "/")
		if len(parts) != 4 || parts[0] != "" || parts[1] == "" || parts[3] == "" {
			return
		}
		era, rest, ok := strings.Cut(parts[2], "-")
		if ok && era != "" && rest != "" {
			fn(strings.Join([]string{base, era, parts[1], parts[3], rest}, "/"))
		}
	})
}
