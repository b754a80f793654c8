package importcheck

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// order is the order of the files of one package, each of which may use those
// below it: one row of the table that begins with "package".
type order struct {
	line  int
	pkg   string   // from the root of the repository
	files []string // from the bottom up; others means all files that are not named
}

// others are independent files: none of them uses another.
const others = "*"

// parseOrders reads the table of a page that begins with a row whose first cell
// is "package". Its errors name the line.
func parseOrders(page string) (orders []order, faults []error) {
	for _, r := range tableRows(page, "package") {
		o := order{line: r.line}
		var pkgs []string
		var err error
		if len(r.cells) != 2 {
			err = fmt.Errorf("%d cells: want a package and its files from the bottom up", len(r.cells))
		}
		if err == nil {
			pkgs, err = names(r.cells[0])
		}
		if err == nil && len(pkgs) != 1 {
			err = fmt.Errorf("want one package, not %d", len(pkgs))
		}
		if err == nil {
			o.pkg = pkgs[0]
			o.files, err = names(r.cells[1])
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("line %d: %w", r.line, err))
			continue
		}
		orders = append(orders, o)
	}
	return orders, faults
}

// use is a place where a file uses a declaration of another file of its package.
type use struct {
	file string // that has the use
	line int
	name string
	of   string // file that declares it
}

// check returns an error for each use of a file above or beside, for each file that
// is missing in the table, and for each that does not exist.
func (o order) check(files []string, uses []use) (faults []error) {
	place := map[string]int{}
	for i, file := range o.files {
		place[file] = i
		if file != others && !slices.Contains(files, file) {
			faults = append(faults, fmt.Errorf("line %d: %s has no file %s", o.line, o.pkg, file))
		}
	}
	for _, file := range files {
		if _, named := place[file]; named {
			continue
		}
		at, open := place[others]
		if !open {
			faults = append(faults, fmt.Errorf("line %d: the files of %s lack %s", o.line, o.pkg, file))
		}
		place[file] = at
	}
	for _, u := range uses {
		if place[u.of] >= place[u.file] {
			faults = append(faults, fmt.Errorf("line %d: %s/%s:%d uses %s of %s, which is not below it", o.line, o.pkg, u.file, u.line, u.name, u.of))
		}
	}
	return faults
}

// filesOf returns the files of a package and their uses of each other. Tests are
// exempt.
func filesOf(ctx context.Context, pkg string) (files []string, uses []use, err error) {
	out, err := goTool(ctx, "list", "-export", "-deps", "-json=ImportPath,Dir,GoFiles,Export", module+pkg)
	if err != nil {
		return nil, nil, err
	}
	exports := map[string]string{}
	set := token.NewFileSet()
	var parsed []*ast.File
	for lines := json.NewDecoder(bytes.NewReader(out)); lines.More(); {
		var listed struct {
			ImportPath, Dir, Export string
			GoFiles                 []string
		}
		if err := lines.Decode(&listed); err != nil {
			return nil, nil, fmt.Errorf("read the output of go list: %w", err)
		}
		if listed.ImportPath != module+pkg {
			exports[listed.ImportPath] = listed.Export
			continue
		}
		files = listed.GoFiles
		for _, file := range files {
			tree, err := parser.ParseFile(set, filepath.Join(listed.Dir, file), nil, parser.SkipObjectResolution)
			if err != nil {
				return nil, nil, err
			}
			parsed = append(parsed, tree)
		}
	}
	read := func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) }
	uses, err = usesIn(set, parsed, importer.ForCompiler(set, "gc", read))
	return files, uses, err
}

// usesIn returns the uses between the files of one package: functions, methods,
// types, fields, variables and constants.
func usesIn(set *token.FileSet, files []*ast.File, imports types.Importer) ([]use, error) {
	info := types.Info{Uses: map[*ast.Ident]types.Object{}}
	config := types.Config{Importer: imports}
	pkg, err := config.Check("files", set, files, &info)
	if err != nil {
		return nil, fmt.Errorf("types: %w", err)
	}
	var uses []use
	for ident, object := range info.Uses {
		if object.Pkg() != pkg {
			continue
		}
		at, declared := set.Position(ident.Pos()), set.Position(object.Pos())
		if at.Filename != declared.Filename {
			uses = append(uses, use{filepath.Base(at.Filename), at.Line, ident.Name, filepath.Base(declared.Filename)})
		}
	}
	slices.SortFunc(uses, func(a, b use) int {
		return cmp.Or(strings.Compare(a.file, b.file), cmp.Compare(a.line, b.line), strings.Compare(a.name, b.name))
	})
	return uses, nil
}
