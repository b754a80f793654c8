package gen

import (
	"fmt"
	"strconv"
	"strings"
)

// stepForm is a common step of a simulation chain.
type stepForm struct{ name, module, tier string }

func chainForms() []stepForm {
	return []stepForm{
		{"GEN", "LHE", "LHE"},
		{"GENSIM", "RAWSIM", "GEN-SIM"},
		{"DIGI", "PREMIXRAW", "GEN-SIM-RAW"},
		{"HLT", "RAWSIM", "GEN-SIM-RAW"},
		{"RECO", "AODSIM", "AODSIM"},
		{"MINIAOD", "MINIAODSIM", "MINIAODSIM"},
		{"NANOAOD", "NANOEDMAODSIM", "NANOAODSIM"},
		{"DQM", "DQM", "DQMIO"},
		{"ALCA", "ALCARECO", "ALCARECO"},
		{"REMINI", "MINIAODSIM", "MINIAODSIM"},
	}
}

func dataForms() []stepForm {
	return []stepForm{
		{"", "MINIAOD", "MINIAOD"}, {"", "AOD", "AOD"}, {"", "DQM", "DQMIO"}, {"", "NANOEDMAOD", "NANOAOD"},
		{"", "ALCARECOHcalCalIterativePhiSym", "ALCARECO"}, {"", "ALCARECOEcalUncalZElectron", "ALCARECO"}, {"", "RECO", "RECO"},
	}
}

// sketchSteps draws the steps of a request that is not a recovery.
func (w *World) sketchSteps(d *dice, sk *Sketch, c campaign) {
	switch sk.Kind {
	case TaskChain, StepChain:
		w.sketchChain(d, sk, c)
	default:
		w.sketchSingle(d, sk)
	}
	last := &sk.Steps[len(sk.Steps)-1]
	if sk.edge.name == "names with special characters" && len(last.Outputs) > 0 { // a harvest has no outputs
		last.Outputs[0].Dataset = "/Exotic#50%\"+tt'\u202e<b>é/" + sk.Campaign + `-v1/MINIAODSIM`
	}
}

func (w *World) sketchSingle(d *dice, sk *Sketch) {
	primary := one(d, primaryData())
	s := Step{Name: "DataProcessing", Release: sk.Release, GlobalTag: globalTag(d, sk.Release), ScramArch: one(d, scramArchs()), Keep: true}
	s.InputDataset = "/" + primary + "/" + sk.Campaign + "-v1/RAW"
	label := one(d, []string{"22Sep2023", "PromptNanoAODv12", "27Jun2023", "19Dec2023", "MINIv6NANOv15"})
	outputs := d.between(2, 6)
	switch sk.Kind {
	case DQMHarvest:
		s.Name, outputs = "EndOfRunDQMHarvest", 0
		s.InputDataset = "/" + primary + "/" + sk.Campaign + "-" + label + "-v1/DQMIO"
	case StoreResults:
		s.Name, outputs = "StoreResults", 1
		s.InputDataset = "/" + primary + "/" + one(d, []string{"jdoe-skim", "asmith-ntuple"}) + "-00000000000000000000000000000000/USER"
	}
	if w.opts.Lean {
		outputs = min(outputs, 1)
	}
	for _, f := range dataForms()[:outputs] {
		era := sk.Campaign
		if strings.HasPrefix(f.module, "ALCARECO") {
			era += "-" + strings.TrimPrefix(f.module, "ALCARECO")
		}
		s.Outputs = append(s.Outputs, Output{f.module + "output", fmt.Sprintf("/%s/%s-%s-v%d/%s", primary, era, label, 1+d.n(3), f.tier)})
	}
	sk.Steps = []Step{s}
}

func (w *World) sketchChain(d *dice, sk *Sketch, c campaign) {
	n := d.logNormal(3, 0.55, 10)
	if w.opts.Lean {
		n = min(n, 2)
	}
	forms := chainForms()
	first := d.n(len(forms) - n + 1)
	if n < 5 {
		first = d.n(min(5, len(forms)-n+1))
	}
	primary := primaryName(d)
	tag, arch := globalTag(d, sk.Release), one(d, scramArchs())
	version := 1 + d.n(4)
	sk.Steps = make([]Step, 0, n)
	for k, f := range forms[first : first+n] {
		s := Step{Name: f.name, Release: sk.Release, Campaign: sk.Campaign, GlobalTag: tag, ScramArch: arch}
		s.PrepID = strings.TrimPrefix(sk.PrepID, "task_")
		if k > 0 {
			s.Input = sk.Steps[k-1].Name
			if d.chance(250) {
				s.Release = w.releases[w.releaseWeights.draw(d)]
				s.Campaign = w.campaigns[w.campaignWeights.draw(d)].name
			}
		} else if first > 1 {
			s.InputDataset = "/" + primary + "/" + sk.Campaign + "-" + tag + "-v1/" + forms[first-1].tier
			if c.data {
				s.InputDataset = "/" + one(d, primaryData()) + "/" + sk.Campaign + "-v1/RAW"
			}
		}
		if f.name == "DIGI" || f.name == "HLT" && d.chance(200) {
			s.Pileup = "/Neutrino_E-10_gun/Run3Summer21PrePremix-" + strings.TrimPrefix(tag, "1") + "-v2/PREMIX"
		}
		s.Keep = k == n-1 || d.chance(720)
		if s.Keep {
			dataset := "/" + primary + "/" + s.Campaign + "-" + tag + "-v" + strconv.Itoa(version) + "/"
			s.Outputs = []Output{{f.module + "output", dataset + f.tier}}
			if f.name != "GEN" && f.module != "DQM" && !w.opts.Lean && d.chance(350) {
				s.Outputs = append(s.Outputs, Output{"DQMoutput", dataset + "DQMIO"})
			}
		}
		sk.Steps = append(sk.Steps, s)
	}
}

// OutputDatasets lists the datasets that the workflow should write, in the
// order of its steps.
func (sk *Sketch) OutputDatasets() []string {
	out := make([]string, 0, len(sk.Steps)+2)
	for _, s := range sk.Steps {
		for _, o := range s.Outputs {
			out = append(out, o.Dataset)
		}
	}
	return out
}

func primaryName(d *dice) string {
	process := one(d, []string{
		"TTto2L2Nu", "TTtoLNu2Q", "DYto2L-4Jets_MLL-50", "WtoLNu-4Jets", "QCD_PT-15to7000", "GluGluHto2B", "VBFHToTauTau",
		"ZZto4L", "WWto2L2Nu", "TbarWplusto2L2Nu", "SingleNeutrino", "BsToMuMu", "StopToTopNeutralino", "ZprimeToMuMu",
		"LongLivedXto2Mu", "RadionToHHTo4B", "VLQTprime", "GJet_PT-40to100", "JpsiToMuMu", "HeavyNeutralLepton",
	})
	mass := strconv.Itoa(50 * d.between(1, 60))
	return process + "_M-" + mass + "_TuneCP5_13p6TeV_" + one(d, []string{"pythia8", "madgraphMLM-pythia8", "powheg-pythia8", "amcatnloFXFX-pythia8"})
}

func globalTag(d *dice, release string) string {
	major, rest, _ := strings.Cut(strings.TrimPrefix(release, "CMSSW_"), "_")
	minor, _, _ := strings.Cut(rest, "_")
	run := strconv.Itoa(2 + d.n(3))
	return major + minor + "X_mcRun" + run + "_realistic_v" + strconv.Itoa(1+d.n(20))
}

func scramArchs() []string {
	return []string{"el8_amd64_gcc12", "el8_amd64_gcc10", "el8_amd64_gcc11", "slc7_amd64_gcc700", "el9_amd64_gcc12"}
}
