package reference

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"github.com/dmwm/wmstats/schema/wire"
)

const problemsIntro = `# Problems

An error of the API is a body of type ` + "`application/problem+json`" + ` (RFC 9457) with ` + "`type`, `title`, `status` and `detail`" + `, and what helps: ` + "`param`, `did_you_mean`, `restart`, `continue`" + `. The type is ` + "`/problems/KIND`" + `, and the server has a page there. This page is made by ` + "`make generate`" + `.
`

// Problems is the page of the kinds of problems, by status.
func Problems() []byte {
	var out bytes.Buffer
	out.WriteString(problemsIntro + "\n")
	kinds := wire.Kinds()
	slices.SortStableFunc(kinds, func(a, b wire.ProblemKind) int {
		if a.Status != b.Status {
			return a.Status - b.Status
		}
		return strings.Compare(string(a.Slug), string(b.Slug))
	})
	head(&out, "status", "kind", "title", "meaning", "what to do")
	for _, k := range kinds {
		row(&out, strconv.Itoa(k.Status), code(string(k.Slug)), cell(k.Title), cell(k.Help), cell(k.Action))
	}
	return out.Bytes()
}
