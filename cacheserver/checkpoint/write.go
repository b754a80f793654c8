package checkpoint

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/klauspost/compress/zstd"
)

// temporary is the suffix of the file that is written before it is renamed.
const temporary = ".tmp-"

// WriteFile captures all sections, in their order, and writes them to the file
// at path, completely or not at all: an existing file remains until the new
// one is on the disk. It uses one processor. Its memory does not grow with the
// file, except for what sections capture. When ctx ends it stops with the
// error of ctx.
func WriteFile(ctx context.Context, path string, h Header, sections []Section, now func() time.Time) (r Result, err error) {
	began := time.Now()
	r.Written = now()
	old, previousErr := openPrevious(path, h, sections)
	defer func() { err = errors.Join(err, old.close()) }()
	if previousErr != nil && !errors.Is(previousErr, os.ErrNotExist) {
		r.NotCarried = previousErr
	}
	writes, err := capture(sections, old)
	if err != nil {
		return r, err
	}
	r.Capture = time.Since(began)
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+temporary+"*")
	if err != nil {
		return r, fmt.Errorf("begin a checkpoint: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	if r.Bytes, r.Raw, err = writeAll(ctx, f, h, sections, writes, old, r.Written); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return r, fmt.Errorf("write a checkpoint: %w", err)
	}
	if err = os.Rename(f.Name(), path); err != nil {
		return r, fmt.Errorf("put a checkpoint in place: %w", err)
	}
	r.Took = time.Since(began)
	return r, syncFolder(filepath.Dir(path))
}

// capture captures the sections that are not carried over; these have no
// Write.
func capture(sections []Section, old *previous) ([]Write, error) {
	writes := make([]Write, len(sections))
	for i, s := range sections {
		if _, ok := old.sections[s.Name]; ok {
			continue
		}
		write, err := s.Capture()
		if err != nil {
			return nil, fmt.Errorf("capture section %q: %w", s.Name, err)
		}
		writes[i] = write
	}
	return writes, nil
}

// syncFolder makes the new name as durable as the file.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("open the folder of the checkpoint: %w", err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("write the folder of the checkpoint: %w", err)
	}
	return nil
}

// RemoveLeftovers removes the files that killed writers left. No other process
// may be writing the same file.
func RemoveLeftovers(path string) error {
	names, err := filepath.Glob(escape(path) + temporary + "*")
	if err != nil {
		return fmt.Errorf("look for leftover checkpoints: %w", err)
	}
	var faults []error
	for _, name := range names {
		faults = append(faults, os.Remove(name))
	}
	return errors.Join(faults...)
}

// escape turns a path into a pattern that matches only this path.
func escape(path string) string {
	var out []byte
	for i := range len(path) {
		switch path[i] {
		case '*', '?', '[', '\\':
			out = append(out, '\\')
		}
		out = append(out, path[i])
	}
	return string(out)
}

func writeAll(ctx context.Context, to io.Writer, h Header, sections []Section, writes []Write, old *previous, at time.Time) (size, raw int64, err error) {
	packer, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderCRC(false), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return 0, 0, fmt.Errorf("set up the compression: %w", err)
	}
	w := bufio.NewWriterSize(to, 256<<10)
	head, err := appendHeader(nil, h, at)
	if err != nil {
		return 0, 0, err
	}
	if _, err := w.Write(head); err != nil {
		return 0, 0, err
	}
	size = int64(len(head))
	t := table{Sections: make([]entry, len(sections))}
	var packed []byte
	for i, s := range sections {
		e := &t.Sections[i]
		e.Name, e.Frames = s.Name, []frame{}
		if writes[i] == nil {
			err := old.sections[s.Name].each(func(f frame, packed []byte) error {
				e.Frames = append(e.Frames, f)
				size, raw = size+f.packed(), raw+f.raw()
				_, err := w.Write(packed)
				return err
			})
			if err != nil {
				return 0, 0, fmt.Errorf("carry over section %q: %w", s.Name, err)
			}
			continue
		}
		err := writes[i](func(data []byte) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			if len(data) > MaxFrame {
				return fmt.Errorf("frame of %d bytes: at most %d", len(data), MaxFrame)
			}
			packed = packer.EncodeAll(data, packed[:0])
			e.Frames = append(e.Frames, frame{uint64(len(packed)), uint64(len(data)), xxhash.Sum64(packed)})
			size, raw = size+int64(len(packed)), raw+int64(len(data))
			_, err := w.Write(packed)
			return err
		})
		if err != nil {
			return 0, 0, fmt.Errorf("section %q: %w", s.Name, err)
		}
	}
	end, err := appendTable(nil, t, size)
	if err != nil {
		return 0, 0, err
	}
	if _, err := w.Write(end); err != nil {
		return 0, 0, err
	}
	return size + int64(len(end)), raw, w.Flush()
}
