package answer

import (
	"encoding/binary"
	"strconv"
	"strings"

	"github.com/cespare/xxhash/v2"
	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/cacheserver/api/negotiate"
)

// etag identifies the content in one representation. It does not depend on the
// generation, so an unchanged page stays valid. Tags of compressed bodies are
// weak: the same content may be compressed to other bytes another time.
func (s *Sender) etag(a *Answer, coding string) string {
	var d xxhash.Digest
	d.Reset()
	var n [8]byte
	number := func(v uint64) {
		binary.LittleEndian.PutUint64(n[:], v)
		_, _ = d.Write(n[:]) // never fails
	}
	text := func(s []byte) {
		number(uint64(len(s)))
		_, _ = d.Write(s)
	}
	number(s.o.Seed)
	number(a.Version)
	number(uint64(a.Body.Count))
	if a.Same != nil {
		text(a.Same)
	} else {
		text(a.Body.Head)
		text(a.Body.Tail)
	}
	text([]byte(a.Format))
	text([]byte(a.Media))
	for _, k := range a.Fields {
		text([]byte(k))
	}
	const longest = 64
	tag := make([]byte, 0, longest)
	if coding != negotiate.Identity || a.Same != nil {
		tag = append(tag, "W/"...)
	}
	tag = strconv.AppendUint(append(tag, '"'), d.Sum64(), 16)
	if coding != negotiate.Identity {
		tag = append(append(tag, '-'), coding...)
	}
	return string(append(tag, '"'))
}

// holds reports whether the client sent the tag in If-None-Match.
func holds(c echo.Context, tag string) bool {
	given := c.Request().Header["If-None-Match"]
	return len(given) > 0 && negotiate.Matches(strings.Join(given, ","), tag)
}
