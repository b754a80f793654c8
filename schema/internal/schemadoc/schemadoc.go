// Package schemadoc writes the schema's own description as the page
// docs/reference/schema.md. It adds no facts: what the page says of a key comes from the
// tags of the record, so a page that is wrong is corrected there.
package schemadoc

import (
	"fmt"
	"strings"

	"github.com/dmwm/wmstats/schema"
)

const preface = `# Records

<!-- Made by "go generate ./schema" from the struct tags in schema; do not edit. -->

The records that the cache server serves. Each is a flat JSON object with a fixed set of keys, always present, one type each, never null.

- *int* is a 64-bit signed integer, *float* a 64-bit number, *[]string* a list of texts that may be empty, *[]record* a list of records of another kind (JobSample only).
- Times are Unix seconds, 0 is unknown. Sizes are bytes. Percentages start at 0 and may pass 100.
- -1 is "not defined" for ratios and "absent" for numbers that the source may not know yet. An empty text is "not given".
- Ratios are made after summing. Totals of a workflow come from its agents' ` + "`status`" + `, not from their sites.
- *parameter* is the name of the filter in the list API; ranges and sorting use the key.

`

// Render returns the page.
func Render(kinds []schema.Kind, statuses []schema.StatusInfo) []byte {
	var b strings.Builder
	b.WriteString(preface)
	for _, k := range kinds {
		fmt.Fprintf(&b, "- [%s](#%s): %d keys\n", k.Name, strings.ToLower(k.Name), len(k.Fields))
	}
	b.WriteString("- [Statuses](#statuses)\n- [Exit codes](#exit-codes)\n")
	for _, k := range kinds {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n", k.Name, cell(k.Doc))
		b.WriteString("| key | type | unit | meaning | from | parameter |\n| --- | --- | --- | --- | --- | --- |\n")
		for _, f := range k.Fields {
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | `%s` |\n",
				f.Key, f.Type, cell(f.Unit), cell(f.Doc), cell(f.From), f.Param)
		}
	}
	b.WriteString("\n## Statuses\n\nReqMgr's life cycle of a request. *active*: in the lists; *job counts*: joined with the agents' counts.\n\n")
	b.WriteString("| order | status | group | active | job counts |\n| ---: | --- | --- | --- | --- |\n")
	for _, s := range statuses {
		fmt.Fprintf(&b, "| %d | %s | %s | %s | %s |\n", s.Order, s.Status, s.Group, yes(s.Active), yes(s.JobInfo))
	}
	b.WriteString("\nTier-0's life cycle (`cacheserver --t0`), joined with the agents' counts in every status:\n\n")
	b.WriteString("| order | status | group | active |\n| ---: | --- | --- | --- |\n")
	for _, s := range schema.TierZeroStatuses() {
		fmt.Fprintf(&b, "| %d | %s | %s | %s |\n", s.Order, s.Status, s.Group, yes(s.Active))
	}
	b.WriteString("\n## Exit codes\n\nWhat the exit codes of jobs mean, and where somebody would look first. Codes above 128 are 128 and a signal.\n\n")
	b.WriteString("| exit code | area | meaning |\n| ---: | --- | --- |\n")
	for _, e := range schema.ExitCodes() {
		fmt.Fprintf(&b, "| %d | %s | %s |\n", e.ExitCode, e.Area, cell(e.Meaning))
	}
	return []byte(b.String())
}

// cell makes text safe inside a table of Markdown.
func cell(text string) string {
	return strings.NewReplacer("|", `\|`, "<", "&lt;", "*", `\*`).Replace(text)
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
