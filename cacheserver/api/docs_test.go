package api_test

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const docs = "../../docs/"

// docsPages are the pages whose examples and exchanges are tested here.
// Commands are run by scripts/docscheck.
var docsPages = []string{docs + "reference/api.md", docs + "reference/filters.md"}

// snippet is a fenced block of a page.
type snippet struct {
	language, text string
	page           string
	line           int
}

func snippetsOf(t *testing.T) (text string, list []snippet) {
	t.Helper()
	for _, path := range docsPages {
		page, of := snippetsOfPage(t, path)
		text, list = text+page, append(list, of...)
	}
	return text, list
}

func snippetsOfPage(t *testing.T, path string) (page string, list []snippet) {
	t.Helper()
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	var open *snippet
	for i, line := range strings.Split(string(raw), "\n") {
		fence, isFence := strings.CutPrefix(line, "```")
		switch {
		case isFence && open == nil:
			open = &snippet{language: fence, page: filepath.Base(path), line: i + 1}
		case isFence:
			list = append(list, *open)
			open = nil
		case open != nil:
			open.text += line + "\n"
		}
	}
	require.Nil(t, open, "a block of %s is not closed", path)
	return string(raw), list
}

// Each `GET /...` on a line of examples is a request with a successful answer.
func TestDocsExamples(t *testing.T) {
	f := newFixture(t, 300)
	page, _ := snippetsOf(t)
	span := regexp.MustCompile("`GET (/[^`]*)`")
	n := 0
	for line := range strings.Lines(page) {
		if rest, ok := strings.CutPrefix(line, "Example"); ok {
			for _, m := range span.FindAllStringSubmatch(rest, -1) {
				a := f.get(escaped(m[1]))
				assert.Equal(t, http.StatusOK, a.StatusCode, "%s: %s", m[1], a.body)
				n++
			}
		}
	}
	assert.Greater(t, n, 20)
}

// escaped percent-encodes characters that people leave unescaped in a URL.
func escaped(path string) string {
	return strings.NewReplacer(`\`, "%5C", " ", "%20").Replace(path)
}

// Each block of HTTP is a request and its answer, with the headers and members
// that the page shows.
func TestDocsExchanges(t *testing.T) {
	f := newFixture(t, 300)
	_, list := snippetsOf(t)
	for _, s := range list {
		if s.language != "http" {
			continue
		}
		request, answer, ok := strings.Cut(s.text, "\nHTTP/1.1 ")
		require.True(t, ok, "%s, line %d", s.page, s.line)
		got := f.exchange(request)
		head, body, _ := strings.Cut(answer, "\n\n")
		for i, line := range strings.Split(strings.TrimSpace(head), "\n") {
			if i == 0 {
				code, err := strconv.Atoi(strings.Fields(line)[0])
				require.NoError(t, err)
				assert.Equal(t, code, got.StatusCode, "%s, line %d: %s", s.page, s.line, got.body)
				continue
			}
			name, value, _ := strings.Cut(line, ": ")
			assert.Equal(t, value, got.Header.Get(name), "%s, line %d", s.page, s.line)
		}
		if strings.TrimSpace(body) != "" {
			assert.JSONEq(t, body, string(got.body), "%s, line %d", s.page, s.line)
		}
	}
}

// exchange sends a request as it is written in HTTP/1.1.
func (f *fixture) exchange(text string) answerOf {
	f.t.Helper()
	head, body, _ := strings.Cut(text, "\n\n")
	lines := strings.Split(strings.TrimSpace(head), "\n")
	method, path, ok := strings.Cut(lines[0], " ")
	require.True(f.t, ok, text)
	return f.send(method, path, strings.TrimSpace(body), lines[1:]...)
}

// Every route is on the page.
func TestDocsNameEveryRoute(t *testing.T) {
	f := newFixture(t, 1)
	page, _ := snippetsOf(t)
	paths := regexp.MustCompile(`(?m)^  (/[a-z.]+)`).FindAllStringSubmatch(string(f.get("/").body), -1)
	require.NotEmpty(t, paths)
	for _, m := range paths {
		assert.True(t, strings.Contains(page, " "+m[1]), "no page names the route %s", m[1])
	}
}
