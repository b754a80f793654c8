package repeat

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"

	"github.com/dmwm/wmstats/mock/design"
)

// names answers the request that a full read is compared with: the ids of the
// documents of interest, as changes from the beginning that match a selector. It
// returns false for any other request for changes.
func (s *Source) names(w http.ResponseWriter, r *http.Request, db string) bool {
	query := r.URL.Query()
	if query.Get("filter") != "_selector" || query.Get("since") != "0" || query.Get("include_docs") == "true" || query.Get("feed") == "continuous" {
		return false
	}
	var asked struct {
		Selector struct {
			RequestStatus struct {
				In []string `json:"$in"`
			}
		} `json:"selector"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&asked); err != nil {
		fail(w, http.StatusBadRequest, "want a selector")
		return true
	}
	seq := s.feeds[db].seq()
	out := bufio.NewWriterSize(w, writeSize)
	between := "{\"results\":[\n"
	name := func(id string) {
		fmt.Fprintf(out, `%s{"seq":null,"id":%q,"changes":[{"rev":%q}]}`, between, id, rev(0))
		between = ",\n"
	}
	for n := range s.total {
		u, k := &s.units[n%len(s.units)], n/len(s.units)
		if db == design.WMStatsDB {
			for i := range u.agents {
				name(u.agents[i].copyID(k))
			}
		} else if slices.Contains(asked.Selector.RequestStatus.In, u.status) {
			name(u.request.copyID(k))
		}
	}
	if db == design.WMStatsDB {
		for i := range s.infos {
			name(s.infos[i].copyID(0))
		}
	}
	if between[0] == '{' {
		fmt.Fprint(out, between)
	}
	fmt.Fprintf(out, "\n],\n\"last_seq\":\"%d-x\",\"pending\":0}\n", seq)
	_ = out.Flush() // the reader may have left
	return true
}
