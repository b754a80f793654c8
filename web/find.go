package web

import (
	"slices"
	"strings"
)

// PalettePage are the props of the page that finds pages, workflows, sites and so
// on by name.
type PalettePage struct {
	Frame
	Notes  []Note
	Text   string
	Words  []string // of the text, to mark
	Groups []PaletteGroup
	Meant  []Meant // lists of workflows, instead of empty groups
}

// PaletteGroup is a group of results of one kind.
type PaletteGroup struct {
	Title string
	Lines []PaletteLine
}

// PaletteLine is one result.
type PaletteLine struct{ Text, Href, Note string }

// Holds reports whether a name holds each of the words, ignoring case.
func Holds(name string, words []string) bool {
	name = strings.ToLower(name)
	return !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(name, strings.ToLower(word)) })
}

// PalettePages returns the navigation entries that hold the words.
func PalettePages(words []string) PaletteGroup {
	group := PaletteGroup{Title: "Pages"}
	for _, entry := range navigation {
		if Holds(entry.Name, words) {
			group.Lines = append(group.Lines, PaletteLine{Text: entry.Name, Href: entry.Path, Note: "g " + entry.Key})
		}
	}
	if changed := "What changed"; Holds(changed, words) {
		group.Lines = append(group.Lines, PaletteLine{Text: changed, Href: ChangedPath})
	}
	return group
}

// Nothing reports whether nothing was found.
func (p PalettePage) Nothing() bool {
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
