package reference

import (
	"bytes"
	"fmt"
	"strings"

	cacheserver "github.com/dmwm/wmstats/cacheserver/app"
	mock "github.com/dmwm/wmstats/mock/command"
	"github.com/dmwm/wmstats/program/settings"
	"github.com/dmwm/wmstats/scripts/bench"
	"github.com/dmwm/wmstats/scripts/demo"
	"github.com/dmwm/wmstats/scripts/screenshots"
	"github.com/dmwm/wmstats/scripts/storybook"
	uiserver "github.com/dmwm/wmstats/uiserver/app"
)

// Tables are the options of all programs and their commands.
func Tables() []*settings.Table {
	forCache, forUI := cacheserver.Defaults(), uiserver.Defaults()
	forBench, forDemo, forPictures, forStories := bench.Defaults(), demo.Defaults(), screenshots.Defaults(), storybook.Defaults()
	var serve string
	tables := []*settings.Table{forCache.Settings(), forUI.Settings()}
	tables = append(tables, mock.Tables()...)
	return append(tables, forDemo.Settings(), forBench.Settings(&serve), forPictures.Settings(), forStories.Settings())
}

const optionsIntro = `# Options

Every program prints its options with ` + "`-h`" + `; this page has the same, and is made by ` + "`make generate`" + `.

A flag overrides its environment variable, and that the default. Flags are written with one dash or two, as ` + "`--listen ADDRESS` or `--listen=ADDRESS`" + `. All errors are reported at once. ` + "`--print-config`" + ` prints the options in effect, each with where it comes from.

| placeholder | value |
|---|---|
| DURATION | a number and a unit: ` + "`250ms`, `30s`, `5m`, `6h`, `1h30m`" + ` |
| SIZE | bytes, or with a unit: ` + "`64KiB`, `256MiB`, `2GiB`" + ` |
| N | a whole number |
| NUMBER, SHARE, RATE | a number, such as ` + "`0.2` or `200`" + ` |
| HOST:PORT | such as ` + "`127.0.0.1:8081`; `:8081` is every interface, port 0 any free port" + ` |
| none | the option is true or false; the flag alone is true |
`

// Options is the page of the options.
func Options() []byte {
	var out bytes.Buffer
	out.WriteString(optionsIntro)
	for _, t := range Tables() {
		about, forms := t.About()
		fmt.Fprintf(&out, "\n## %s\n\n", t.Program())
		if about != "" {
			fmt.Fprintf(&out, "%s\n\n", about)
		}
		fmt.Fprintf(&out, "```\n%s\n```\n", strings.Join(forms, "\n"))
		group := "-"
		for _, r := range t.Rows() {
			if r.Group != group {
				group = r.Group
				out.WriteString("\n")
				if group != "" {
					fmt.Fprintf(&out, "**%s**\n\n", group)
				}
				head(&out, "option", "environment", "default", "meaning")
			}
			row(&out, code(strings.TrimSpace(r.Flag+" "+r.Placeholder)), codes(r.Variables), code(r.Default), cell(sentence(r.Help)))
		}
	}
	return out.Bytes()
}

func code(text string) string {
	if text == "" {
		return ""
	}
	return "`" + strings.ReplaceAll(text, "|", `\|`) + "`"
}

func codes(texts []string) string {
	list := make([]string, len(texts))
	for i, text := range texts {
		list[i] = code(text)
	}
	return strings.Join(list, ", ")
}
