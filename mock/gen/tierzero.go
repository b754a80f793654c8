package gen

import (
	"fmt"

	"github.com/dmwm/wmstats/mock/design"
	"github.com/dmwm/wmstats/mock/jsonout"
)

// tierZeroHost is the agent of Tier-0.
const tierZeroHost = "vocms0500.cern.ch"

// tierZeroLife are Tier-0's statuses, from the first to the archived one.
var tierZeroLife = []string{"new", "Closed", "AlcaSkim", "Merge", "Harvesting", "Processing Done", "completed", "normal-archived"}

// TierZero returns the documents of a Tier-0 with n requests, for its own
// databases: request documents with a Run, the reports of its agent on them,
// and the agent itself. Each status has the same share of the requests; each
// run has a Repack, an Express and a PromptReco.
func (w *World) TierZero(n int) []Doc {
	docs := []Doc{w.tierZeroAgent()}
	for i := range n {
		d := w.dice(forTierZero, i)
		kind := []string{"Repack", "Express", "PromptReco"}[i%3]
		run := int64(380000 + i/3)
		name := fmt.Sprintf("%s_Run%d_Stream%s", kind, run, one(&d, []string{"Physics", "Calibration", "Cosmics"}))
		status := i % len(tierZeroLife)
		docs = append(docs, w.tierZeroRequest(&d, name, kind, run, status), w.tierZeroWork(&d, name, kind, status))
	}
	return docs
}

func (w *World) tierZeroAgent() Doc {
	j := &jsonout.Buf{}
	j.Open('{')
	j.Str("_id", tierZeroHost)
	j.Str("type", "agent_info")
	j.Str("agent_url", tierZeroHost)
	j.Str("agent", "T0")
	j.Str("agent_team", "tier0production")
	j.Str("agent_version", "3.2.1")
	j.Int("timestamp", w.opts.Now-60)
	j.Str("status", "ok")
	j.Bool("drain_mode", false)
	j.Strings("down_components", nil)
	j.Close('}')
	return Doc{design.TierZeroWMStatsDB, tierZeroHost, j.B}
}

func (w *World) tierZeroRequest(d *dice, name, kind string, run int64, status int) Doc {
	at := w.opts.Now - int64(d.between(10_000, 400_000))
	j := &jsonout.Buf{}
	j.Open('{')
	j.Str("_id", name)
	j.Str("RequestName", name)
	j.Str("RequestType", kind)
	j.Str("RequestStatus", tierZeroLife[status])
	j.List("RequestTransition")
	for s := range status + 1 {
		j.Open('{')
		j.Str("Status", tierZeroLife[s])
		j.Int("UpdateTime", at+int64(s)*1200)
		j.Close('}')
	}
	j.Close(']')
	j.Int("Run", run)
	j.Str("Campaign", "Run2024")
	j.Str("CMSSWVersion", "CMSSW_14_0_7")
	j.Int("RequestPriority", 250_000)
	j.Close('}')
	return Doc{design.TierZeroRequestDB, name, j.B}
}

func (w *World) tierZeroWork(d *dice, name, kind string, status int) Doc {
	done, left := int64(d.between(0, 40)*status), int64(0)
	if tierZeroLife[status] != "new" && status < 5 {
		left = int64(d.between(1, 90))
	}
	paused := int64(0)
	if left > 0 && d.between(0, 3) == 0 {
		paused = int64(d.between(1, 12))
	}
	id := tierZeroHost + "-" + name
	j := &jsonout.Buf{}
	write := func(key string) {
		j.Object(key)
		j.NonZero("success", done)
		if left > 0 {
			j.Object("submitted")
			j.Int("first", left)
			j.Int("running", left)
			j.Close('}')
		}
		if paused > 0 {
			j.Object("paused")
			j.Int([]string{"create", "submit", "job"}[status%3], paused)
			j.Close('}')
		}
		j.Close('}')
	}
	j.Open('{')
	j.Str("_id", id)
	j.Str("_rev", Rev(id, 1))
	j.Str("type", "agent_request")
	j.Str("workflow", name)
	j.Str("agent_url", tierZeroHost)
	j.Str("agent", "T0")
	j.Str("agent_team", "tier0production")
	j.Str("agent_version", "3.2.1")
	j.Int("timestamp", w.opts.Now-90)
	j.Bool("skipped", false)
	write("status")
	j.Object("sites")
	write("T0_CH_CERN")
	j.Close('}')
	j.Object("tasks")
	j.Object("/" + name + "/" + kind)
	j.Str("jobtype", kind)
	write("status")
	j.Object("sites")
	write("T0_CH_CERN")
	j.Close('}')
	j.Close('}')
	j.Close('}')
	j.Close('}')
	return Doc{design.TierZeroWMStatsDB, id, j.B}
}
