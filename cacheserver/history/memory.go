package history

import "unsafe"

// Len is the number of points.
func (h *History) Len() int {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return len(h.times)
}

// Newest is the time of the newest point in Unix seconds, 0 if there is none.
func (h *History) Newest() int64 {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if len(h.times) == 0 {
		return 0
	}
	return h.times[len(h.times)-1]
}

// Bytes is about the memory of all points.
func (h *History) Bytes() (bytes int64) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	const place = int64(unsafe.Sizeof(key{})+8) * 3 / 2 // in the map, with what is free there
	bytes = 8 * int64(cap(h.times))
	for k, s := range h.series {
		bytes += place + int64(len(k.name)) + int64(unsafe.Sizeof(*s)) + int64(cap(s.chunks))*int64(unsafe.Sizeof(chunk{})) + 8*int64(cap(s.last))
		for i := range s.chunks {
			bytes += int64(cap(s.chunks[i].data))
		}
	}
	return bytes
}
