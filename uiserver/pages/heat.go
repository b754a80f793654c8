package pages

import (
	"cmp"
	"slices"
	"strings"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/web"
)

// Largest size of a heat map on a page.
const (
	mapColumns = 12
	mapRows    = 30
)

// failedJobs are the failed jobs of one exit code at one site.
type failedJobs struct {
	code int64
	site string
	jobs int64
	href string
}

// codeMap returns the heat map of failed jobs by site and exit code, with the given
// columns and rows. A cell is shaded by its share of all these jobs.
func codeMap(codes []int64, codeHref func(int64) string, sites []string, siteHref func(string) string, cells []failedJobs) web.Heat {
	heat := web.Heat{Title: "failed jobs by site and exit code", Row: "site"}
	columns, rows := map[int64]int{}, map[string]int{}
	for i, code := range codes {
		columns[code] = i
		info, _ := schema.ExitCodeOf(code)
		heat.Columns = append(heat.Columns, web.HeatHead{Name: web.ExitCode(code), Title: info.Meaning, Href: codeHref(code)})
	}
	for i, site := range sites {
		rows[site] = i
		heat.Rows = append(heat.Rows, web.HeatHead{Name: site, Href: siteHref(site)})
		heat.Cells = append(heat.Cells, make([]web.HeatCell, len(codes)))
	}
	var all int64
	for _, cell := range cells {
		all += cell.jobs
	}
	for _, cell := range cells {
		column, known := columns[cell.code]
		row, there := rows[cell.site]
		if known && there {
			heat.Cells[row][column] = web.HeatCell{Count: cell.jobs, Rate: 100 * float64(cell.jobs) / float64(max(all, 1)), Href: cell.href}
		}
	}
	return heat
}

// siteCounts are the jobs of one site.
type siteCounts struct {
	site string
	schema.Counters
}

// siteMap returns the heat map of jobs by site and state, for up to most sites with
// the most failures and all states with jobs there. Only failures are shaded. list returns the address of the
// workflows with jobs in a state at a site; nil for none.
func siteMap(sites []siteCounts, most int, list func(site, field string) string) web.Heat {
	slices.SortStableFunc(sites, func(a, b siteCounts) int {
		return cmp.Or(cmp.Compare(b.Failure, a.Failure), strings.Compare(a.site, b.site))
	})
	sites = sites[:min(len(sites), most)]
	heat := web.Heat{Title: "jobs by site and state", Row: "site"}
	var used []int
	for i, part := range slices.Backward(web.JobParts(schema.Counters{})) { // problems first
		if slices.ContainsFunc(sites, func(s siteCounts) bool { return web.JobParts(s.Counters)[i].Count > 0 }) {
			used = append(used, i)
			heat.Columns = append(heat.Columns, web.HeatHead{Name: part.Label})
		}
	}
	if len(used) == 0 {
		return web.Heat{Title: heat.Title, Row: heat.Row}
	}
	for _, s := range sites {
		heat.Rows = append(heat.Rows, web.HeatHead{Name: s.site, Href: web.SitePath(s.site)})
		parts := web.JobParts(s.Counters)
		cells := make([]web.HeatCell, len(used))
		for at, i := range used {
			cells[at].Count = parts[i].Count
			if parts[i].Key == "Failure" {
				cells[at].Rate = s.FailureRate
			}
			if list != nil {
				cells[at].Href = list(s.site, parts[i].Key)
			}
		}
		heat.Cells = append(heat.Cells, cells)
	}
	return heat
}
