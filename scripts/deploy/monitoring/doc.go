// Package monitoring tests deploy/prometheus and deploy/grafana: the rules with
// promtool, and every expression of the rules and of the board against the metrics
// that both servers have. It has no code of its own beside the tests.
package monitoring
