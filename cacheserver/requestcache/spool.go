package requestcache

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"sync/atomic"

	"github.com/cespare/xxhash/v2"
	"github.com/klauspost/compress/gzip"

	"github.com/dmwm/wmstats/cacheserver/couch"
	"github.com/dmwm/wmstats/schema/jsonscan"
)

// ErrSpool reports that the temporary file could not be written or read.
var ErrSpool = errors.New("temporary file failed")

// answer is one requestcache, as documents in a temporary file. It is
// immutable; the last user removes the file.
type answer struct {
	version string // equal for answers with the same documents, in any order
	bytes   int64  // of text
	file    *os.File
	docs    map[couch.Database][]place // in the order of the file
	index   map[couch.Database]map[string]int

	from string                    // version that the next two refer to
	diff map[couch.Database]change // changes since then

	users atomic.Int64
}

// place is where a document is stored.
type place struct {
	id   string
	hash uint64 // of all of its bytes
	at   int64
	size int
}

// change is the difference between two answers.
type change struct {
	changed []int    // indices of docs: new and changed ones
	gone    []string // ids
	tooMany bool     // too many are gone to be taken for deletions
}

// If more than a tenth of all documents, and not just a few, are gone at once,
// the guard of a full read must decide.
const (
	goneShare = 10
	goneFew   = 20
)

func (a *answer) retain() { a.users.Add(1) }

func (a *answer) release() error {
	if a.users.Add(-1) > 0 {
		return nil
	}
	// On some systems it has no name any more.
	err := a.file.Close()
	if rerr := os.Remove(a.file.Name()); rerr != nil && !errors.Is(rerr, os.ErrNotExist) {
		err = errors.Join(err, rerr)
	}
	return err
}

// read returns a document; buf is reused if it is large enough.
func (a *answer) read(p place, buf []byte) ([]byte, error) {
	if cap(buf) < p.size {
		buf = make([]byte, p.size)
	}
	buf = buf[:p.size]
	if _, err := a.file.ReadAt(buf, p.at); err != nil {
		return nil, &Error{Op: "read a document back", Kind: ErrSpool, Err: err, Public: "could not read the temporary file"}
	}
	return buf, nil
}

// compare records the differences from an older answer.
func (a *answer) compare(before *answer) {
	a.from, a.diff = before.version, map[couch.Database]change{}
	for db, docs := range a.docs {
		var c change
		for i, p := range docs {
			j, ok := before.index[db][p.id]
			if !ok || before.docs[db][j].hash != p.hash {
				c.changed = append(c.changed, i)
			}
		}
		for _, p := range before.docs[db] {
			if _, ok := a.index[db][p.id]; !ok {
				c.gone = append(c.gone, p.id)
			}
		}
		c.tooMany = len(c.gone) > goneFew && len(c.gone)*goneShare > len(before.docs[db])
		a.diff[db] = c
	}
}

// longest is the maximum number of bytes of a document, the same as for
// CouchDB.
const longest = 256 << 20

// spool reads an answer to its end and writes its documents to a file. Its
// memory is that of the largest document, and of the index.
func spool(text io.Reader, dir string) (made *answer, err error) {
	file, err := os.CreateTemp(dir, "wmstats-requestcache-*")
	if err != nil {
		return nil, spoolFault(err)
	}
	a := &answer{
		file: file, docs: map[couch.Database][]place{couch.Requests: nil, couch.WMStats: nil},
		index: map[couch.Database]map[string]int{couch.Requests: {}, couch.WMStats: {}},
	}
	a.retain()
	// A file without a name can't be left behind. On systems where an open
	// file keeps its name, release removes it.
	_ = os.Remove(file.Name())
	defer func() {
		if err != nil {
			err = errors.Join(err, a.release())
		}
	}()
	in := &counter{from: bufio.NewReaderSize(text, 256<<10)}
	plain, err := unzipped(in)
	if err != nil {
		return nil, ofText(err)
	}
	s := &spooler{a: a, in: jsonscan.NewReader(plain, longest), out: bufio.NewWriterSize(file, 256<<10)}
	if err := s.all(); err != nil {
		return nil, ofText(err)
	}
	if err := s.out.Flush(); err != nil {
		return nil, spoolFault(err)
	}
	if len(a.docs[couch.Requests]) == 0 {
		return nil, &Error{Op: "read the requestcache", Kind: couch.ErrForm, Err: errors.New("it holds no workflow"), Public: "the requestcache is empty: the old server has not filled it"}
	}
	a.bytes = in.n
	a.version = a.sum()
	return a, nil
}

// sum is a hash of all documents that does not depend on their order.
func (a *answer) sum() string {
	var total uint64
	for db, docs := range a.docs {
		for _, p := range docs {
			total += xxhash.Sum64String(db.String() + "/" + p.id + "/" + strconv.FormatUint(p.hash, 16))
		}
	}
	return fmt.Sprintf("%d-%016x", len(a.docs[couch.Requests])+len(a.docs[couch.WMStats]), total)
}

func spoolFault(err error) error {
	return &Error{Op: "keep the requestcache", Kind: ErrSpool, Err: err, Public: "could not write the temporary file of the requestcache"}
}

// ofText explains an error in the text.
func ofText(err error) error {
	const op = "read the requestcache"
	var e *Error
	var syntax *json.SyntaxError
	var file *fs.PathError
	switch {
	case errors.As(err, &e):
		return err
	case errors.As(err, &file), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return &Error{Op: op, Kind: couch.ErrUnreachable, Err: err, Public: "could not read the requestcache"}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, gzip.ErrChecksum),
		errors.As(err, &syntax) && syntax.Error() == "unexpected end of JSON input":
		return &Error{Op: op, Kind: couch.ErrCut, Err: err, Public: "the requestcache is truncated"}
	}
	return &Error{Op: op, Kind: couch.ErrForm, Err: err, Public: "the answer is not a requestcache"}
}

// counter counts bytes.
type counter struct {
	from *bufio.Reader
	n    int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.from.Read(p)
	c.n += int64(n)
	return n, err
}

// unzipped reads a dump that was saved with gzip.
func unzipped(in *counter) (io.Reader, error) {
	head, err := in.from.Peek(2)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if !bytes.Equal(head, []byte{0x1f, 0x8b}) {
		return in, nil
	}
	return gzip.NewReader(in)
}
