// Package checkpoint saves and restores the state of a server in one file, so
// that the next start does not need a full read. The file is a container of
// named sections. Each section consists of frames that are compressed and
// hashed separately. A temporary file is written and synced to disk, then
// replaces the old file. Owners of sections write and read them (Section); the
// package does not depend on records or positions. It is not a database and
// not a log: the file is always written as a whole, and a damaged file, or one
// of another program or source, is rejected as a whole, except for sections
// that have their own version (Section.Always).
//
//	magic, format, header with its length and hash
//	frames, one after another, those of a section in their order
//	table of the sections and their frames
//	offset, length and hash of the table, hash of these, magic
//
// Every byte is covered by a hash, so a file that is truncated, or differs in
// one bit, is rejected before any of it is used.
package checkpoint

import (
	"errors"
	"fmt"
	"io/fs"
	"time"
)

// Format is the version of the container; sections have their own versions.
const Format = 1

// MaxFrame is the maximum length of a frame before compression, in bytes.
// Frames of 100 KB to 1 MB use processors and memory best.
const MaxFrame = 64 << 20

// Header describes the content of a file. Two files with the same Fingerprint
// and Source are interchangeable.
type Header struct {
	Fingerprint string // of the schema and the rules of the records
	Source      string // where the documents come from; no credentials
}

// Section is one part of a file. Its owner defines its format and version.
type Section struct {
	Name     string // unique in a file
	Optional bool   // a file without it is valid too

	// Always means that the section has its own version: it is restored even
	// if the file is of another fingerprint, or another section is of another
	// version, so that nothing else of the file is used.
	Always bool

	// Carry reports that the section in the previous file is new enough: it is
	// copied instead of captured, if that file has it. nil: never.
	Carry func() bool

	// Capture captures the current state; it must not block others for long.
	// The returned function writes that state later, without time pressure.
	// put copies a frame; its errors must be returned. Sections are captured
	// in the order in which they are passed.
	Capture func() (write Write, err error)

	// Restore reads the section and changes nothing: commit does, once all
	// sections have been read. It must accept any frames without a panic.
	Restore func(frames *Frames) (commit func(), err error)
}

// Write writes the frames of a section.
type Write func(put func(frame []byte) error) error

// Result describes a written or restored file.
type Result struct {
	Bytes   int64     // length of the file
	Raw     int64     // length before compression
	Written time.Time // when the state was captured
	Took    time.Duration
	Capture time.Duration // part of Took: until all sections were captured

	NotCarried error // why sections were captured that could have been carried over; nil if none
}

// Kinds of invalid files, for errors.Is. A missing file is fs.ErrNotExist.
var (
	ErrBroken  = errors.New("broken")  // truncated, changed, or not a checkpoint
	ErrForeign = errors.New("foreign") // valid, but of another program, schema or source
)

// Kind classifies an error of Read or Write, for metrics: none, missing,
// broken, foreign or failed.
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

// Public describes an error of Read or Write without a path.
func Public(err error) string {
	var path *fs.PathError
	var text *fault
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "the file does not exist"
	case errors.As(err, &text):
		return text.Error()
	case errors.As(err, &path):
		return path.Op + ": " + path.Err.Error()
	}
	return "it failed; see the log"
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
