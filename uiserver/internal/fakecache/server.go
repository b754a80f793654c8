package fakecache

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// Mode is how a Server behaves.
type Mode int32

const (
	Well    Mode = iota
	Loading      // the first full read runs: 503 not-ready
	Broken       // every answer is a 500 that is no problem
	Hanging      // answers break off in the middle
	Endless      // answers do not end
)

// Generation is the one that a Server has.
const Generation = "a-1834"

// Server answers the API from records.
type Server struct {
	*httptest.Server
	Records   Records
	Whole     bool          // fields= is not heeded: every record has all its fields
	Reading   string        // how far the first read is, in mode Loading
	NoStats   bool          // /stats refuses every question
	NoHistory bool          // the history is empty
	Details   *wire.Problem // details of workflows are refused with this; nil: they are answered
	ReadAt    int64         // DetailsTime of details
	Demand    *wire.Problem // what is read on demand is refused with this; nil: it is answered
	mode      atomic.Int32

	mu   sync.Mutex
	info schema.CacheInfo
	seen []string // paths with queries, in the order of their arrival
}

// New starts a server that ends with the test.
func New(t testing.TB, records Records) *Server {
	t.Helper()
	s := &Server{Records: records, info: Info(len(records.Workflows))}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

// Info is the state of a server that is well.
func Info(workflows int) schema.CacheInfo {
	return schema.CacheInfo{
		Generation: Generation, CacheTime: Now - 180, CheckTime: Now - 12, LoadSeconds: 4.2, Complete: true, Source: "CouchDB couch.example",
		Workflows: int64(workflows), AgentDocuments: 31204, OrphanDocuments: 12, Bytes: 61203441,
	}
}

// SetMode changes how it behaves; SetInfo what it says of its data.
func (s *Server) SetMode(m Mode)             { s.mode.Store(int32(m)) }
func (s *Server) SetInfo(i schema.CacheInfo) { s.mu.Lock(); s.info = i; s.mu.Unlock() }

// Seen are the requests so far, as path?query.
func (s *Server) Seen() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.seen)
}

// ServeHTTP answers like the cache server.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.seen = append(s.seen, r.URL.RequestURI())
	info := s.info
	s.mu.Unlock()
	switch Mode(s.mode.Load()) {
	case Loading:
		if info.StaleReason != "" && r.URL.Path == "/pulse" {
			_ = json.NewEncoder(w).Encode(wire.Pulse{CacheInfo: schema.CacheInfo{Stale: true, StaleReason: info.StaleReason}, Attention: -1})
			return
		}
		s.refuse(w, wire.NotReadyYet(s.Reading))
		return
	case Broken:
		http.Error(w, "oh dear", http.StatusInternalServerError)
		return
	case Endless:
		for text := []byte(strings.Repeat("[", 32<<10)); r.Context().Err() == nil; {
			if _, err := w.Write(text); err != nil {
				return
			}
		}
		return
	case Hanging:
		w.Header().Set("Content-Length", "1000")
		_, _ = w.Write([]byte("{"))
		return
	}
	w.Header().Set(wire.HeaderGeneration, Generation)
	w.Header().Set(wire.HeaderGenerationTime, time.Unix(Now-180, 0).UTC().Format(time.RFC3339))
	if info.Stale {
		w.Header().Set(wire.HeaderStale, "1")
		w.Header().Set(wire.HeaderStaleReason, info.StaleReason)
	}
	if r.URL.Path == "/errors" || strings.HasSuffix(r.URL.Path, "/jobs") || strings.HasSuffix(r.URL.Path, "/logs") {
		w.Header().Set(wire.HeaderReadTime, time.Unix(Now-240, 0).UTC().Format(time.RFC3339))
	}
	if r.URL.Path == "/history" {
		w.Header().Set(wire.HeaderHistoryStart, time.Unix(HistoryStart, 0).UTC().Format(time.RFC3339))
	}
	if r.URL.Path == "/errors" {
		groups, total, problem := s.failing(r.URL.Query())
		if problem != nil {
			s.refuse(w, problem)
			return
		}
		w.Header().Set(wire.HeaderTotal, strconv.Itoa(total))
		_ = json.NewEncoder(w).Encode(groups)
		return
	}
	body, problem := s.answer(r, info)
	if problem != nil {
		s.refuse(w, problem)
		return
	}
	w.Header().Set("Content-Type", wire.MediaJSON)
	_ = json.NewEncoder(w).Encode(body)
}

func (s *Server) refuse(w http.ResponseWriter, p *wire.Problem) {
	w.Header().Set("Content-Type", wire.MediaProblem)
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p)
}

func (s *Server) answer(r *http.Request, info schema.CacheInfo) (any, *wire.Problem) {
	path := r.URL.EscapedPath()
	head, last, one := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	name, err := url.PathUnescape(last)
	if err != nil {
		return nil, wire.BadValue("path", "not well encoded")
	}
	switch {
	case path == "/pulse":
		return wire.Pulse{CacheInfo: info, Attention: s.attention().Total}, nil
	case path == "/attention":
		return s.attention(), nil
	case path == "/about":
		return about(len(s.Records.Workflows)), nil
	case path == "/status":
		return s.statuses(), nil
	case path == "/stats":
		return s.stats(r.URL.Query())
	case path == "/changes":
		return s.changes(r.URL.Query())
	case head == "facet" && one:
		return s.facetPage(name, r.URL.Query())
	case path == "/history":
		return s.history(r.URL.Query())
	case path == "/openapi.json":
		return openAPI(), nil
	case head == "fetch" && one:
		part := ""
		if raw, tail, ok := strings.Cut(last, "/"); ok { // an escaped slash belongs to the name
			name, _ = url.PathUnescape(raw)
			part = tail
		}
		for _, w := range s.Records.Workflows {
			if w.Workflow == name && part != "" {
				return s.part(w, part, r.URL.Query())
			}
			if w.Workflow == name {
				if s.Details != nil {
					return nil, s.Details
				}
				d := Detail(w)
				d.DetailsTime = s.ReadAt
				return d, nil
			}
		}
		return nil, wire.NotFound("workflow", name, []string{s.Records.Workflows[0].Workflow})
	case head == "fetch":
		return s.fetch(r.URL.Query())
	}
	return s.groups(head, name, one, r.URL.Query())
}

func (s *Server) groups(head, name string, one bool, v url.Values) (any, *wire.Problem) {
	switch head {
	case "sites":
		if one {
			return group(s, v, one, name, "Site", "Sites", s.Records.siteDetails(), func(r schema.SiteDetail) string { return r.Site.Site })
		}
		return group(s, v, one, name, "Site", "Sites", s.Records.Sites, func(r schema.Site) string { return r.Site })
	case "campaign":
		return group(s, v, one, name, "Campaign", "Campaign", s.Records.Campaigns, func(r schema.Campaign) string { return r.Campaign })
	case "release":
		return group(s, v, one, name, "Release", "Release", s.Records.Releases, func(r schema.Release) string { return r.Release })
	case "agent":
		return group(s, v, one, name, "Agent", "Agents", s.Records.Agents, func(r schema.AgentDetail) string { return r.Agent.Agent })
	}
	return nil, wire.NotFound("resource", head, nil)
}

// problemOf is the problem that package wire made; any other error is a
// mistake of this package.
func problemOf(err error) *wire.Problem {
	var p *wire.Problem
	if !errors.As(err, &p) {
		panic(err)
	}
	return p
}

// group answers all records of a kind, or one with its workflows.
func group[T any](s *Server, v url.Values, one bool, name, kind, field string, all []T, nameOf func(T) string) (any, *wire.Problem) {
	if !one {
		return all, nil
	}
	i := slices.IndexFunc(all, func(r T) bool { return nameOf(r) == name })
	if i < 0 {
		return nil, wire.NotFound(strings.ToLower(kind), name, []string{nameOf(all[0])})
	}
	q, err := wire.ParseQuery(v)
	if err != nil {
		return nil, problemOf(err)
	}
	q.Terms = append(q.Terms, wire.Term{Field: field, Op: wire.In, Values: []string{name}})
	page, total := s.page(q)
	return map[string]any{
		kind: all[i], "Total": total, "Idx": q.Idx, "Limit": q.PageLimit(), "Next": "", "Workflows": page,
	}, nil
}

func (s *Server) fetch(v url.Values) (any, *wire.Problem) {
	q, err := wire.ParseQuery(v)
	if err != nil {
		return nil, problemOf(err)
	}
	if q.Gen != "" && q.Gen != Generation {
		return nil, wire.GenerationExpired(q.Gen, "/fetch", "")
	}
	page, total := s.page(q)
	answer := wire.Envelope[schema.Workflow]{
		Generation: Generation, Time: "2026-11-21T05:40:12Z", Total: total, Idx: q.Idx, Limit: q.PageLimit(), Items: page,
	}
	for _, f := range q.Facets {
		if answer.Facets == nil {
			answer.Facets = map[string]wire.FacetResult{}
		}
		answer.Facets[f.Field] = s.facet(q, f.Field)
	}
	return answer, nil
}

func (s *Server) statuses() []schema.StatusSummary {
	var out []schema.StatusSummary
	for _, w := range s.Records.Workflows {
		i := slices.IndexFunc(out, func(o schema.StatusSummary) bool { return o.Status == w.Status })
		if i < 0 {
			order := int64(99)
			if info, ok := schema.StatusOf(w.Status); ok {
				order = info.Order
			}
			out = append(out, schema.StatusSummary{Status: w.Status, Order: order, OldestStatusTime: w.StatusTime, MinPriority: w.Priority})
			i = len(out) - 1
		}
		out[i].Workflows++
		out[i].OldestStatusTime = min(out[i].OldestStatusTime, w.StatusTime)
		out[i].MinPriority, out[i].MaxPriority = min(out[i].MinPriority, w.Priority), max(out[i].MaxPriority, w.Priority)
	}
	slices.SortFunc(out, func(a, b schema.StatusSummary) int { return int(a.Order - b.Order) })
	return out
}

func (s *Server) stats(v url.Values) (any, *wire.Problem) {
	if s.NoStats {
		return nil, wire.BadValue("by", "not with this server")
	}
	by := v.Get("by")
	sum := strings.FieldsFunc(v.Get("sum"), func(r rune) bool { return r == ',' })
	v.Del("by")
	v.Del("sum")
	q, err := wire.ParseQuery(v)
	if err != nil {
		return nil, problemOf(err)
	}
	answer := wire.Stats{Generation: Generation, Sum: sum, Groups: []wire.StatsGroup{}}
	keys := func(*schema.Workflow) []string { return []string{""} }
	if strings.EqualFold(by, wire.AgeField) {
		answer.By = []string{wire.AgeField}
		keys = func(w *schema.Workflow) []string {
			if w.StatusTime == 0 {
				return []string{""}
			}
			return []string{wire.AgeBandOf(Now - w.StatusTime)}
		}
	} else if by != "" {
		field, err := wire.FieldNamed("by", by)
		if err != nil {
			return nil, problemOf(err)
		}
		answer.By = []string{field.Key}
		keys = func(w *schema.Workflow) []string { return texts(w, field.Key) }
	}
	for i := range s.Records.Workflows {
		w := &s.Records.Workflows[i]
		if !matches(w, q, "") {
			continue
		}
		for _, value := range keys(w) {
			at := slices.IndexFunc(answer.Groups, func(g wire.StatsGroup) bool { return g.Keys[0] == value })
			if at < 0 {
				answer.Groups = append(answer.Groups, wire.StatsGroup{Keys: []string{value}, Sums: make([]int64, len(sum))})
				at = len(answer.Groups) - 1
			}
			answer.Groups[at].Count++
			for k, key := range sum {
				answer.Groups[at].Sums[k] += value64(w, key)
			}
		}
		answer.Total++
	}
	slices.SortFunc(answer.Groups, func(a, b wire.StatsGroup) int { return b.Count - a.Count })
	return answer, nil
}

// Older is the one generation that /changes can compare with: since then every
// third workflow under the filter has changed, and one that is gone was there.
const Older = "a-1800"

func (s *Server) changes(v url.Values) (any, *wire.Problem) {
	since := v.Get("since")
	v.Del("since")
	q, err := wire.ParseQuery(v)
	if err != nil {
		return nil, problemOf(err)
	}
	change := wire.Change{Event: wire.EventGeneration, Generation: Generation, Previous: since, Workflows: []string{}, Gone: []string{}}
	switch since {
	case Generation:
	case Older:
		q.Limit = wire.MaxLimit
		all, _ := s.page(q)
		for i := range all {
			if i%3 == 0 {
				change.Workflows = append(change.Workflows, all[i].Workflow)
			}
		}
		change.Changed, change.Removed, change.Gone = len(change.Workflows), 1, []string{"gone_workflow"}
	default:
		change.Event, change.Previous = wire.EventReset, ""
	}
	return change, nil
}

func (s *Server) facetPage(named string, v url.Values) (any, *wire.Problem) {
	prefix, limit := strings.ToLower(v.Get("prefix")), v.Get("limit")
	v.Del("prefix")
	q, err := wire.ParseQuery(v)
	if err != nil {
		return nil, problemOf(err)
	}
	f, err := wire.FieldNamed("/facet", named)
	if err != nil {
		return nil, problemOf(err)
	}
	result := s.count(q, f.Key)
	result.Values = slices.DeleteFunc(result.Values, func(v wire.FacetValue) bool { return !strings.HasPrefix(strings.ToLower(v.Value), prefix) })
	result.Distinct = len(result.Values)
	if most, _ := strconv.Atoi(limit); most > 0 {
		cut(&result, most)
	}
	return wire.FacetPage{Generation: Generation, Field: f.Key, FacetResult: result}, nil
}

// attention names the first workflows and agents under two rules, and nothing
// under a third.
func (s *Server) attention() wire.Attention {
	answer := wire.Attention{Generation: Generation, Time: "2026-11-21T05:40:12Z"}
	failed := wire.AttentionRule{Rule: "failed", Title: "Failed", Help: "workflows in status failed", Query: "/fetch?alert=failed&sort=-Priority"}
	for _, w := range s.Records.Workflows {
		if failed.Count++; len(failed.Items) < 20 {
			failed.Items = append(failed.Items, wire.AttentionItem{Kind: "Workflow", Name: w.Workflow, Status: w.Status, Priority: w.Priority, Since: w.StatusTime, Failure: w.Failure})
		}
	}
	agents := wire.AttentionRule{Rule: "agent_error", Title: "Agents in error", Help: "severity error", Query: "/agent"}
	for _, a := range s.Records.Agents {
		agents.Count++
		agents.Items = append(agents.Items, wire.AttentionItem{Kind: "Agent", Name: a.Agent.Agent, Status: a.Severity, Reasons: a.Reasons})
	}
	answer.Rules = []wire.AttentionRule{failed, agents, {Rule: "old_data", Title: "Old data", Help: "the source is silent", Query: "/pulse"}}
	answer.Total = failed.Count + agents.Count
	return answer
}

// String names the server in messages.
func (s *Server) String() string { return fmt.Sprintf("fake cache server at %s", s.URL) }
