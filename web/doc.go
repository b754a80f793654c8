// Package web renders the pages: it has the templ components, their props, and the
// formats of numbers, times and names. It is pure: props in, HTML out. It makes no
// HTTP requests and reads no clock (the current time is a prop), so a test can
// render every page from records alone.
//
// Pages contain no inline styles or scripts, so that the content security policy
// can forbid both: positions and widths are SVG attributes, colours are classes.
//
// The *_templ.go files are generated and committed; make generate updates them.
package web

//go:generate go tool templ generate
