package stitch

// The CRC-32 of two concatenated texts follows from the CRC-32 of each and the
// length of the second: crc(ab) = crc(a)·x^(8·len(b)) mod P + crc(b), over
// polynomials with one-bit coefficients, in reflected order. The factor is
// computed once for each segment, so that joining costs one multiplication.
// Method and constants as in zlib's crc32_combine_gen and crc32_combine_op.

const polynomial = 0xedb88320 // CRC-32 of gzip (RFC 1952), reflected

// multiply returns a·b mod P; a must not be 0.
func multiply(a, b uint32) uint32 {
	var p uint32
	for m := uint32(1) << 31; m != 0; m >>= 1 {
		p ^= b & -(a & m / m)
		b = b>>1 ^ polynomial&-(b&1)
		if a&(m-1) == 0 {
			break
		}
	}
	return p
}

// squares[k] is x^(2^k) mod P.
var squares = func() (t [32]uint32) {
	t[0] = 1 << 30
	for k := 1; k < len(t); k++ {
		t[k] = multiply(t[k-1], t[k-1])
	}
	return t
}()

// shift returns x^(8n) mod P: the factor for the CRC of a text that is followed
// by n bytes.
func shift(n uint64) uint32 {
	p := uint32(1) << 31
	for k := 3; n != 0; n, k = n>>1, k+1 {
		if n&1 == 1 {
			p = multiply(squares[k&31], p)
		}
	}
	return p
}

// join returns the CRC-32 of a followed by b; by is shift(len(b)).
func join(a, b, by uint32) uint32 { return multiply(by, a) ^ b }
