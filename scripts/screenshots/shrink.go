package screenshots

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
)

// shrink packs a picture as well as PNG can. Pages have few colours: with no
// more than 256 of them, each pixel takes a byte and nothing is lost; else the
// picture keeps its colours.
func shrink(picture []byte) ([]byte, error) {
	img, err := png.Decode(bytes.NewReader(picture))
	if err != nil {
		return nil, fmt.Errorf("read the picture: %w", err)
	}
	var out bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	if err := encoder.Encode(&out, paletted(img)); err != nil {
		return nil, fmt.Errorf("write the picture: %w", err)
	}
	if out.Len() > len(picture) {
		return picture, nil
	}
	return out.Bytes(), nil
}

// paletted is the picture with a table of its colours, most of which are
// shades of smoothed letters: the lowest bits of a shade are dropped until the
// table has room for all.
func paletted(img image.Image) image.Image {
	for bits := range 5 {
		if small, ok := withColours(img, bits); ok {
			return small
		}
	}
	return img
}

// withColours drops the lowest bits of every colour, and reports whether 256
// colours are enough then.
func withColours(img image.Image, bits int) (*image.Paletted, bool) {
	bounds := img.Bounds()
	plain := image.NewRGBA(bounds)
	draw.Draw(plain, bounds, img, bounds.Min, draw.Src)
	half := byte(0)
	if bits > 0 {
		half = 1 << (bits - 1)
	}
	index := map[color.RGBA]uint8{}
	out := image.NewPaletted(bounds, nil)
	for i := 0; i < len(plain.Pix); i += 4 {
		c := color.RGBA{rounded(plain.Pix[i], bits, half), rounded(plain.Pix[i+1], bits, half), rounded(plain.Pix[i+2], bits, half), 255}
		at, known := index[c]
		if !known {
			if len(index) == 256 {
				return nil, false
			}
			at = uint8(len(index))
			index[c] = at
			out.Palette = append(out.Palette, c)
		}
		out.Pix[i/4] = at
	}
	return out, true
}

// rounded keeps the ends of the scale: white stays white.
func rounded(value byte, bits int, half byte) byte {
	if value == 255 || bits == 0 {
		return value
	}
	return byte(min(255, (int(value)+int(half))>>bits<<bits))
}
