package timeline

import "unsafe"

// Len returns the number of points.
func (t *Timeline) Len() int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return len(t.times)
}

// Newest returns the time of the newest point in Unix seconds, or 0 if there
// is none.
func (t *Timeline) Newest() int64 {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if len(t.times) == 0 {
		return 0
	}
	return t.times[len(t.times)-1]
}

// Bytes returns the approximate memory of all points.
func (t *Timeline) Bytes() (bytes int64) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	const place = int64(unsafe.Sizeof(key{})+8) * 3 / 2 // entry in the map, with its free space
	bytes = 8 * int64(cap(t.times))
	for k, s := range t.series {
		bytes += place + int64(len(k.name)) + int64(unsafe.Sizeof(*s)) + int64(cap(s.chunks))*int64(unsafe.Sizeof(chunk{})) + 8*int64(cap(s.last))
		for i := range s.chunks {
			bytes += int64(cap(s.chunks[i].data))
		}
	}
	return bytes
}
