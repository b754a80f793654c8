package gen

import (
	"encoding/json"
	"fmt"
	"slices"
)

// requestEdges change request documents.
func requestEdges() []edge {
	return append(requestTypeEdges(), requestValueEdges()...)
}

func requestTypeEdges() []edge {
	return []edge{
		{name: "fields missing", row: "field missing", request: func(m fields) {
			for _, k := range []string{"Team", "SiteWhitelist", "SiteBlacklist", "TotalEstimatedJobs", "TotalInputEvents", "TotalInputLumis", "TotalInputFiles", "Campaign", "PrepID", "RequestPriority", "OutputDatasets", "Multicore"} {
				delete(m, k)
			}
		}},
		{name: "fields null", row: "null", request: func(m fields) {
			for _, k := range []string{"PrepID", "MCPileup", "DataPileup", "TotalInputEvents", "TotalInputLumis", "Campaign", "ScramArch", "OutputDatasets"} {
				m[k] = nil
			}
		}},
		{name: "priority as text", row: "number as string", request: func(m fields) {
			m["RequestPriority"] = fmt.Sprint(m["RequestPriority"])
			m["InitialPriority"] = "high"
			m["Memory"] = "2300.0"
		}},
		{name: "text for list", row: "string for list / list for string", request: func(m fields) {
			m["ScramArch"] = "slc6_amd64_gcc472"
			m["OutputDatasets"] = "/Single/Output-v1/AOD"
			m["SiteWhitelist"] = `["T1_US_FNAL","T2_CH_CERN"]`
		}},
		{name: "list for text", row: "string for list / list for string", request: func(m fields) {
			delete(m, "Team")
			m["Teams"] = []string{"testbed-dev"}
			m["RequestNumEvents"] = []int{50000, 60000}
			m["CMSSWVersion"] = []string{"CMSSW_5_3_19"}
			m["InputDataset"] = []string{"/A/B-v1/RAW", "/C/D-v1/RAW"}
		}},
		{name: "object for text", row: "object for string", request: func(m fields) {
			m["AcquisitionEra"] = fields{"RECO": "EraTwo", "GEN": "EraOne"}
			m["ProcessingString"] = fields{"RECO": "StringTwo", "GEN": "StringOne"}
			m["Comments"] = fields{"CheckList": []string{hostile()}, "WorkFlowDesc": []string{"object where text was"}}
		}},
		{name: "float for integer", row: "float for int", request: func(m fields) {
			m["TotalEstimatedJobs"] = json.Number("500.0")
			m["TotalInputEvents"] = json.Number("5.0e5")
			m["RequestPriority"] = json.Number("90000.7")
		}},
	}
}

func requestValueEdges() []edge {
	return []edge{
		{name: "unknown status and type", row: "unknown status / type", request: func(m fields) {
			m["RequestStatus"], m["RequestType"] = "testing-approved", "MonteCarloFromGEN"
		}},
		{name: "status differs from history", row: "RequestStatus differs from last transition", request: func(m fields) {
			m["RequestStatus"] = "closed-out"
		}},
		{name: "history empty", row: "transition list empty / out of order / repeated status", request: func(m fields) {
			m["RequestTransition"] = []any{}
		}},
		{name: "history out of order and repeated", row: "transition list empty / out of order / repeated status", request: func(m fields) {
			list := history(m)
			if len(list) == 0 {
				return
			}
			list = append(list, list[0])
			slices.Reverse(list)
			m["RequestTransition"] = append(list, list[0])
		}},
		{name: "times in the future", row: "clock skew: times in the future", needs: needsAgents, request: func(m fields) {
			list := history(m)
			if len(list) == 0 {
				return
			}
			if last, ok := list[len(list)-1].(fields); ok && last != nil {
				last["UpdateTime"] = addTo(last["UpdateTime"], 400*86400)
			}
		}, agent: func(m fields) { m["timestamp"] = addTo(m["timestamp"], 7200) }},
		{name: "totals zero", row: "total 0 or absent", needs: needsAgents, request: func(m fields) {
			m["TotalEstimatedJobs"], m["TotalInputEvents"], m["OutputDatasets"] = 0, 0, []any{}
			delete(m, "TotalInputLumis")
		}},
		{name: "progress over 100", row: "progress > 100 %", needs: needsAgents, request: func(m fields) {
			m["TotalInputEvents"], m["TotalInputLumis"], m["TotalEstimatedJobs"] = 2, 1, 1
		}},
		{name: "names with special characters", row: "names with `/`, `#`, `%`, quotes, non-ASCII", needs: needsAgents, request: func(m fields) {
			m["Campaign"] = `100% "quoted" #1/2 — ` + hostile()
			m["PrepID"] = hostile()
		}},
		{name: "names of 500 characters", row: "names with `/`, `#`, `%`, quotes, non-ASCII", request: func(m fields) {
			m["Campaign"] = long(500)
			m["InputDataset"] = "/" + long(500) + "/x-v1/RAW"
			m["PrepID"] = long(500)
		}},
		{name: "large document", row: "very large document (MBs)", request: func(m fields) { m["LumiList"] = lumiList(900, 120) }},
		{name: "recovery of a request that is gone", row: "view row with `error`", request: func(m fields) {
			m["RequestType"] = "Resubmission"
			m["OriginalRequestName"] = "pdmvserv_Run2016B_Nobody_160101_000000_1"
			m["InitialTaskPath"] = "/pdmvserv_Run2016B_Nobody_160101_000000_1/DataProcessing"
		}},
		{name: "broken request", row: "null", request: func(m fields) {
			for k := range m {
				if k != "_id" {
					delete(m, k)
				}
			}
			m["RequestStatus"] = []any{"assignment-approved"}
		}},
	}
}

// lumiList returns a mask of runs x ranges: about 12 bytes a range.
func lumiList(runs, ranges int) fields {
	out := fields{}
	for r := range runs {
		var list [][2]int
		for k := range ranges {
			list = append(list, [2]int{k*11 + 1, k*11 + 9})
		}
		out[fmt.Sprint(355000+r*7)] = list
	}
	return out
}

// addTo adds to a number of a decoded document; a value that is not a number
// counts as 0.
func addTo(v any, by int64) int64 {
	n, _ := v.(json.Number)
	i, _ := n.Int64()
	return i + by
}
