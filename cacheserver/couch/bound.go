package couch

import (
	"fmt"
	"io"
	"net/http"
)

// defaultMaxAnswer is far larger than production documents (8 MB, rarely 20 MB),
// and small enough not to exhaust the process's memory.
const defaultMaxAnswer = 256 << 20

// errTooLarge is the error of an answer, or of one of its rows, that exceeds the
// bound.
func errTooLarge(most int64) error { return fmt.Errorf("more than %d bytes in one piece", most) }

// boundedTransport bounds the size of answers that are read into memory as a
// whole.
type boundedTransport struct {
	next http.RoundTripper
	most int64
}

// RoundTrip sends the request and bounds the body of the answer.
func (b boundedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := b.next.RoundTrip(r)
	if err == nil {
		resp.Body = &boundedBody{ReadCloser: resp.Body, most: b.most, left: b.most}
	}
	return resp, err //nolint:wrapcheck // a round tripper returns the error as it is
}

type boundedBody struct {
	io.ReadCloser

	most, left int64
}

// Read reads up to the bound.
func (b *boundedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, errTooLarge(b.most)
	}
	return n, err //nolint:wrapcheck // the error of the body below
}
