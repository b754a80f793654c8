package checkpoint

import "encoding/binary"

// Cursor reads the numbers and texts of a frame, as encoding/binary's Append
// functions write them. After the first value that is not there all are zero,
// and Err says so: a caller checks once, after a whole item.
type Cursor struct {
	data []byte
	bad  bool
}

// NewCursor reads data from its beginning.
func NewCursor(data []byte) *Cursor { return &Cursor{data: data} }

// Len is the number of bytes that are left.
func (c *Cursor) Len() int { return len(c.data) }

// Err is nil as long as all was there.
func (c *Cursor) Err() error {
	if c.bad {
		return broken("a part of it is not what was written")
	}
	return nil
}

// Uint reads what binary.AppendUvarint wrote.
func (c *Cursor) Uint() uint64 {
	v, n := binary.Uvarint(c.data)
	if n <= 0 {
		c.bad, c.data = true, nil
		return 0
	}
	c.data = c.data[n:]
	return v
}

// Int reads what binary.AppendVarint wrote.
func (c *Cursor) Int() int64 {
	v, n := binary.Varint(c.data)
	if n <= 0 {
		c.bad, c.data = true, nil
		return 0
	}
	c.data = c.data[n:]
	return v
}

// Uint64 reads what binary.LittleEndian.AppendUint64 wrote.
func (c *Cursor) Uint64() uint64 {
	if b := c.Bytes(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

// Count reads the number of items of at least size bytes each.
func (c *Cursor) Count(size int) int {
	n := c.Uint()
	if n > uint64(len(c.data)/max(size, 1)) {
		c.bad, c.data = true, nil
		return 0
	}
	return int(n)
}

// Bytes reads n bytes, which are part of the frame; nil if there are fewer.
func (c *Cursor) Bytes(n int) []byte {
	if n < 0 || n > len(c.data) {
		c.bad, c.data = true, nil
		return nil
	}
	b := c.data[:n:n]
	c.data = c.data[n:]
	return b
}

// Text reads what AppendText wrote. It is a copy.
func (c *Cursor) Text() string { return string(c.Bytes(c.Count(1))) }

// AppendText appends a text and its length.
func AppendText[T ~string | ~[]byte](dst []byte, text T) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(text))), text...)
}
