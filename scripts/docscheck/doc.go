// Package docscheck holds the documentation to the code where a reader would
// have to take its word: that the tests which it names are there. It is a test
// alone. What the pages say of the API, the options and the schema is tested
// beside these.
package docscheck
