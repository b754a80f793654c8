// Package web holds the pages: templ components, the props they take, and the
// way numbers, times and names are written. It is pure: props in, HTML out. It
// makes no HTTP, calls no client and reads no clock (the present time is a
// prop), so every page can be rendered in a test from records alone.
//
// Nothing in a page is written as style or script: places and widths are SVG
// attributes, colours are classes, so that the content policy can forbid both.
//
// The *_templ.go files are generated and committed; make generate renews them.
package web

//go:generate go tool templ generate
