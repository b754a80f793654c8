package screenshots

import (
	"errors"
	"flag"
	"io"

	"github.com/dmwm/wmstats/program/settings"
)

// Settings is the table of the options.
func (o *Options) Settings() *settings.Table {
	t := settings.New("screenshots", "WMSTATS_SCREENSHOTS_")
	t.Describe("screenshots takes the pictures of the documentation, with a Chromium from PATH and programs that have been built.")
	t.Text("bin", &o.Bin, "`FOLDER` of the programs")
	t.Text("folder", &o.Folder, "`FOLDER` of the pictures")
	t.Int("workflows", &o.Workflows, "workflows in the mock data, at least 100")
	t.Int64("seed", &o.Seed, "seed of the mock data")
	return t
}

// ParseOptions reads flags and environment. help gets what -h, --version and
// --print-config print; the error is then flag.ErrHelp.
func ParseOptions(args []string, getenv func(string) string, help io.Writer) (Options, error) {
	o := Defaults()
	_, err := o.Settings().Parse(args, getenv, help)
	if errors.Is(err, flag.ErrHelp) {
		return o, err
	}
	var f settings.Faults
	if o.Workflows < 100 {
		f.Add("--workflows \"%d\": want at least 100; fewer have too little to show", o.Workflows)
	}
	return o, errors.Join(err, f.Err())
}

// Defaults are the options without flags and environment.
func Defaults() Options {
	return Options{Bin: "bin", Folder: "docs/images", Workflows: 2000, Seed: 1}
}
