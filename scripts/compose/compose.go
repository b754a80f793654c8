// Package compose holds the files that docker-compose.yml mounts, and the test
// that reads that file with the library of the compose command itself: no
// engine is needed to check that it is valid and keeps its promises.
package compose
