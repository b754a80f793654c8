// Package checkpoint keeps what a server knows in one file, so that the next
// start need not read everything again. It is a container: sections with a
// name, each made of frames that are compressed and hashed one by one, written
// to a temporary file that takes the place of the old one when all of it is on
// the disk. Owners of sections write and read them (Section); the package knows
// neither records nor positions. It is no database and no log: a file is
// written as a whole, and one that is not whole, or not of this program and
// source, is of no use.
//
//	magic, format, header with its length and hash
//	frames, one after the other, those of a section in their order
//	table of the sections and their frames
//	place, length and hash of the table, hash of these, magic
//
// Every byte is covered by a hash, so a file that is cut, or differs in one
// bit, is known for broken before anything of it is used.
package checkpoint

import (
	"errors"
	"fmt"
	"io/fs"
	"time"
)

// Format is the version of the container; sections have versions of their own.
const Format = 1

// MaxFrame is the greatest length of a frame before compression, in bytes.
// Frames of 100 KB to 1 MB use processors and memory best.
const MaxFrame = 64 << 20

// Header says what a file is of. Two files with the same Fingerprint and
// Source may take each other's place.
type Header struct {
	Fingerprint string // of the form and the rules of the records
	Source      string // where the documents are; no credentials
}

// Section is one part of a file. Its owner has a form and a version of its own.
type Section struct {
	Name     string // of its own in a file
	Optional bool   // a file without it is of use too

	// Capture takes hold of the state as it is now; nobody should have to wait
	// for it for long. What it returns writes that state, later and at leisure; put
	// takes a copy of a frame, and its errors are to be returned. Sections are
	// captured in the order in which they are given.
	Capture func() (write Write, err error)

	// Restore reads the section and changes nothing: commit does, once all
	// sections have been read. It must take any frames without a panic.
	Restore func(frames *Frames) (commit func(), err error)
}

// Write writes the frames of a section.
type Write func(put func(frame []byte) error) error

// Result describes a file.
type Result struct {
	Bytes   int64     // length of the file
	Raw     int64     // length before compression
	Written time.Time // when the state was captured
	Took    time.Duration
	Capture time.Duration // of Took: until all sections were captured
}

// Kinds of what is wrong with a file; errors.Is tells them. A file that is not
// there is fs.ErrNotExist.
var (
	ErrBroken  = errors.New("broken")  // cut, changed, or no checkpoint at all
	ErrForeign = errors.New("foreign") // good, but of another program, schema or source
)

// Kind names what an error of Read or Write is about, for metrics: none,
// missing, broken, foreign or failed.
func Kind(err error) string {
	switch {
	case err == nil:
		return "none"
	case errors.Is(err, fs.ErrNotExist):
		return "missing"
	case errors.Is(err, ErrBroken):
		return "broken"
	case errors.Is(err, ErrForeign):
		return "foreign"
	}
	return "failed"
}

// Public says what an error of Read or Write is about without naming a path.
func Public(err error) string {
	var path *fs.PathError
	var text *fault
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "there is no file"
	case errors.As(err, &text):
		return text.Error()
	case errors.As(err, &path):
		return path.Op + ": " + path.Err.Error()
	}
	return "it failed; the log says why"
}

// fault is an ErrBroken or an ErrForeign with a reason.
type fault struct {
	kind   error
	reason string
}

func (f *fault) Error() string { return f.kind.Error() + ": " + f.reason }
func (f *fault) Unwrap() error { return f.kind }

func broken(format string, args ...any) error {
	return &fault{ErrBroken, fmt.Sprintf(format, args...)}
}

func foreign(format string, args ...any) error {
	return &fault{ErrForeign, fmt.Sprintf(format, args...)}
}
