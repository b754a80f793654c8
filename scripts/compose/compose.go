// Package compose holds what docker-compose.yml mounts, and the test that
// reads that file with the library of the compose command itself: no engine is
// needed to see that it is well formed and keeps its promises.
package compose
