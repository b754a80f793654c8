package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/sync/errgroup"
)

// ReadFile restores all sections from the file at path: all of them, or none
// when it returns an error; Kind classifies the error. Unrequested sections of
// the file are ignored.
func ReadFile(ctx context.Context, path string, want Header, sections []Section) (Result, error) {
	began := time.Now()
	info, err := os.Stat(path)
	if err != nil {
		return Result{}, fmt.Errorf("look for the checkpoint: %w", err)
	}
	if !info.Mode().IsRegular() {
		return Result{}, broken("it is not a regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return Result{}, fmt.Errorf("open the checkpoint: %w", err)
	}
	r, err := read(ctx, f, info.Size(), want, sections)
	if err = errors.Join(err, f.Close()); err != nil {
		return Result{}, err
	}
	r.Took = time.Since(began)
	return r, nil
}

func read(ctx context.Context, from io.ReaderAt, size int64, want Header, sections []Section) (Result, error) {
	h, at, err := readHeader(from, size)
	var other error
	switch {
	case err != nil:
		return Result{}, err
	case h.Source != want.Source:
		return Result{}, foreign("it is of another source or other settings of it")
	case h.Fingerprint != want.Fingerprint:
		other = foreign("it is of another version of the schema or its rules")
	}
	t, err := readTable(from, at, size)
	if err != nil {
		return Result{}, err
	}
	unpacker, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(MaxFrame), zstd.WithDecodeAllCapLimit(true))
	if err != nil {
		return Result{}, fmt.Errorf("set up the decompression: %w", err)
	}
	defer unpacker.Close()
	found := map[string]*Frames{}
	r := Result{Bytes: size, Written: time.Unix(0, h.Written)}
	for _, s := range t.Sections {
		frames := &Frames{ctx: ctx, name: s.Name, from: from, unpacker: unpacker}
		for _, f := range s.Frames {
			frames.list, frames.at = append(frames.list, f), append(frames.at, at)
			at += f.packed()
			r.Raw += f.raw()
		}
		found[s.Name] = frames
	}
	if other == nil {
		other = restore(sections, found)
	}
	if errors.Is(other, ErrForeign) {
		other = errors.Join(other, restore(withOwnVersion(sections), found))
	}
	return r, other
}

// withOwnVersion returns the sections that are restored even if nothing else
// of a file is used.
func withOwnVersion(sections []Section) (out []Section) {
	for _, s := range sections {
		if s.Always {
			s.Optional = true
			out = append(out, s)
		}
	}
	return out
}

// restore reads all sections, and then puts them in force.
func restore(sections []Section, found map[string]*Frames) error {
	var commits []func()
	for _, s := range sections {
		frames := found[s.Name]
		if frames == nil {
			if s.Optional {
				continue
			}
			return foreign("it has no section %q", s.Name)
		}
		commit, err := s.Restore(frames)
		if err != nil {
			return fmt.Errorf("section %q: %w", s.Name, err)
		}
		commits = append(commits, commit)
	}
	for _, commit := range commits {
		commit()
	}
	return nil
}

// Frames are the frames of one section.
type Frames struct {
	ctx      context.Context //nolint:containedctx // lives as long as one Restore
	name     string
	from     io.ReaderAt
	unpacker *zstd.Decoder
	list     []frame
	at       []int64
	plain    [][]byte // replaces all fields above except ctx
}

// FramesOf returns frames that are in memory, for tests of sections.
func FramesOf(ctx context.Context, frames [][]byte) *Frames {
	return &Frames{ctx: ctx, list: make([]frame, len(frames)), plain: frames}
}

// Len returns the number of frames.
func (f *Frames) Len() int { return len(f.list) }

// One returns frame i; the caller owns it.
func (f *Frames) One(i int) ([]byte, error) {
	if i < 0 || i >= len(f.list) {
		return nil, broken("section %q has only %d parts", f.name, len(f.list))
	}
	_, data, err := f.frame(i, nil, nil)
	return data, err
}

// Each calls fn for all frames from the given one on, in no order and on as
// many goroutines as there are processors. fn owns data until it returns. The
// first error ends it.
func (f *Frames) Each(from int, fn func(i int, data []byte) error) error {
	var next atomic.Int64
	next.Store(int64(from))
	group, ctx := errgroup.WithContext(f.ctx)
	for range min(runtime.GOMAXPROCS(0), len(f.list)-from) {
		group.Go(func() error {
			var packed, data []byte
			for {
				i := int(next.Add(1)) - 1
				if i >= len(f.list) {
					return nil
				}
				if err := ctx.Err(); err != nil {
					return err
				}
				var err error
				if packed, data, err = f.frame(i, packed, data); err != nil {
					return err
				}
				if err := fn(i, data); err != nil {
					return err
				}
			}
		})
	}
	return group.Wait()
}

// frame reads frame i into the given buffers, or longer ones.
func (f *Frames) frame(i int, packed, data []byte) (packed2, data2 []byte, err error) {
	if f.plain != nil {
		return packed, append(data[:0], f.plain[i]...), nil
	}
	e := f.list[i]
	packed = grow(packed, int(e.packed()))
	if err := readAt(f.from, packed, f.at[i]); err != nil {
		return packed, data, err
	}
	if xxhash.Sum64(packed) != e.hash() {
		return packed, data, broken("the hash of a part of section %q is wrong", f.name)
	}
	data = grow(data, int(e.raw()))
	out, err := f.unpacker.DecodeAll(packed, data[:0])
	if err != nil || len(out) != int(e.raw()) {
		return packed, data, broken("a part of section %q can't be decompressed", f.name)
	}
	return packed, out, nil
}

func grow(b []byte, n int) []byte {
	if cap(b) < n {
		return make([]byte, n)
	}
	return b[:n]
}
