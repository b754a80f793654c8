package couch

import (
	"fmt"
	"io"
	"net/http"
)

// defaultMaxAnswer is far beyond the documents of the field (8 MB, rarely 20 MB)
// and below what would take the process down.
const defaultMaxAnswer = 256 << 20

// errTooLarge says that an answer, or a row of one, does not end within the bound.
func errTooLarge(most int64) error { return fmt.Errorf("more than %d bytes in one piece", most) }

// boundedTransport bounds answers that their reader takes as a whole.
type boundedTransport struct {
	next http.RoundTripper
	most int64
}

// RoundTrip asks, and bounds the body of the answer.
func (b boundedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := b.next.RoundTrip(r)
	if err == nil {
		resp.Body = &boundedBody{ReadCloser: resp.Body, most: b.most, left: b.most}
	}
	return resp, err //nolint:wrapcheck // a round tripper passes on what it gets
}

type boundedBody struct {
	io.ReadCloser

	most, left int64
}

// Read reads more, up to the bound.
func (b *boundedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, errTooLarge(b.most)
	}
	return n, err //nolint:wrapcheck // as if it were the body below
}
