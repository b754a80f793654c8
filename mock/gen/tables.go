package gen

import (
	"fmt"
	"strings"
)

// site is one computing site and its share of jobs.
type site struct {
	name    string
	storage string // name in job reports, when it differs from the processing name
	weight  int
	slots   int
}

func siteNames() []string {
	return []string{
		"T0_CH_CERN", "T1_DE_KIT", "T1_ES_PIC", "T1_FR_CCIN2P3", "T1_IT_CNAF", "T1_RU_JINR", "T1_UK_RAL", "T1_US_FNAL",
		"T2_AT_Vienna", "T2_BE_IIHE", "T2_BE_UCL", "T2_BR_SPRACE", "T2_BR_UERJ", "T2_CH_CERN", "T2_CH_CERN_HLT", "T2_CH_CERN_P5",
		"T2_CH_CSCS", "T2_CN_Beijing", "T2_DE_DESY", "T2_DE_RWTH", "T2_EE_Estonia", "T2_ES_CIEMAT", "T2_ES_IFCA",
		"T2_FI_HIP", "T2_FR_GRIF", "T2_FR_GRIF_IRFU", "T2_FR_GRIF_LLR", "T2_FR_IPHC", "T2_GR_Ioannina", "T2_HU_Budapest",
		"T2_IN_TIFR", "T2_IT_Bari", "T2_IT_Legnaro", "T2_IT_Pisa", "T2_IT_Rome", "T2_KR_KISTI", "T2_LV_HPCNET",
		"T2_PK_NCP", "T2_PL_Cyfronet", "T2_PL_Swierk", "T2_PL_Warsaw", "T2_PT_NCG_Lisbon", "T2_RU_IHEP", "T2_RU_INR",
		"T2_RU_ITEP", "T2_RU_JINR", "T2_TR_METU", "T2_TW_NCHC", "T2_UA_KIPT", "T2_UK_London_Brunel", "T2_UK_London_IC",
		"T2_UK_SGrid_Bristol", "T2_UK_SGrid_RALPP", "T2_US_Caltech", "T2_US_Florida", "T2_US_MIT", "T2_US_Nebraska",
		"T2_US_Purdue", "T2_US_UCSD", "T2_US_Vanderbilt", "T2_US_Wisconsin", "T3_BY_NCPHEP", "T3_CH_CERN_HelixNebula",
		"T3_CH_PSI", "T3_FR_IPNL", "T3_IT_Trieste", "T3_KR_KNU", "T3_TW_NTU_HEP", "T3_UK_London_QMUL", "T3_UK_SGrid_Oxford",
		"T3_UK_ScotGrid_GLA", "T3_US_Anvil", "T3_US_Baylor", "T3_US_Colorado", "T3_US_NERSC", "T3_US_NotreDame",
		"T3_US_OSG", "T3_US_PSC", "T3_US_Rutgers", "T3_US_SDSC", "T3_US_TACC", "T3_US_TAMU", "T3_US_UMD",
	}
}

// makeSites assigns each site a weight by tier: few T1 do much, many T3 little.
func (w *World) makeSites() []site {
	d := w.dice(forTables, 1)
	names := siteNames()
	sites := make([]site, len(names))
	for i, name := range names {
		base := map[byte]int{'0': 60, '1': 90, '2': 40, '3': 8}[name[1]]
		sites[i] = site{name: name, weight: d.logNormal(base, 0.6, 400)}
		sites[i].slots = sites[i].weight * d.between(60, 140)
		switch name {
		case "T1_US_FNAL":
			sites[i].weight = 300
		case "T2_CH_CERN":
			sites[i].weight = 250
		case "T2_CH_CERN_HLT", "T2_CH_CERN_P5":
			sites[i].storage = "T2_CH_CERN"
		}
	}
	return sites
}

// badSite is a site that fails for everybody.
type badSite struct {
	permille int  // of jobs that fail there; 0: not a bad site
	exit     exit // how most of them fail
}

// makeBadSites selects the sites that fail for everybody, how often and how.
// Two are of the second tier, so that many workflows run there; all get less
// work than before.
func (w *World) makeBadSites() []badSite {
	d := w.dice(forTables, 2)
	ways := siteExits()
	bad := make([]badSite, len(w.sites))
	for n := 0; n < 6; {
		s := d.n(len(w.sites))
		if bad[s].permille > 0 || n < 2 && (!strings.HasPrefix(w.sites[s].name, "T2_") || w.sites[s].weight < 30) {
			continue
		}
		way := ways[n%len(ways)]
		way.text = fmt.Sprintf(way.text, w.sites[s].name)
		bad[s] = badSite{d.between(250, 900), way}
		w.sites[s].weight = max(1, w.sites[s].weight/3)
		n++
	}
	return bad
}

// campaign is one production effort. Its release and data tiers apply to its
// workflows.
type campaign struct {
	name    string
	release int
	data    bool // detector data rather than simulation
}

func (w *World) makeCampaigns(n int) []campaign {
	d := w.dice(forTables, 3)
	eras := []string{
		"Run3Summer22", "Run3Summer22EE", "Run3Summer23", "Run3Summer23BPix", "RunIII2024Summer24", "RunIISummer20UL16",
		"RunIISummer20UL16APV", "RunIISummer20UL17", "RunIISummer20UL18", "Phase2Spring24", "Run3Winter24", "Run3Winter25",
		"HINPbPbSpring23", "RunIIAutumn18", "RunIIFall17", "PhaseIISpring22", "Run3Winter22", "RunIISummer19UL18",
		"HINppWinter24", "RunIISpring21UL18FS", "Run3Summer21", "Phase2Fall22", "RunIII2025Summer25", "Run3Winter23",
	}
	parts := []string{
		"GS", "wmLHEGS", "DRPremix", "MiniAODv4", "NanoAODv12", "Digi", "Reco", "pLHEGS", "DR", "SIM", "HLT", "MiniAODv6",
		"NanoAODv15", "FSPremix", "PrePremix", "RECO", "GSLLP", "BPixGS",
	}
	names := make([]string, 0, len(eras)*len(parts)+20)
	for _, era := range eras {
		for _, part := range parts {
			names = append(names, era+part)
		}
	}
	simulated := len(names)
	for _, year := range []string{"2022", "2023", "2024", "2025"} {
		for _, c := range []string{"B", "C", "D", "E", "F"} {
			names = append(names, "Run"+year+c)
		}
	}
	order := make([]int, len(names))
	for i := range order {
		j := d.n(i + 1)
		order[i] = order[j]
		order[j] = i
	}
	out := make([]campaign, 0, n)
	for _, k := range order[:min(n, len(order))] {
		out = append(out, campaign{names[k], w.releaseWeights.draw(&d), k >= simulated})
	}
	return out
}

// makeReleases returns CMSSW versions, most used first.
func (w *World) makeReleases(n int) []string {
	d := w.dice(forTables, 4)
	cycles := []string{"14_0", "13_0", "12_4", "10_6", "13_3", "14_1", "12_6", "15_0", "13_2", "11_2", "10_2", "9_3", "12_3", "8_0", "7_1"}
	seen := map[string]bool{}
	out := make([]string, 0, n)
	for len(out) < n {
		r := fmt.Sprintf("CMSSW_%s_%d", cycles[d.n(min(len(cycles), 3+len(out)))], d.n(30))
		switch d.n(8) {
		case 0, 1:
			r += fmt.Sprintf("_patch%d", 1+d.n(4))
		case 2:
			r += fmt.Sprintf("_pre%d", 1+d.n(6))
		}
		if !seen[r] {
			seen[r] = true
			out = append(out, r)
		}
	}
	return out
}

// host is one agent.
type host struct {
	name, team, version string
	running             int // total number of jobs running there
}

func (w *World) makeHosts() []host {
	d := w.dice(forTables, 5)
	names := []string{
		"vocms0250.cern.ch", "vocms0252.cern.ch", "vocms0253.cern.ch", "vocms0254.cern.ch", "vocms0255.cern.ch",
		"vocms0281.cern.ch", "vocms0282.cern.ch", "vocms0284.cern.ch", "cmsgwms-submit3.fnal.gov",
		"cmsgwms-submit4.fnal.gov", "cmsgwms-submit6.fnal.gov", "cmsgwms-submit7.fnal.gov", "vocms0267.cern.ch",
	}
	hosts := make([]host, len(names))
	for i, name := range names {
		hosts[i] = host{name, "production", one(&d, []string{"2.3.4.3", "2.4.0.2", "2.4.3", "2.4.3.1"}), d.between(5000, 35000)}
	}
	hosts[relvalHost].team = "relval"
	return hosts
}

// relvalHost is the position of the one agent of team relval.
const relvalHost = 12
