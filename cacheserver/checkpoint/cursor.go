package checkpoint

import "encoding/binary"

// Cursor reads the numbers and texts of a frame, as encoding/binary's Append
// functions write them. After the first missing value all further values are
// zero and Err returns an error, so a caller checks once, after a whole item.
type Cursor struct {
	data []byte
	bad  bool
}

// NewCursor returns a Cursor at the beginning of data.
func NewCursor(data []byte) *Cursor { return &Cursor{data: data} }

// Len returns the number of remaining bytes.
func (c *Cursor) Len() int { return len(c.data) }

// Err returns nil while no value was missing.
func (c *Cursor) Err() error {
	if c.bad {
		return broken("a part of it is invalid")
	}
	return nil
}

// Uint reads a number that binary.AppendUvarint wrote.
func (c *Cursor) Uint() uint64 {
	v, n := binary.Uvarint(c.data)
	if n <= 0 {
		c.bad, c.data = true, nil
		return 0
	}
	c.data = c.data[n:]
	return v
}

// Int reads a number that binary.AppendVarint wrote.
func (c *Cursor) Int() int64 {
	v, n := binary.Varint(c.data)
	if n <= 0 {
		c.bad, c.data = true, nil
		return 0
	}
	c.data = c.data[n:]
	return v
}

// Uint64 reads a number that binary.LittleEndian.AppendUint64 wrote.
func (c *Cursor) Uint64() uint64 {
	if b := c.Bytes(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

// Count reads a number of items that have at least size bytes each.
func (c *Cursor) Count(size int) int {
	n := c.Uint()
	if n > uint64(len(c.data)/max(size, 1)) {
		c.bad, c.data = true, nil
		return 0
	}
	return int(n)
}

// Bytes returns n bytes, which are part of the frame, or nil if there are
// fewer.
func (c *Cursor) Bytes(n int) []byte {
	if n < 0 || n > len(c.data) {
		c.bad, c.data = true, nil
		return nil
	}
	b := c.data[:n:n]
	c.data = c.data[n:]
	return b
}

// Text returns a copy of a text that AppendText wrote.
func (c *Cursor) Text() string { return string(c.Bytes(c.Count(1))) }

// AppendText appends a text and its length.
func AppendText[T ~string | ~[]byte](dst []byte, text T) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(text))), text...)
}
