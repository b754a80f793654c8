package raw

import (
	"strings"

	"github.com/dmwm/wmstats/schema"
)

// siteName maps the several ways to write "no site" to one name. Pseudo sites
// such as Agent and NoPossibleSite, and the processing and storage names of one
// place (T2_CH_CERN, T2_CH_CERN_HLT, _Disk), stay as they are.
func siteName(site string) string {
	switch site {
	case "", "unknown", "NA", "null", "{}", schema.None:
		return schema.Unknown
	}
	return site
}

// agentName strips the port from the url of an agent: old documents have
// vocms234.cern.ch:9999.
func agentName(url string) string {
	i := strings.LastIndexByte(url, ':')
	if i < 0 || i == len(url)-1 {
		return url
	}
	for _, c := range []byte(url[i+1:]) {
		if c < '0' || c > '9' {
			return url
		}
	}
	return url[:i]
}

// splitTask returns the last part of a task path, the path before it, and the
// depth, which is 1 for /workflow/Task. A path of another form keeps its text.
func splitTask(path string) (name, parent string, depth int64) {
	depth = int64(strings.Count(strings.TrimPrefix(path, "/"), "/"))
	i := strings.LastIndexByte(path, '/')
	if i < 0 {
		return path, "", max(depth, 1)
	}
	name = path[i+1:]
	if depth > 1 {
		parent = path[:i]
	}
	return name, parent, max(depth, 1)
}
