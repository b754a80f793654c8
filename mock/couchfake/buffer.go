package couchfake

import (
	"bytes"
	"net/http"
)

// bufferedWriter holds an answer back until the answer has ended.
type bufferedWriter struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

// Unwrap lets http.ResponseController reach the connection.
func (b *bufferedWriter) Unwrap() http.ResponseWriter { return b.ResponseWriter }

// WriteHeader keeps the status.
func (b *bufferedWriter) WriteHeader(status int) { b.status = status }

// Write keeps p.
func (b *bufferedWriter) Write(p []byte) (int, error) { return b.body.Write(p) }

// FlushError does nothing: that is the fault.
func (b *bufferedWriter) FlushError() error { return nil }

// release sends the held output.
func (b *bufferedWriter) release() error {
	if b.status != 0 {
		b.ResponseWriter.WriteHeader(b.status)
	}
	_, err := b.ResponseWriter.Write(b.body.Bytes())
	return err
}
