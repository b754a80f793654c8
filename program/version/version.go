// Package version says which build of WMStats a program is. The Makefile has the
// linker set the version; a program that was built otherwise has the revision
// that the compiler recorded.
package version

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// text is set by the linker: -X github.com/dmwm/wmstats/program/version.text=v0.1.0
var text string

// Text is the version, such as v0.1.0; "unknown" where nothing recorded it.
func Text() string {
	if text != "" {
		return text
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	return ofBuild(info.Settings)
}

// ofBuild is the version of a program that was built without the Makefile.
func ofBuild(settings []debug.BuildSetting) string {
	revision, modified := "", ""
	for _, s := range settings {
		switch {
		case s.Key == "vcs.revision":
			const short = 12
			revision = s.Value[:min(short, len(s.Value))]
		case s.Key == "vcs.modified" && s.Value == "true":
			modified = "-dirty"
		}
	}
	if revision == "" {
		return "unknown"
	}
	return revision + modified
}

// Line is what --version prints, without the end of the line.
func Line(program string) string {
	return fmt.Sprintf("%s %s (%s, %s/%s)", program, Text(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
