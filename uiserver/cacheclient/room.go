package cacheclient

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
)

// room is the memory shared by all concurrent answers. Each answer has its own limit
// as well, but many large answers together could exhaust the memory.
type room struct {
	all  int64
	left atomic.Int64
}

func newRoom(all int64) *room {
	r := &room{all: all}
	r.left.Store(all)
	return r
}

// take reserves n bytes, and reports whether they were free.
func (r *room) take(n int64) bool {
	if r.left.Add(-n) >= 0 {
		return true
	}
	r.left.Add(n)
	return false
}

// held is the memory reserved by one call, until leave.
type held struct {
	room  *room
	bytes int64
}

func (r *room) enter() *held { return &held{room: r} }

func (h *held) leave() {
	h.room.left.Add(h.bytes)
	h.bytes = 0
}

// firstPart is the initial memory of an answer of unknown length.
const firstPart = 4 << 10

// read reads the whole body of an answer, at most most bytes. A truncated body is
// ErrUnreachable, not a short answer.
func (h *held) read(res *http.Response, most int64) ([]byte, error) {
	size := max(firstPart, res.ContentLength+1) // one more byte, to reach EOF without growing
	if res.ContentLength > most {
		return nil, fmt.Errorf("%w: larger than %d bytes", ErrTooLarge, most)
	}
	var body []byte
	for {
		if body == nil || len(body) == cap(body) {
			if int64(len(body)) > most {
				return nil, fmt.Errorf("%w: larger than %d bytes", ErrTooLarge, most)
			}
			var err error
			if body, err = h.grow(body, min(max(size, 2*int64(len(body))), most+1)); err != nil {
				return nil, err
			}
		}
		n, err := res.Body.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		switch {
		case errors.Is(err, io.EOF) && int64(len(body)) <= most:
			return body, nil
		case err != nil && !errors.Is(err, io.EOF):
			return nil, fmt.Errorf("%w: answer truncated: %w", ErrUnreachable, err)
		}
	}
}

// grow moves a body to a larger buffer. Both buffers are needed during the copy.
func (h *held) grow(body []byte, size int64) ([]byte, error) {
	before := int64(cap(body))
	if !h.room.take(size) {
		return nil, fmt.Errorf("%w: concurrent answers use all of the %d bytes allowed for them", ErrTooLarge, h.room.all)
	}
	h.bytes += size
	larger := append(make([]byte, 0, size), body...)
	h.bytes -= before
	h.room.left.Add(before)
	return larger, nil
}
