package e2e

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"github.com/stretchr/testify/assert"
	"golang.org/x/net/html"
)

// policyParts is the content security policy that every page must have.
var policyParts = []string{
	"default-src 'none'", "style-src 'self'", "script-src 'self'", "img-src 'self'", "connect-src 'self'",
	"form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'",
}

// slips are texts that appear when a program shows a missing value by mistake.
var slips = regexp.MustCompile(`\b(NaN|Infinity|Inf|undefined|null)\b|<nil>|\[object \w+\]|%!\w?\([^)]*\)`)

// pageFaults returns the rules for pages that a page breaks.
func pageFaults(a answer) (faults []string, doc *goquery.Document) {
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	csp := a.header.Get("Content-Security-Policy")
	for _, part := range policyParts {
		if !strings.Contains(csp, part) {
			fault("content security policy %q lacks %s", csp, part)
		}
	}
	if kind := a.header.Get("Content-Type"); !strings.EqualFold(kind, "text/html; charset=utf-8") {
		fault("content type %q", kind)
	}
	if a.header.Get("X-Content-Type-Options") != "nosniff" {
		fault("no nosniff")
	}
	doc, err := goquery.NewDocumentFromReader(bytes.NewReader(a.body))
	if err != nil {
		return append(faults, err.Error()), nil
	}
	if n := doc.Find("h1").Length(); n != 1 {
		fault("%d h1", n)
	}
	if doc.Find("html[lang]").Length() != 1 || strings.TrimSpace(doc.Find("title").First().Text()) == "" {
		fault("no language or no title")
	}
	if n := doc.Find("[style], style, script:not([src])").Length(); n > 0 {
		fault("%d inline styles and scripts", n)
	}
	return slices.Concat(faults, treeFaults(doc), formFaults(doc)), doc
}

// TestPageFaults: each broken rule is reported.
func TestPageFaults(t *testing.T) {
	header := http.Header{}
	header.Set("Content-Security-Policy", strings.Join(policyParts, "; "))
	header.Set("Content-Type", "text/html; charset=UTF-8")
	header.Set("X-Content-Type-Options", "nosniff")
	const right = `<html lang="en"><head><title>t</title></head><body><h1 id="a">Nulls and information</h1></body></html>`
	faults, _ := pageFaults(answer{header: header, body: []byte(right)})
	assert.Empty(t, faults)
	faults, _ = pageFaults(answer{header: http.Header{}, body: []byte(right)})
	assert.Len(t, faults, len(policyParts)+2, "%v", faults)
	for fault, wrong := range map[string]string{
		"2 h1": `<h1>b</h1>`, "not unique": `<p id="a"></p>`, "inline": `<p style="color:red"></p>`, "1 inline": `<script>1</script>`,
		"handler": `<p onclick="x()"></p>`, "names nothing": `<p aria-labelledby="b"></p>`, "leads nowhere": `<a href="#b">b</a>`,
		"not an address": `<a href="javascript:x()">b</a>`, "svg width": `<svg width="NaN"></svg>`, "without caption": `<table></table>`,
		"of 1 cells": `<table><caption>c</caption><thead><tr><th scope="col">x</th><th scope="col">y</th></tr></thead><tbody><tr><td>1</td></tr></tbody></table>`,
		"no label":   `<input name="x">`, "without a name": `<a href="/x"></a>`,
		`"NaN" in`: `<p>NaN %</p>`, `"Infinity"`: `<p title="Infinity"></p>`, `"null"`: `<p>null</p>`, `"undefined"`: `<p>an undefined b</p>`,
		`"<nil>"`: `<p>&lt;nil&gt;</p>`, `"%!d(string=x)"`: `<p>%!d(string=x)</p>`,
	} {
		faults, _ := pageFaults(answer{header: header, body: []byte(strings.Replace(right, "</body>", wrong+"</body>", 1))})
		if assert.Len(t, faults, 1, wrong) {
			assert.Contains(t, faults[0], fault, wrong)
		}
	}
}

// treeFaults returns the rules that single elements break.
func treeFaults(doc *goquery.Document) (faults []string) {
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	ids := map[string]bool{}
	doc.Find("[id]").Each(func(_ int, s *goquery.Selection) {
		id := s.AttrOr("id", "")
		if ids[id] || id == "" || strings.ContainsAny(id, " \t\n") {
			fault("id %q is not unique or not an id", id)
		}
		ids[id] = true
	})
	doc.Find("*").Each(func(_ int, s *goquery.Selection) {
		for _, attr := range s.Nodes[0].Attr {
			switch {
			case strings.HasPrefix(attr.Key, "on"):
				fault("handler %s on %s", attr.Key, goquery.NodeName(s))
			case attr.Key == "aria-labelledby" || attr.Key == "for" || attr.Key == "list":
				if !ids[attr.Val] {
					fault("%s=%q names nothing", attr.Key, attr.Val)
				}
			case attr.Key == "href" && strings.HasPrefix(attr.Val, "#") && !ids[attr.Val[1:]]:
				fault("link to %s leads nowhere", attr.Val)
			case attr.Key == "href" || attr.Key == "src" || attr.Key == "action":
				if u, err := url.Parse(attr.Val); err != nil || u.Scheme != "" && u.Scheme != "http" && u.Scheme != "https" {
					fault("%s=%q is not an address of a page", attr.Key, attr.Val)
				}
			case attr.Key == "x" || attr.Key == "y" || attr.Key == "width" || attr.Key == "height":
				if slips.MatchString(attr.Val) || strings.HasPrefix(attr.Val, "-") && attr.Key != "x" && attr.Key != "y" {
					fault("%s %s=%q", goquery.NodeName(s), attr.Key, attr.Val)
				}
			}
		}
	})
	doc.Find("table").Each(func(_ int, s *goquery.Selection) {
		if s.Find("caption").Length() != 1 || s.Find("th:not([scope])").Length() > 0 {
			fault("table without caption, or th without scope: %.60q", s.Text())
		}
		width := s.Find("thead tr").First().Children().Length()
		s.Find("tbody tr").EachWithBreak(func(_ int, row *goquery.Selection) bool {
			if cells := row.Children().Length(); cells != width {
				fault("row of %d cells below %d headings: %.60q", cells, width, row.Text())
				return false
			}
			return true
		})
	})
	for _, text := range visible(doc) {
		if slip := slips.FindString(text); slip != "" {
			fault("%q in %.80q", slip, text)
		}
	}
	return faults
}

// formFaults returns inputs, links and buttons without a label.
func formFaults(doc *goquery.Document) (faults []string) {
	labelled := map[string]bool{}
	doc.Find("label[for]").Each(func(_ int, s *goquery.Selection) { labelled[s.AttrOr("for", "")] = true })
	doc.Find("input:not([type=hidden]), select, textarea").Each(func(_ int, s *goquery.Selection) {
		if !labelled[s.AttrOr("id", "")] && s.Closest("label").Length() == 0 && s.AttrOr("aria-label", s.AttrOr("aria-labelledby", "")) == "" {
			faults = append(faults, fmt.Sprintf("input %s has no label", s.AttrOr("name", "?")))
		}
	})
	doc.Find("button, a[href]").Each(func(_ int, s *goquery.Selection) {
		if strings.TrimSpace(s.Text()) == "" && s.AttrOr("aria-label", "") == "" {
			faults = append(faults, fmt.Sprintf("%s without a name: %v", goquery.NodeName(s), s.Nodes[0].Attr))
		}
	})
	return faults
}

// visible returns the texts of a page, and the titles that appear over them.
func visible(doc *goquery.Document) (texts []string) {
	doc.Find("body *").Each(func(_ int, s *goquery.Selection) {
		for _, name := range []string{"title", "aria-label", "placeholder"} {
			if text, ok := s.Attr(name); ok {
				texts = append(texts, text)
			}
		}
		for child := s.Nodes[0].FirstChild; child != nil; child = child.NextSibling {
			if child.Type == html.TextNode {
				texts = append(texts, child.Data)
			}
		}
	})
	return texts
}
