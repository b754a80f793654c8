package pages

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/web"
)

// LinkTemplate is a link from a workflow to another system. Its URL has placeholders
// for fields of the workflow: {workflow}, {prepid}, {campaign}, {release},
// {requestor}. Links with an empty field are left out.
type LinkTemplate struct {
	Label string
	URL   string
}

// DefaultLinks returns links to the CMS web services.
func DefaultLinks() []LinkTemplate {
	return []LinkTemplate{
		{"ReqMgr2", "https://cmsweb.cern.ch/reqmgr2/fetch?rid={workflow}"},
		{"workload summary", "https://cmsweb.cern.ch/couchdb/workloadsummary/_design/WorkloadSummary/_show/histogramByWorkflow/{workflow}"},
		{"WorkQueue", "https://cmsweb.cern.ch/couchdb/workqueue/_design/WorkQueue/_rewrite/elementsInfo?request={workflow}"},
		{"McM", "https://cms-pdmv-prod.web.cern.ch/mcm/requests?prepid={prepid}"},
	}
}

var placeholder = regexp.MustCompile(`\{([a-z]+)\}`)

var placeholders = []string{"workflow", "prepid", "campaign", "release", "requestor"}

// ParseLinks parses a JSON list of templates, [{"Label":"…","URL":"…"}]. All errors
// are reported together.
func ParseLinks(data []byte) ([]LinkTemplate, error) {
	var links []LinkTemplate
	if err := json.Unmarshal(data, &links); err != nil {
		return nil, fmt.Errorf("want a list of {\"Label\", \"URL\"}: %w", err)
	}
	var errs error
	for i, l := range links {
		if strings.TrimSpace(l.Label) == "" {
			errs = errors.Join(errs, fmt.Errorf("link %d has no Label", i+1))
		}
		for _, match := range placeholder.FindAllStringSubmatch(l.URL, -1) {
			if !slices.Contains(placeholders, match[1]) {
				errs = errors.Join(errs, fmt.Errorf("link %d: {%s} is not one of %s", i+1, match[1], strings.Join(placeholders, ", ")))
			}
		}
		u, err := url.Parse(placeholder.ReplaceAllString(l.URL, "x"))
		if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || placeholder.MatchString(hostOf(l.URL)) {
			errs = errors.Join(errs, fmt.Errorf("link %d: %q is not an http or https address with a fixed host", i+1, l.URL))
		}
	}
	if errs != nil {
		return nil, errs
	}
	return links, nil
}

// hostOf returns the part of an address between scheme and path.
func hostOf(address string) string {
	_, rest, _ := strings.Cut(address, "://")
	host, _, _ := strings.Cut(rest, "/")
	return host
}

// systemLinks returns the links of one workflow.
func systemLinks(templates []LinkTemplate, w schema.Workflow) []web.Link {
	values := map[string]string{
		"workflow": w.Workflow, "prepid": w.PrepID, "campaign": w.Campaign, "release": w.Release, "requestor": w.Requestor,
	}
	var out []web.Link
	for _, t := range templates {
		complete := true
		href := placeholder.ReplaceAllStringFunc(t.URL, func(place string) string {
			value := values[strings.Trim(place, "{}")]
			complete = complete && value != ""
			return url.QueryEscape(value)
		})
		if complete {
			out = append(out, web.Link{Text: t.Label, Href: strings.ReplaceAll(href, "+", "%20")})
		}
	}
	return out
}
