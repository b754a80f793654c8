package importcheck

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// module is the prefix of the import paths of our packages.
const module = "github.com/dmwm/wmstats/"

// goTool returns the output of the go command.
func goTool(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go %s: %w: %s", strings.Join(args, " "), err, stderr.String())
	}
	return out, nil
}

// workspace returns the names that each package of the workspace uses. Test files
// are exempt: they may import other parts to compare with or to run.
func workspace(ctx context.Context) ([]source, error) {
	out, err := goTool(ctx, "list", "-json=ImportPath,Dir,GoFiles", "work")
	if err != nil {
		return nil, err
	}
	var all []source
	for lines := json.NewDecoder(bytes.NewReader(out)); lines.More(); {
		var listed struct {
			ImportPath, Dir string
			GoFiles         []string
		}
		if err := lines.Decode(&listed); err != nil {
			return nil, fmt.Errorf("read the output of go list: %w", err)
		}
		s := source{pkg: strings.TrimPrefix(listed.ImportPath, module)}
		for _, file := range listed.GoFiles {
			if err := s.add(filepath.Join(listed.Dir, file)); err != nil {
				return nil, err
			}
		}
		all = append(all, s)
	}
	return all, nil
}

// add adds the names of a file.
func (s *source) add(file string) error {
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		return fmt.Errorf("read %s: %w", file, err)
	}
	imports := map[string]string{} // by their name in the file
	for _, spec := range parsed.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return fmt.Errorf("read the imports of %s: %w", file, err)
		}
		if ours, is := strings.CutPrefix(imported, module); is {
			s.ours = append(s.ours, ours)
			continue
		}
		s.other = append(s.other, imported)
		short := path.Base(imported)
		if spec.Name != nil {
			short = spec.Name.Name
		}
		imports[short] = imported
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		if selector, is := n.(*ast.SelectorExpr); is {
			if of, is := selector.X.(*ast.Ident); is && imports[of.Name] != "" {
				s.other = append(s.other, imports[of.Name]+"."+selector.Sel.Name)
			}
		}
		return true
	})
	slices.Sort(s.other)
	s.other = slices.Compact(s.other)
	slices.Sort(s.ours)
	s.ours = slices.Compact(s.ours)
	return nil
}

// needed is one line of a go.mod file.
type needed struct{ module, path, version string }

// requirements returns the other modules that the go.mod files of the workspace
// require, and the version of Go as the path "go".
func requirements(ctx context.Context, root string) ([]needed, error) {
	out, err := goTool(ctx, "work", "edit", "-json", filepath.Join(root, "go.work"))
	if err != nil {
		return nil, err
	}
	var work struct{ Use []struct{ DiskPath string } }
	if err := json.Unmarshal(out, &work); err != nil {
		return nil, fmt.Errorf("read go.work: %w", err)
	}
	var all []needed
	for _, use := range work.Use {
		out, err := goTool(ctx, "mod", "edit", "-json", filepath.Join(root, use.DiskPath, "go.mod"))
		if err != nil {
			return nil, err
		}
		var file struct {
			Go      string
			Require []struct{ Path, Version string }
		}
		if err := json.Unmarshal(out, &file); err != nil {
			return nil, fmt.Errorf("read go.mod of %s: %w", use.DiskPath, err)
		}
		all = append(all, needed{use.DiskPath, "go", file.Go})
		for _, r := range file.Require {
			all = append(all, needed{use.DiskPath, r.Path, r.Version})
		}
	}
	return all, nil
}

// differing returns an error for each dependency that has several versions.
func differing(all []needed) (faults []error) {
	all = slices.SortedStableFunc(slices.Values(all), func(a, b needed) int { return cmp.Compare(a.path, b.path) })
	for len(all) > 0 {
		first := all[0]
		n := slices.IndexFunc(all, func(r needed) bool { return r.path != first.path })
		if n < 0 {
			n = len(all)
		}
		if slices.ContainsFunc(all[:n], func(r needed) bool { return r.version != first.version }) {
			var versions []string
			for _, r := range all[:n] {
				versions = append(versions, r.module+" "+r.version)
			}
			faults = append(faults, fmt.Errorf("%s: %s; want the highest version in all (go work sync, or go get in the module)", first.path, strings.Join(versions, ", ")))
		}
		all = all[n:]
	}
	return faults
}
