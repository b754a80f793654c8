// Package importcheck holds the import rules of docs/architecture.md as a
// test. A rule in a document drifts; this one fails the build. The workspace
// does not give it for free: inside it, a module may import a sibling that its
// go.mod does not name.
package importcheck
