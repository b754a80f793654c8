package storybook

import "github.com/dmwm/wmstats/program/settings"

// Options of the storybook program.
type Options struct {
	Folder string // of the pages
	Listen string // host:port to serve them on; "": they are only written
}

// Defaults are the options without flags and environment.
func Defaults() Options { return Options{Folder: "dist/storybook"} }

// Settings is the table of the options.
func (o *Options) Settings() *settings.Table {
	t := settings.New("storybook", "WMSTATS_STORYBOOK_")
	t.Describe("storybook writes every component of the pages with its hard cases, in both themes.")
	t.Text("folder", &o.Folder, "`FOLDER` to write the pages to")
	t.Text("listen", &o.Listen, "address to serve them on, `HOST:PORT`; if empty, they are only written")
	return t
}
