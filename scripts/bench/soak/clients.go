package soak

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/dmwm/wmstats/schema/wire"
)

// questions are the filters of clients; %s is a campaign, a different one for
// each client. The first filters match most.
var questions = []string{
	"status=running-open,running-closed&sort=-Failure",
	"site=T1_*",
	"sort=-Priority",
	"has=failure&sort=-Failure",
	"campaign=%s",
	"status=acquired&sort=-Priority",
	"site=T2_CH_*,!T1_*",
	"minFailureRate=1&sort=-FailureRate",
	"campaign=%s&sort=-StatusTime",
	"status=completed",
	"maxAge=7d&sort=StatusTime",
	"has=!agent&sort=Campaign",
}

// views are the pages that the reader of the dashboard visits; %s is a workflow.
var views = []string{
	"/", "/workflows", "/workflows?status=running-open&sort=-Failure", "/attention", "/workflows?has=failure",
	"/campaigns", "/workflows?site=T1_*&sort=-Running", "/sites", "/agents", "/workflows/%s",
}

// filters returns one filter per client; no two are equal.
func (s *soak) filters(ctx context.Context) (list []string, err error) {
	var facet struct{ Values []struct{ Value string } }
	if err := s.json(ctx, s.o.Cache+"/facet/campaign?limit=1000", &facet); err != nil {
		return nil, err
	}
	campaign := 0
	for i := range s.o.Clients {
		q := questions[i%len(questions)]
		if strings.Contains(q, "%s") {
			if len(facet.Values) == 0 {
				return nil, errors.New("soak: the servers have no campaigns")
			}
			q = fmt.Sprintf(q, url.QueryEscape(facet.Values[campaign%len(facet.Values)].Value))
			campaign++
		}
		if round := i / len(questions); round > 0 {
			q += "&minPriority=" + strconv.Itoa(round)
		}
		list = append(list, q)
	}
	return list, nil
}

// promise is an address from a Link, and its time.
type promise struct {
	url string
	at  time.Time
}

// read is one client: it reads first pages, and sometimes a scan to the end and
// an old address.
func (s *soak) read(ctx context.Context, filter string, number uint64) {
	random := rand.New(rand.NewPCG(s.o.Seed, number)) //nolint:gosec // not a secret
	began := time.Now()
	next, follow := began.Add(somewhere(random, s.o.Page)), began.Add(somewhere(random, s.o.Follow))
	var promises []promise // oldest first, one per Page
	for until(ctx, next) {
		scan := !time.Now().Before(follow)
		first := s.o.Cache + "/fetch?" + filter
		link := s.firstPage(ctx, first, scan)
		if link != "" {
			promises = append(promises, promise{link, time.Now()})
		}
		if scan {
			follow = follow.Add(s.o.Follow)
			old := -1
			for i, p := range promises {
				if time.Since(p.at) >= s.o.Promised {
					old = i
				}
			}
			if old >= 0 {
				s.recall(ctx, promises[old].url)
				promises = promises[old+1:]
			}
		}
		if next = next.Add(s.o.Page); time.Until(next) < 0 {
			next = time.Now() // missed turns are skipped
		}
	}
}

// firstPage requests a first page and returns its next; scan reads on to the
// end.
func (s *soak) firstPage(ctx context.Context, address string, scan bool) (next string) {
	names := map[string]bool{}
	total := ""
	for page := address; page != ""; {
		resp, err := s.get(ctx, page)
		if err != nil {
			s.fault(ctx, "%s: %v", page, err)
			return next
		}
		if resp.status == http.StatusGone && page != address {
			s.note(func(r *Report) { r.Gone++ })
			return next
		}
		if resp.status != http.StatusOK {
			s.fault(ctx, "%s: %d %.200s", page, resp.status, resp.body)
			return next
		}
		link := nextOf(resp)
		if page == address {
			next = link
			total = resp.header.Get(wire.HeaderTotal)
			s.note(func(r *Report) { r.Pages++ })
			if !scan {
				return next
			}
		}
		s.note(func(r *Report) { r.Scanned++ })
		var records []struct{ Workflow string }
		if err := json.Unmarshal(resp.body, &records); err != nil {
			s.fault(ctx, "%s: %v", page, err)
			return next
		}
		for _, r := range records {
			if names[r.Workflow] {
				s.fault(ctx, "%s: %s appears twice in a scan", address, r.Workflow)
			}
			names[r.Workflow] = true
		}
		page = link
	}
	if strconv.Itoa(len(names)) != total {
		s.fault(ctx, "%s: a scan returned %d workflows of %s", address, len(names), total)
	}
	s.note(func(r *Report) { r.Scans++ })
	return next
}

// recall requests an old promised address.
func (s *soak) recall(ctx context.Context, address string) {
	resp, err := s.get(ctx, address)
	switch {
	case err != nil:
		s.fault(ctx, "%s: %v", address, err)
	case resp.status == http.StatusGone:
		s.note(func(r *Report) { r.Promised++; r.Broken++ })
	case resp.status == http.StatusOK:
		s.note(func(r *Report) { r.Promised++ })
	default:
		s.fault(ctx, "%s: %d %.200s", address, resp.status, resp.body)
	}
}

// look requests one page of the dashboard after the other.
func (s *soak) look(ctx context.Context) {
	var some []struct{ Workflow string }
	if err := s.json(ctx, s.o.Cache+"/fetch?status=running-open&fields=Workflow&limit=1000", &some); err != nil {
		s.fault(ctx, "%v", err)
	}
	next := time.Now()
	for n := 0; until(ctx, next); n++ {
		page := views[n%len(views)]
		if strings.Contains(page, "%s") {
			if len(some) == 0 {
				continue
			}
			page = fmt.Sprintf(page, url.PathEscape(some[n/len(views)%len(some)].Workflow))
		}
		resp, err := s.get(ctx, s.o.UI+page)
		switch {
		case err != nil:
			s.fault(ctx, "%s: %v", page, err)
		case resp.status == http.StatusNotFound && strings.HasPrefix(page, "/workflows/"): // the workflow has left meanwhile
		case resp.status != http.StatusOK:
			s.fault(ctx, "%s: %d %.200s", page, resp.status, resp.body)
		default:
			s.note(func(r *Report) { r.Views++ })
		}
		if next = next.Add(s.o.View); time.Until(next) < 0 {
			next = time.Now()
		}
	}
}

func (s *soak) about(ctx context.Context) (about wire.About, err error) {
	return about, s.json(ctx, s.o.Cache+"/about", &about)
}

func (s *soak) json(ctx context.Context, address string, v any) error {
	resp, err := s.get(ctx, address)
	if err == nil && resp.status != http.StatusOK {
		err = fmt.Errorf("status %d", resp.status)
	}
	if err == nil {
		err = json.Unmarshal(resp.body, v)
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", address, err)
	}
	return nil
}

// answer is a whole answer and its address.
type answer struct {
	status int
	header http.Header
	body   []byte
	from   *url.URL
}

// get reads a whole answer; the transport requests it compressed.
func (s *soak) get(ctx context.Context, address string) (a answer, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return a, fmt.Errorf("make request: %w", err)
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return a, fmt.Errorf("send request: %w", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return a, fmt.Errorf("read answer: %w", err)
	}
	return answer{resp.StatusCode, resp.Header, body, resp.Request.URL}, nil
}

// nextOf returns the whole address of rel="next", or "".
func nextOf(a answer) string {
	for part := range strings.SplitSeq(a.header.Get("Link"), ",") {
		address, rel, ok := strings.Cut(strings.TrimSpace(part), ">;")
		if !ok || !strings.Contains(rel, `rel="next"`) {
			continue
		}
		to, err := a.from.Parse(strings.TrimPrefix(address, "<"))
		if err != nil {
			return ""
		}
		return to.String()
	}
	return ""
}
