package docscheck

import (
	"bufio"
	"cmp"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
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
	instead string
}

func phrases(t *testing.T) (list []phrase) {
	t.Helper()
	text, err := os.ReadFile("words.txt")
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		pattern, instead, ok := strings.Cut(line, "\t")
		require.True(t, ok, line)
		list = append(list, phrase{regexp.MustCompile("(?i)" + pattern), instead})
	}
	return list
}

// slack is how far below its allowance a number may fall before it has to be
// written down, so that each better sentence need not touch allowances.txt.
const slack = 5

// allowance is how many phrases of words.txt the files of a folder may have,
// those below it too. It may only shrink: a number that is much too large fails
// as well. A line of allowances.txt is a folder or file, the ending of its files,
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

// filesOf returns the files of an allowance. Those below a longer path with an
// allowance of its own count there; generated Go code counts nowhere.
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

// TestWords: pages do not say what words.txt lists more often than they are
// allowed to.
func TestWords(t *testing.T) {
	list := phrases(t)
	all := allowances(t)
	for _, a := range all {
		t.Run(strings.ReplaceAll(a.path, "/", "_")+a.ending, func(t *testing.T) {
			found, places := 0, map[string]int{}
			for _, path := range filesOf(t, a, all) {
				text, err := os.ReadFile(path)
				require.NoError(t, err)
				for i, line := range strings.Split(inFence.ReplaceAllStringFunc(string(text), blankLines), "\n") {
					if a.ending == ".md" {
						line = inCode.ReplaceAllString(line, "") // names and messages as they are
					}
					for _, p := range list {
						for _, hit := range p.pattern.FindAllString(line, -1) {
							found++
							places[p.instead]++
							if found > a.most {
								t.Logf("%s:%d: %q; better: %s", strings.TrimPrefix(path, root), i+1, hit, p.instead)
							}
						}
					}
				}
			}
			assert.LessOrEqual(t, found, a.most, "phrases that words.txt lists: write the other one")
			assert.GreaterOrEqual(t, found, a.most-slack, "far fewer than allowed: write %d into allowances.txt", found)
			for _, instead := range slices.SortedFunc(maps.Keys(places), func(a, b string) int { return cmp.Compare(places[b], places[a]) }) {
				t.Logf("%4d %s", places[instead], instead)
			}
		})
	}
}

var inCode = regexp.MustCompile("`[^`]*`")

// blankLines keeps the number of lines.
func blankLines(block string) string { return strings.Repeat("\n", strings.Count(block, "\n")) }
