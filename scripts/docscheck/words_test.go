package docscheck

import (
	"bufio"
	"cmp"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// phrase is one line of words.txt.
type phrase struct {
	pattern *regexp.Regexp
	needed  []string // texts in lower case, one of which is in every match; none: unknown
	instead string
	pages   bool // in pages only
}

// in returns the matches in a line.
func (p phrase) in(line string) []string {
	lower := strings.ToLower(line)
	if len(p.needed) > 0 && !slices.ContainsFunc(p.needed, func(text string) bool { return strings.Contains(lower, text) }) {
		return nil
	}
	return p.pattern.FindAllString(line, -1)
}

func phrases(t *testing.T) (list []phrase) {
	t.Helper()
	text, err := os.ReadFile("words.txt")
	require.NoError(t, err)
	pages := false
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if pages = pages || line == "# pages only"; line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		pattern, instead, ok := strings.Cut(line, "\t")
		require.True(t, ok, line)
		pattern = "(?i)" + pattern
		tree, err := syntax.Parse(pattern, syntax.Perl)
		require.NoError(t, err, line)
		list = append(list, phrase{regexp.MustCompile(pattern), needed(tree), instead, pages})
	}
	return list
}

// slack is how far a count may fall below its allowance before allowances.txt has
// to be changed, so that not every improved sentence touches that file.
const slack = 5

// allowance is how many phrases of words.txt the files of a folder and its
// subfolders may have. It may only shrink: a number that is much too large, by
// more than slack and by a third, also fails. A line of allowances.txt has a folder or file, the ending of its files,
// and the number.
type allowance struct {
	path, ending string
	most         int
}

func allowances(t *testing.T) (list []allowance) {
	t.Helper()
	file, err := os.Open("allowances.txt")
	require.NoError(t, err)
	defer func() { _ = file.Close() }()
	for scan := bufio.NewScanner(file); scan.Scan(); {
		if strings.HasPrefix(scan.Text(), "#") || scan.Text() == "" {
			continue
		}
		fields := strings.Fields(scan.Text())
		require.Len(t, fields, 3, scan.Text())
		most, err := strconv.Atoi(fields[2])
		require.NoError(t, err, scan.Text())
		list = append(list, allowance{fields[0], fields[1], most})
	}
	return list
}

// filesOf returns the files of an allowance. Files below a longer path with its
// own allowance count there; generated Go code is not counted.
func filesOf(t *testing.T, a allowance, all []allowance) (files []string) {
	t.Helper()
	apart := func(path string) bool {
		return slices.ContainsFunc(all, func(b allowance) bool {
			return len(b.path) > len(a.path) && b.ending == a.ending && (path == root+b.path || strings.HasPrefix(path, root+b.path+"/"))
		})
	}
	require.NoError(t, filepath.WalkDir(root+a.path, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() || !strings.HasSuffix(path, a.ending) || strings.HasSuffix(path, "_templ.go") || apart(path):
			return nil
		}
		files = append(files, path)
		return nil
	}))
	return files
}

// linesOf returns the text of a file that is checked, line by line: a page without
// its code and quoted names, a Go file's comments without quoted names.
func linesOf(t *testing.T, path string) []string {
	t.Helper()
	bytes, err := os.ReadFile(path)
	require.NoError(t, err)
	text := string(bytes)
	if strings.HasSuffix(path, ".go") {
		text = commentsOf(text)
	} else {
		text = inFence.ReplaceAllStringFunc(text, blankLines)
	}
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = inCode.ReplaceAllString(line, "")
	}
	return lines
}

// TestWords: pages and comments in Go code have no more of the phrases in
// words.txt than allowances.txt allows.
func TestWords(t *testing.T) {
	list := phrases(t)
	all := allowances(t)
	for _, a := range all {
		t.Run(strings.ReplaceAll(a.path, "/", "_")+a.ending, func(t *testing.T) {
			var found []string
			places := map[string]int{}
			for _, path := range filesOf(t, a, all) {
				for i, line := range linesOf(t, path) {
					for _, p := range list {
						if p.pages && a.ending != ".md" {
							continue
						}
						for _, hit := range p.in(line) {
							found = append(found, fmt.Sprintf("%s:%d: %q; better: %s", strings.TrimPrefix(path, root), i+1, hit, p.instead))
							places[p.instead]++
						}
					}
				}
			}
			if !assert.LessOrEqual(t, len(found), a.most, "use the replacements of words.txt") {
				t.Log(strings.Join(found, "\n"))
			}
			assert.GreaterOrEqual(t, len(found), a.most-max(slack, a.most/3), "far fewer than allowed: reduce the number in allowances.txt to %d", len(found))
			for _, instead := range slices.SortedFunc(maps.Keys(places), func(a, b string) int { return cmp.Compare(places[b], places[a]) }) {
				t.Logf("%4d %s", places[instead], instead)
			}
		})
	}
}

// TestCommentsOf: only comments are checked, at the numbers of their lines.
func TestCommentsOf(t *testing.T) {
	assert.Equal(t, "\n// one\n\n// two\n/* three\nfour */", commentsOf("package p\n// one\nconst a = `// no\n` + \"// no\" // two\n/* three\nfour */\n"))
}

// TestNeeded: skipping lines by the texts that a pattern needs loses no match.
func TestNeeded(t *testing.T) {
	for _, p := range phrases(t) {
		for _, line := range []string{"What IS it that gives", "a man made of it", "the fault, by itself", "ONE WANTED it to go on", "so long, likewise", "it could not be had anew", "who asks for an Orphan", "of its own accord, mend it"} {
			assert.Equal(t, p.pattern.FindAllString(line, -1), p.in(line), "%s in %q", p.pattern, line)
		}
	}
}

var inCode = regexp.MustCompile("`[^`]*`")

// blankLines keeps the number of lines.
func blankLines(block string) string { return strings.Repeat("\n", strings.Count(block, "\n")) }
