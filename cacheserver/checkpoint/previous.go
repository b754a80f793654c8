package checkpoint

import (
	"fmt"
	"io"
	"os"

	"github.com/cespare/xxhash/v2"
)

// previous is the file that is about to be replaced. Sections are carried over
// from it.
type previous struct {
	file     *os.File
	sections map[string]carried
}

// carried are the packed frames of a section in another file.
type carried struct {
	from io.ReaderAt
	list []frame
	at   []int64
}

// openPrevious opens the file at path for carrying over the sections that
// allow it. There are none if it is missing, damaged or of another source:
// these sections are captured.
func openPrevious(path string, want Header, sections []Section) (*previous, error) {
	p := &previous{sections: map[string]carried{}}
	carry := map[string]bool{}
	for _, s := range sections {
		if s.Carry != nil && s.Carry() {
			carry[s.Name] = true
		}
	}
	if len(carry) == 0 {
		return p, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return p, fmt.Errorf("open the previous checkpoint: %w", err)
	}
	p.file = f
	info, err := f.Stat()
	if err != nil {
		return p, fmt.Errorf("look at the previous checkpoint: %w", err)
	}
	h, at, err := readHeader(f, info.Size())
	if err != nil || h.Source != want.Source {
		return p, err
	}
	t, err := readTable(f, at, info.Size())
	if err != nil {
		return p, err
	}
	for _, s := range t.Sections {
		c := carried{from: f}
		for _, fr := range s.Frames {
			c.list, c.at = append(c.list, fr), append(c.at, at)
			at += fr.packed()
		}
		if !carry[s.Name] {
			continue
		}
		if err := c.check(); err != nil {
			return p, fmt.Errorf("section %q of the previous checkpoint: %w", s.Name, err)
		}
		p.sections[s.Name] = c
	}
	return p, nil
}

func (p *previous) close() error {
	if p.file == nil {
		return nil
	}
	return p.file.Close()
}

// check reads all frames and compares their hashes.
func (c carried) check() error {
	return c.each(func(frame, []byte) error { return nil })
}

// each reads one packed frame after another. fn must not keep the bytes.
func (c carried) each(fn func(f frame, packed []byte) error) error {
	var packed []byte
	for i, f := range c.list {
		packed = grow(packed, int(f.packed()))
		if err := readAt(c.from, packed, c.at[i]); err != nil {
			return err
		}
		if xxhash.Sum64(packed) != f.hash() {
			return broken("the hash of a part is wrong")
		}
		if err := fn(f, packed); err != nil {
			return err
		}
	}
	return nil
}
