// Package kubernetes tests deploy/kubernetes without a cluster: kustomize renders the
// base and each overlay, every object is decoded strictly into its type, and its names,
// ports, probes and options are compared with each other, with the programs and with
// the documentation. It has no code of its own beside the tests.
package kubernetes
