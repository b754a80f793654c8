package fakecache

import (
	"fmt"

	"github.com/dmwm/wmstats/schema/wire"
)

// about has a full read, more generations than anybody reads, and a source that
// once failed with a text that looks like markup.
func about(workflows int) wire.About {
	a := wire.About{
		Version: "test", Revision: "0123abc", Go: "go1.26", Started: Now - 86400,
		Memory: wire.AboutMemory{System: 431 << 20, Heap: 280 << 20, Live: 244 << 20, Records: 61203441, Kept: 3 << 20, Budget: 256 << 20, Parts: []wire.MemoryPart{
			{Part: "records", Bytes: 74 << 20, Count: 20_000}, {Part: "kept", Bytes: 3 << 20, Limit: 150 << 20, Count: 12}, {Part: "later", Bytes: 5},
		}},
		Source: []wire.SourceAnswers{
			{What: "requests _all_docs", Count: 12, Last: .21, Median: .2, Most: 1.4, Time: Now - 90},
			{What: "wmstats _changes", Count: 1440, Last: .0021, Median: .002, Most: .031, Time: Now - 12},
		},
		Errors: []wire.SourceError{{Database: "wmstats", Reason: Hostile()[0], First: Now - 7200, Last: Now - 7000, Count: 4}},
	}
	for i := range 50 {
		g := wire.AboutGeneration{
			Generation: fmt.Sprintf("a-%d", 1834-i), By: wire.MadeByChanges, Time: Now - 180 - 60*int64(i), Seconds: .0034,
			Records: int64(workflows), Changed: 37, Added: 2, Bytes: 61203441,
		}
		if i == 49 {
			g.Generation, g.By, g.Time, g.Seconds, g.Added, g.Changed = "a-1", wire.MadeByRead, Now-86000, 4.2, int64(workflows), 0
		}
		a.Generations = append(a.Generations, g)
	}
	return a
}
