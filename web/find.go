package web

import "strings"

// PalettePage are the props of the page that finds pages, workflows, sites and so
// on by name.
type PalettePage struct {
	Frame
	Notes  []Note
	Text   string
	Groups []PaletteGroup
}

// PaletteGroup is a group of results of one kind.
type PaletteGroup struct {
	Title string
	Lines []PaletteLine
}

// PaletteLine is one result.
type PaletteLine struct{ Text, Href, Note string }

// Holds reports whether a name contains a text, ignoring case.
func Holds(name, text string) bool {
	return strings.Contains(strings.ToLower(name), strings.ToLower(text))
}

// PalettePages returns the navigation entries that contain the text.
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

// nothing reports whether nothing was found.
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
