package stitch

import "encoding/binary"

// Member is one gzip member under construction. The zero value is not ready: use
// NewMember. Its parts alias the segments and must not be changed.
type Member struct {
	parts [][]byte
	size  int64
	crc   uint32
	total uint32 // of the text, modulo 2^32 as the format requires
}

// The pieces of text between the segments, and the end.
var (
	header  = []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff}
	opening = store("[", false)
	between = store(",\n", false)
	closing = store("]\n", true)
	nothing = store("[]\n", true)
	ending  = store("", true)
)

// NewMember starts a member of about n segments.
func NewMember(n int) *Member {
	m := &Member{parts: make([][]byte, 0, 2*n+3)}
	m.part(header)
	return m
}

// Open, Separate, Close and CloseEmpty write the punctuation of a JSON array
// of one record a line. Close, CloseEmpty or End must come last.
func (m *Member) Open()       { m.Add(opening) }
func (m *Member) Separate()   { m.Add(between) }
func (m *Member) Close()      { m.Add(closing); m.trailer() }
func (m *Member) CloseEmpty() { m.Add(nothing); m.trailer() }

// End writes the end of a member without more text.
func (m *Member) End() { m.Add(ending); m.trailer() }

// Add appends a segment.
func (m *Member) Add(s *Segment) {
	m.part(s.Deflate)
	m.crc = join(m.crc, s.crc, s.by)
	m.total += s.Length
}

func (m *Member) part(data []byte) {
	m.parts = append(m.parts, data)
	m.size += int64(len(data))
}

func (m *Member) trailer() {
	end := make([]byte, 8)
	binary.LittleEndian.PutUint32(end, m.crc)
	binary.LittleEndian.PutUint32(end[4:], m.total)
	m.part(end)
}

// Parts returns the member as pieces to write, and their length in bytes.
func (m *Member) Parts() (parts [][]byte, size int64) { return m.parts, m.size }

// Take returns the pieces added since the last Take, for a member that is
// written while it is built; then Parts must not be used. They are valid until
// the next piece is added.
func (m *Member) Take() [][]byte {
	taken := m.parts
	m.parts = m.parts[:0]
	return taken
}
