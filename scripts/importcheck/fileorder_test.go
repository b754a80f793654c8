package importcheck

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestFileOrder: a file of a package in the table uses only files below it, and no
// file of a page uses that of another page.
func TestFileOrder(t *testing.T) {
	page, err := os.ReadFile(root + "/docs/explanation/architecture.md")
	require.NoError(t, err)
	orders, faults := parseOrders(string(page))
	require.NotEmpty(t, orders)
	for _, o := range orders {
		files, uses, err := filesOf(t.Context(), o.pkg)
		require.NoError(t, err)
		require.NotEmpty(t, files, o.pkg)
		faults = append(faults, o.check(files, uses)...)
	}
	for _, fault := range faults {
		t.Errorf("docs/explanation/architecture.md: %v", fault)
	}
}

// files of a package: pages a and b on a frame, and routes above them.
func files() map[string]string {
	return map[string]string{
		"frame.go":  "package p\ntype Pages struct{ Name string }\nfunc (p *Pages) frame() string { return p.Name }\n",
		"a.go":      "package p\nconst own = 1\nfunc (p *Pages) a() int { p.frame(); return own }\n",
		"b.go":      "package p\ntype row struct{ count int }\nfunc (p *Pages) b() int { return len(p.Name) + row{}.count }\n",
		"routes.go": "package p\nfunc (p *Pages) Routes() int { return p.a() + p.b() }\n",
	}
}

func faultsOf(t *testing.T, cell string, sources map[string]string) []error {
	t.Helper()
	orders, faults := parseOrders("| package | files |\n|---|---|\n| `x/p` | " + cell + " |\n")
	require.Empty(t, faults)
	set := token.NewFileSet()
	var parsed []*ast.File
	var all []string
	for file, text := range sources {
		tree, err := parser.ParseFile(set, "/somewhere/"+file, text, parser.SkipObjectResolution)
		require.NoError(t, err)
		parsed, all = append(parsed, tree), append(all, file)
	}
	uses, err := usesIn(set, parsed, nil)
	require.NoError(t, err)
	return orders[0].check(all, uses)
}

func TestFileOrderIsKept(t *testing.T) {
	const cell = "`frame.go`, `*`, `routes.go`"
	assert.Empty(t, faultsOf(t, cell, files()))
	for what, c := range map[string]struct{ cell, file, text, want string }{
		"a constant of another page":     {cell, "b.go", "package p\nfunc (p *Pages) b() int { return own }\n", "x/p/b.go:2 uses own of a.go"},
		"a method of another page":       {cell, "b.go", "package p\nfunc (p *Pages) b() int { return p.a() }\n", "x/p/b.go:2 uses a of a.go"},
		"a field of another page's type": {cell, "a.go", "package p\nfunc (p *Pages) a() int { var r row; return r.count }\n", "uses count of b.go"},
		"a call back up":                 {cell, "frame.go", "package p\ntype Pages struct{ Name string }\nfunc (p *Pages) frame() int { return p.Routes() }\n", "frame.go:3 uses Routes of routes.go"},
		"a page used from below":         {cell, "frame.go", "package p\ntype Pages struct{ Name string }\nfunc (p *Pages) frame() int { return own }\n", "frame.go:3 uses own of a.go"},
		"a file that does not exist":     {"`frame.go`, `gone.go`, `*`, `routes.go`", "a.go", files()["a.go"], "no file gone.go"},
		"a file that is not named":       {"`frame.go`, `a.go`, `routes.go`", "a.go", files()["a.go"], "lack b.go"},
	} {
		sources := files()
		sources[c.file] = c.text
		assert.Contains(t, said(faultsOf(t, c.cell, sources)), c.want, what)
	}
}

func TestWrongFileTable(t *testing.T) {
	for row, want := range map[string]string{
		"| `a` | `b.go` | c |":  "3 cells",
		"| a | `b.go` |":        "not a list of names",
		"| `a`, `b` | `b.go` |": "want one package",
		"| `a` | b.go |":        "not a list of names",
	} {
		orders, faults := parseOrders("| package | files |\n|---|---|\n" + row + "\n")
		assert.Empty(t, orders, row)
		assert.Contains(t, said(faults), want, row)
		assert.Contains(t, said(faults), "line 3", row)
	}
}
