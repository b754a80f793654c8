package gen

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/dmwm/wmstats/mock/design"
	"github.com/dmwm/wmstats/mock/jsonout"
)

// requestDoc writes the request document of a workflow.
func (w *World) requestDoc(sk *Sketch, st *State) Doc {
	j := &jsonout.Buf{B: make([]byte, 0, 8<<10)}
	d := w.dice(forRequest, sk.Index)
	j.Open('{')
	j.Str("_id", sk.Name)
	j.Str("RequestName", sk.Name)
	w.requestHead(j, &d, sk, st)
	requestHistory(j, st)
	w.requestData(j, &d, sk)
	if st.Passed(Assigned) {
		w.requestAssignment(j, &d, sk, st)
	}
	if st.Passed(Acquired) {
		j.Int("TotalEstimatedJobs", int64(sk.Jobs))
		j.Int("TotalInputEvents", int64(sk.Jobs*sk.EventsPerJob))
		j.Int("TotalInputLumis", int64(sk.Jobs*sk.LumisPerJob))
		j.Int("TotalInputFiles", int64(sk.Files))
	}
	requestBulk(j, &d, sk)
	j.Close('}')
	return Doc{design.RequestDB, sk.Name, bytes.Clone(j.B)}
}

func (w *World) requestHead(j *jsonout.Buf, d *dice, sk *Sketch, st *State) {
	j.Str("RequestType", sk.Kind.String())
	j.Str("SubRequestType", sk.SubType)
	j.Str("RequestStatus", st.Status().String())
	j.Int("RequestPriority", int64(st.Priorities[len(st.Priorities)-1].Priority))
	j.Int("InitialPriority", int64(st.Priorities[0].Priority))
	j.Str("Campaign", sk.Campaign)
	j.Str("CMSSWVersion", sk.Release)
	j.Strings("ScramArch", []string{sk.Steps[0].ScramArch})
	j.Str("GlobalTag", sk.Steps[0].GlobalTag)
	j.Str("Requestor", sk.Requestor)
	j.Str("RequestorDN", "/DC=ch/DC=cern/OU=computers/CN="+sk.Requestor)
	j.Str("Group", sk.Group)
	if d.chance(30) {
		j.Null("PrepID")
	} else {
		j.Str("PrepID", sk.PrepID)
	}
	j.Str("RequestString", sk.RequestString)
	t := time.Unix(st.Created(), 0).UTC()
	j.List("RequestDate")
	for _, v := range []int{t.Year(), int(t.Month()), t.Day(), t.Hour(), t.Minute(), t.Second()} {
		j.Number(int64(v))
	}
	j.Close(']')
	j.Int("Multicore", int64(sk.Multicore))
	j.Int("Memory", int64(sk.Memory))
	j.Tenths("TimePerEvent", int64(d.between(5, 900)))
	j.Tenths("SizePerEvent", int64(d.between(500, 20000)))
	if sk.Kind == Resubmission {
		j.Str("OriginalRequestName", sk.Original)
		j.Str("InitialTaskPath", sk.InitialTask)
		j.Str("ACDCServer", "https://cmsweb.cern.ch/couchdb")
		j.Str("ACDCDatabase", "acdcserver")
		j.Str("CollectionName", sk.Original)
	}
}

func requestHistory(j *jsonout.Buf, st *State) {
	j.List("RequestTransition")
	for _, t := range st.Transitions {
		j.Open('{')
		j.Str("Status", t.Status.String())
		j.Int("UpdateTime", t.Time)
		j.Str("DN", "/DC=ch/DC=cern/OU=computers/CN=wmcore-svc")
		j.Close('}')
	}
	j.Close(']')
	j.List("PriorityTransition")
	for _, p := range st.Priorities {
		j.Open('{')
		j.Int("Priority", int64(p.Priority))
		j.Int("UpdateTime", p.Time)
		j.Str("DN", "")
		j.Close('}')
	}
	j.Close(']')
}

// requestData writes datasets and steps.
func (w *World) requestData(j *jsonout.Buf, d *dice, sk *Sketch) {
	first := sk.Steps[0]
	chain := ""
	if len(sk.Steps) > 1 || first.Name != "DataProcessing" && first.Name != "EndOfRunDQMHarvest" && first.Name != "StoreResults" {
		chain = "Step"
		if sk.Tasked {
			chain = "Task"
		}
	}
	j.Strings("OutputDatasets", sk.OutputDatasets())
	if first.InputDataset == "" {
		j.Int("RequestNumEvents", int64(sk.Jobs*sk.EventsPerJob))
	}
	if chain == "" {
		j.Str("InputDataset", first.InputDataset)
		j.Str("AcquisitionEra", sk.Campaign)
		j.Str("ProcessingString", "22Sep2023")
		j.Int("ProcessingVersion", 1)
		return
	}
	j.Int(chain+"Chain", int64(len(sk.Steps)))
	for k := range sk.Steps {
		requestStep(j, d, sk, chain, k)
	}
	for _, field := range []string{"AcquisitionEra", "ProcessingString"} {
		j.Object(field)
		for _, s := range sk.Steps {
			v := s.Campaign
			if field == "ProcessingString" {
				v = s.GlobalTag
			}
			j.Str(s.Name, v)
		}
		j.Close('}')
	}
	j.Int("ProcessingVersion", int64(d.between(1, 4)))
	parentage(j, sk, chain)
}

func requestStep(j *jsonout.Buf, d *dice, sk *Sketch, chain string, k int) {
	s := sk.Steps[k]
	j.Object(chain + strconv.Itoa(k+1))
	j.Str(chain+"Name", s.Name)
	if s.Input != "" {
		j.Str("Input"+chain, s.Input)
		j.Str("InputFromOutputModule", "RAWSIMoutput")
	} else if s.InputDataset == "" {
		j.Int("RequestNumEvents", int64(sk.Jobs*sk.EventsPerJob))
		j.Str("Seeding", "AutomaticSeeding")
	} else {
		j.Str("InputDataset", s.InputDataset)
	}
	j.Str("PrepID", s.PrepID)
	j.Str("CMSSWVersion", s.Release)
	j.Strings("ScramArch", []string{s.ScramArch})
	j.Str("Campaign", s.Campaign)
	j.Str("AcquisitionEra", s.Campaign)
	j.Str("GlobalTag", s.GlobalTag)
	j.Str("ConfigCacheID", fmt.Sprintf("%016x%016x", d.src.Uint64(), d.src.Uint64()))
	j.Str("SplittingAlgo", "EventAwareLumiBased")
	if s.Pileup != "" {
		j.Str("MCPileup", s.Pileup)
	} else if k%3 == 0 {
		j.Null("MCPileup")
	}
	if sk.Tasked {
		j.Int("Memory", int64(sk.Memory))
		j.Int("Multicore", int64(sk.Multicore))
	}
	j.Bool("KeepOutput", s.Keep)
	j.Close('}')
}

func parentage(j *jsonout.Buf, sk *Sketch, chain string) {
	j.Object("ChainParentageMap")
	parent := sk.Steps[0].InputDataset
	for k, s := range sk.Steps {
		j.Object(chain + strconv.Itoa(k+1))
		if parent == "" {
			j.Null("ParentDset")
		} else {
			j.Str("ParentDset", parent)
		}
		j.List("ChildDsets")
		for _, o := range s.Outputs {
			j.Value(o.Dataset)
		}
		if len(s.Outputs) > 0 {
			parent = s.Outputs[0].Dataset
		}
		j.Close(']')
		j.Close('}')
	}
	j.Close('}')
	j.Bool("ParentageResolved", false)
}

// requestAssignment writes what operators add when they assign a request.
func (w *World) requestAssignment(j *jsonout.Buf, d *dice, sk *Sketch, st *State) {
	team := sk.Team
	if !st.Passed(RunningOpen) && d.chance(20) {
		team = one(d, []string{"testbed-vocms0192", "testbed-vocms0263", "hepcloud"})
	}
	j.Str("Team", team)
	allowed := make([]bool, len(w.sites))
	for _, s := range sk.Sites {
		allowed[s] = true
	}
	for s := range allowed {
		allowed[s] = allowed[s] || !w.opts.Lean && sk.actor == nil && s > 0 && s < 61 && d.chance(150)
	}
	j.List("SiteWhitelist")
	for s, ok := range allowed {
		if ok {
			j.Value(w.sites[s].name)
		}
	}
	j.Close(']')
	j.List("SiteBlacklist")
	if d.chance(60) {
		j.Value(w.sites[d.between(61, w.cast.sites-1)].name)
	}
	j.Close(']')
	j.Str("UnmergedLFNBase", "/store/unmerged")
	base := "/store/mc"
	if sk.data {
		base = "/store/data"
	}
	j.Str("MergedLFNBase", base)
	j.List("OutputModulesLFNBases")
	for _, ds := range sk.OutputDatasets() {
		p := strings.Split(ds, "/")
		j.Value("/store/unmerged/" + sk.Campaign + "/" + p[1] + "/" + p[len(p)-1] + "/" + sk.Steps[0].GlobalTag)
	}
	j.Close(']')
}

// requestBulk writes fields that no reader uses but that every real document
// has.
func requestBulk(j *jsonout.Buf, d *dice, sk *Sketch) {
	j.B = append(j.B, `,"AllowOpportunistic":false,"BlockCloseMaxEvents":250000000,"BlockCloseMaxFiles":500,"BlockCloseMaxSize":5000000000000,"BlockCloseMaxWaitTime":72000,"ConfigCacheID":null,"ConfigCacheUrl":"https://cmsweb.cern.ch/couchdb","CouchDBName":"reqmgr_config_cache","CouchURL":"https://cmsweb.cern.ch/couchdb","CouchWorkloadDBName":"reqmgr_workload_cache","CustodialSites":[],"DQMConfigCacheID":null,"DQMHarvestUnit":"byRun","DQMSequences":[],"DQMUploadProxy":null,"DQMUploadUrl":"https://cmsweb.cern.ch/dqm/dev","Dashboard":"production","DashboardHost":"cms-jobmon.cern.ch","DashboardPort":8884,"DbsUrl":"https://cmsweb-prod.cern.ch/dbs/prod/global/DBSReader","DeleteFromSource":false,"EnableHarvesting":false,"EnableNewStageout":false,"EventStreams":null,"FirstEvent":1,"FirstLumi":1,"GlobalTagConnect":null,"GracePeriod":1000,"HardTimeout":130600,"IncludeParents":false,"LumiList":{},"MaxMergeEvents":200000,"MaxMergeSize":4294967296,"MaxWaitTime":86400,"MinMergeSize":2147483648,"NonCustodialSites":[],"OpenRunningTimeout":0,"Override":{"eos-lfn-prefix":"root://eoscms.cern.ch//eos/cms/store/logs/prod/recent/PRODUCTION"},"OverrideCatalog":null,"PeriodicHarvestInterval":0,"PrimaryDataset":null,"RobustMerge":true,"RunNumber":0,"SoftTimeout":129600,"SubscriptionPriority":"Low","TrustPUSitelists":true,"TrustSitelists":false,"ValidStatus":"PRODUCTION","VoGroup":"unknown","VoRole":"unknown"`...)
	j.Str("RequestWorkflow", "https://cmsweb.cern.ch/couchdb/reqmgr_workload_cache/"+sk.Name+"/spec")
	j.Str("Comments", one(d, []string{"", "", "Submitted through McM", "Extension of an earlier request"}))
	if sk.data && d.chance(400) {
		j.List("RunWhitelist")
		for range d.logNormal(12, 1.2, 2000) {
			j.Number(int64(d.between(355000, 392000)))
		}
		j.Close(']')
	}
}
