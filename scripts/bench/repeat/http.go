package repeat

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/dmwm/wmstats/mock/design"
)

// writeSize is the size of an answer's write buffer in bytes.
const writeSize = 256 << 10

// ServeHTTP answers the requests that a cache server sends to CouchDB.
func (s *Source) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	db, path, _ := strings.Cut(strings.Trim(r.URL.Path, "/"), "/")
	s.asked.note(r, path)
	switch {
	case db == "_asked":
		s.asked.answer(w)
	case db == "":
		fmt.Fprintf(w, `{"couchdb":"Welcome","version":"3.5.0","vendor":{"name":"mock","seed":%d}}`+"\n", s.o.Seed)
	case db == "_up":
		fmt.Fprintln(w, `{"status":"ok"}`)
	case db != design.RequestDB && db != design.WMStatsDB:
		fail(w, http.StatusNotFound, "no such database")
	case path == "":
		fmt.Fprintf(w, `{"db_name":%q,"update_seq":"%d-x","instance_start_time":"0"}`+"\n", db, s.feeds[db].seq())
	case path == "_changes" && s.names(w, r, db):
	case path == "_changes":
		s.feeds[db].follow(w, r)
	case isView(db, path) && r.URL.Query().Get("limit") == "0": // asks whether the index is built
		newAnswer(w, s.total).end()
	case path == "_design/ReqMgr/_view/bystatus" && db == design.RequestDB:
		s.byStatus(w, r)
	case path == "_design/WMStatsErl7/_view/latestRequest" && db == design.WMStatsDB:
		s.agents(w)
	case path == "_design/WMStatsErl7/_view/agentInfo" && db == design.WMStatsDB:
		s.agentInfo(w)
	case strings.HasPrefix(path, "_"):
		fail(w, http.StatusNotFound, "no such view")
	case r.Method == http.MethodPut && db == design.RequestDB:
		s.feeds[db].write(w, r, path)
	default:
		s.document(w, db, path)
	}
}

// isView reports whether path is a view of db.
func isView(db, path string) bool {
	switch path {
	case "_design/ReqMgr/_view/bystatus":
		return db == design.RequestDB
	case "_design/WMStatsErl7/_view/latestRequest", "_design/WMStatsErl7/_view/agentInfo":
		return db == design.WMStatsDB
	}
	return false
}

func fail(w http.ResponseWriter, status int, reason string) {
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"error":"refused","reason":%q}`+"\n", reason)
}

// answer writes rows. After the first error, when the reader has left, it does
// nothing.
type answer struct {
	out   *bufio.Writer
	row   []byte
	first bool
	err   error
}

func newAnswer(w http.ResponseWriter, total int) *answer {
	a := &answer{out: bufio.NewWriterSize(w, writeSize), first: true}
	_, a.err = fmt.Fprintf(a.out, `{"total_rows":%d,"offset":0,"rows":[`+"\r\n", total)
	return a
}

func (a *answer) add(p *pattern, k int, key string, changed []byte) {
	if a.err != nil {
		return
	}
	a.row = a.row[:0]
	if !a.first {
		a.row = append(a.row, ",\r\n"...)
	}
	a.first = false
	a.row = fmt.Appendf(a.row, `{"id":%q,"key":%q,"value":null,"doc":`, p.copyID(k), key)
	if changed != nil {
		a.row = append(a.row, changed...)
	} else {
		a.row = p.append(a.row, k)
	}
	a.row = append(a.row, '}')
	_, a.err = a.out.Write(a.row)
}

func (a *answer) end() {
	if a.err == nil {
		_, a.err = a.out.WriteString("\r\n]}\n")
	}
	if a.err == nil {
		_ = a.out.Flush() // the reader may have left
	}
}

func (s *Source) byStatus(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		Keys []string `json:"keys"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&asked); err != nil {
		fail(w, http.StatusBadRequest, "want keys")
		return
	}
	a := newAnswer(w, s.total)
	for _, status := range asked.Keys {
		for n := 0; n < s.total && a.err == nil; n++ {
			u, k := &s.units[n%len(s.units)], n/len(s.units)
			if u.status == status {
				a.add(&u.request, k, status, s.feeds[design.RequestDB].get(u.request.copyID(k)))
			}
		}
	}
	a.end()
}

func (s *Source) agents(w http.ResponseWriter) {
	a := newAnswer(w, s.total)
	for n := 0; n < s.total && a.err == nil; n++ {
		u := &s.units[n%len(s.units)]
		for i := range u.agents {
			p, k := &u.agents[i], n/len(s.units)
			a.add(p, k, u.name, s.feeds[design.WMStatsDB].get(p.copyID(k)))
		}
	}
	a.end()
}

func (s *Source) agentInfo(w http.ResponseWriter) {
	a := newAnswer(w, len(s.infos))
	for i := range s.infos {
		a.add(&s.infos[i], 0, s.infos[i].id, nil)
	}
	a.end()
}

// document answers one request document.
func (s *Source) document(w http.ResponseWriter, db, id string) {
	name, k := original(id)
	i, ok := s.byName[name]
	if db != design.RequestDB || !ok || k < 0 || k*len(s.units)+i >= s.total {
		fail(w, http.StatusNotFound, "missing")
		return
	}
	doc := s.feeds[db].get(id)
	if doc == nil {
		doc = s.units[i].request.append(nil, k)
	}
	_, _ = w.Write(doc) // the reader may have left
}
