// Package importcheck compares docs/explanation/architecture.md with the code. Its
// table of folders is the list of import rules, and a package that breaks its row
// fails the build. Its table of files has, for some packages, the order in which
// files may use each other. It also compares the versions in the go.mod files. The
// workspace checks neither: inside it, a module may import a sibling that its
// go.mod does not name, and all modules are built with the highest version that one
// of them names.
package importcheck

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// rule is one row of the table. Paths are from the root of the repository, with
// /... at the end for a package and all below it.
type rule struct {
	line     int      // of the row in the page
	packages []string // whose imports the row limits
	anything bool     // they may import every package of ours
	allowed  []string // packages of ours that they may import, in addition to each other
	never    []string // other packages, or functions such as time.Now, that they must not name
}

var (
	listOfNames = regexp.MustCompile("^`[^`]+`(, `[^`]+`)*$")
	name        = regexp.MustCompile("`([^`]+)`")
)

// names reads a list such as `schema`, `schema/wire`.
func names(cell string) ([]string, error) {
	if !listOfNames.MatchString(cell) {
		return nil, fmt.Errorf("%q is not a list of names in backticks, separated by commas", cell)
	}
	var list []string
	for _, m := range name.FindAllStringSubmatch(cell, -1) {
		list = append(list, m[1])
	}
	return list, nil
}

// tableRow is one row of a table of a page, without its head.
type tableRow struct {
	line  int // of the page, from 1
	cells []string
}

// tableRows returns the rows of the table whose head begins with the given cell.
func tableRows(page, head string) (rows []tableRow) {
	inside := false
	for i, line := range strings.Split(page, "\n") {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for j := range cells {
			cells[j] = strings.TrimSpace(cells[j])
		}
		switch {
		case !strings.HasPrefix(line, "|"):
			inside = false
		case cells[0] == head:
			inside = true
		case inside && strings.Trim(cells[0], "-") != "":
			rows = append(rows, tableRow{i + 1, cells})
		}
	}
	return rows
}

// parseRules reads the table of a page that begins with a row whose first cell
// is "folder". Its errors name the line.
func parseRules(page string) (rules []rule, faults []error) {
	for _, row := range tableRows(page, "folder") {
		r, err := parseRow(row.cells)
		if err != nil {
			faults = append(faults, fmt.Errorf("line %d: %w", row.line, err))
			continue
		}
		r.line = row.line
		rules = append(rules, r)
	}
	return rules, faults
}

func parseRow(cells []string) (r rule, err error) {
	const columns = 3
	if len(cells) != columns {
		return r, fmt.Errorf("%d cells: want folder, what it is, what it may import", len(cells))
	}
	if r.packages, err = names(cells[0]); err != nil {
		return r, fmt.Errorf("first column: %w", err)
	}
	may, never, limited := strings.Cut(cells[2], "; never ")
	switch may {
	case "nothing":
	case "anything":
		r.anything = true
	default:
		if r.allowed, err = names(may); err != nil {
			return r, fmt.Errorf("third column: want nothing, anything or a list, then perhaps \"; never\" and a list: %w", err)
		}
	}
	if limited {
		if r.never, err = names(never); err != nil {
			return r, fmt.Errorf("third column, after \"never\": %w", err)
		}
	}
	return r, nil
}

// covers reports whether a path of the table is the package or a parent of it.
func covers(path, pkg string) bool {
	if folder, all := strings.CutSuffix(path, "/..."); all {
		return pkg == folder || strings.HasPrefix(pkg, folder+"/")
	}
	return pkg == path
}

// ruleOf returns the row of a package: the one that names it, else the one with the
// longest path above it.
func ruleOf(rules []rule, pkg string) (found rule, ok bool) {
	longest := 0
	for _, r := range rules {
		for _, path := range r.packages {
			if path == pkg {
				return r, true
			}
			if covers(path, pkg) && len(path) > longest {
				found, ok, longest = r, true, len(path)
			}
		}
	}
	return found, ok
}

// source has the names that a package uses: our packages as paths from the root of
// the repository, other imports as written, and functions such as time.Now.
type source struct {
	pkg   string
	ours  []string
	other []string
}

// check returns the errors of the rules and of the packages.
func check(rules []rule, packages []source) (faults []error) {
	fault := func(r rule, format string, args ...any) {
		faults = append(faults, fmt.Errorf("line %d: %w", r.line, fmt.Errorf(format, args...)))
	}
	exists := func(path string) bool {
		return slices.ContainsFunc(packages, func(s source) bool { return covers(path, s.pkg) })
	}
	rows := map[string]int{}
	for _, r := range rules {
		for _, path := range r.packages {
			if first, twice := rows[path]; twice {
				fault(r, "%s already has a row in line %d", path, first)
			}
			rows[path] = r.line
		}
		for _, path := range slices.Concat(r.packages, r.allowed) {
			if !exists(path) {
				fault(r, "no package %s exists", path)
			}
		}
	}
	for _, s := range packages {
		r, ok := ruleOf(rules, s.pkg)
		if !ok {
			faults = append(faults, fmt.Errorf("%s has no row in the table of folders", s.pkg))
			continue
		}
		for _, imported := range s.ours {
			mayImport := func(path string) bool { return covers(path, imported) }
			if !r.anything && !slices.ContainsFunc(slices.Concat(r.packages, r.allowed), mayImport) {
				fault(r, "%s imports %s, which the row does not allow", s.pkg, imported)
			}
		}
		for _, named := range s.other {
			if slices.ContainsFunc(r.never, func(path string) bool { return covers(path, named) }) {
				fault(r, "%s names %s, which the row forbids", s.pkg, named)
			}
		}
	}
	return faults
}
