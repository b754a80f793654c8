// Package version has the version of the running program. The Makefile sets it with
// the linker; a program built otherwise has the revision recorded by the compiler.
package version

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// text is set by the linker: -X github.com/dmwm/wmstats/program/version.text=v0.1.0
var text string

// Text returns the version, such as v0.1.0; "unknown" if none was recorded.
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

// ofBuild returns the version of a program that was built without the Makefile.
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

// Line returns the line printed by --version, without the newline.
func Line(program string) string {
	return fmt.Sprintf("%s %s (%s, %s/%s)", program, Text(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
