// Package docscheck tests the documentation: links, options, tests of the
// failures in docs/explanation/reliability.md, words and commands. It has tests
// only. The pages of the API and the schema are tested beside their code.
package docscheck
