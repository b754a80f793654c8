// Package systemd tests deploy/systemd: the units with systemd-analyze, and their
// options with the programs' own tables of options. It has no code of its own beside
// the tests.
package systemd
