package web

import "strings"

// PalettePage are the props of the page that finds pages and things by name.
type PalettePage struct {
	Frame
	Notes  []Note
	Text   string
	Groups []PaletteGroup
}

// PaletteGroup are things of one kind.
type PaletteGroup struct {
	Title string
	Lines []PaletteLine
}

// PaletteLine is one thing that was found.
type PaletteLine struct{ Text, Href, Note string }

// Holds reports whether a name has a text in it, in any case of letters.
func Holds(name, text string) bool {
	return strings.Contains(strings.ToLower(name), strings.ToLower(text))
}

// PalettePages are the entries of the navigation that have the text in them.
func PalettePages(text string) PaletteGroup {
	group := PaletteGroup{Title: "Pages"}
	for _, entry := range navigation {
		if Holds(entry.Name, text) {
			group.Lines = append(group.Lines, PaletteLine{Text: entry.Name, Href: entry.Path, Note: "g " + entry.Key})
		}
	}
	if changed := "What changed"; Holds(changed, text) {
		group.Lines = append(group.Lines, PaletteLine{Text: changed, Href: ChangedPath})
	}
	return group
}

// nothing reports whether no group has a line.
func (p PalettePage) nothing() bool {
	for _, g := range p.Groups {
		if len(g.Lines) > 0 {
			return false
		}
	}
	return true
}

// FacetPage are the props of the page with the values of one facet.
type FacetPage struct {
	Frame
	Notes  []Note
	Prefix string
	Path   string  // of this page
	Hidden []Field // the query
	Back   string  // the list
	Box    FacetBox
}
